package hangs

import "testing"

func TestQuick(t *testing.T) {}

func TestHangs(t *testing.T) {
	t.Log("waiting")
	<-make(chan int)
}

func TestNeverReached(t *testing.T) {}
