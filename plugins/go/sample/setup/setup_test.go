package setup

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	fmt.Println("setting up")
	m.Run()
	fmt.Println("tearing down failed")
	os.Exit(1)
}

func TestWell(t *testing.T) {}
