package where

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestSource finds its data beside its source file, as many tests do.
func TestSource(t *testing.T) {
	_, file, _, _ := runtime.Caller(0)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(file) != dir {
		t.Errorf("source %s, folder %s", file, dir)
	}
}

func TestFolder(t *testing.T) {
	if _, err := os.Stat("where_test.go"); err != nil {
		t.Error(err)
	}
	if dir, _ := os.Getwd(); os.Getenv("PWD") != dir {
		t.Errorf("PWD %s, folder %s", os.Getenv("PWD"), dir)
	}
}
