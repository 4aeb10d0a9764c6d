package exits

import (
	"fmt"
	"os"
	"testing"
)

func TestGood(t *testing.T) {}

func TestExits(t *testing.T) {
	fmt.Println("leaving")
	os.Exit(3)
}
