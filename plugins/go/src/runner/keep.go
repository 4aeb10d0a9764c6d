package main

import (
	"io"
	"os"
	"path/filepath"
)

// What `keep` is told by its environment: where binaries are kept, and the module's tree as compiled.
const (
	keptVariable = "MUSTER_GO_KEPT"
	rootVariable = "MUSTER_GO_ROOT"
)

// marker parts a package's folder from the binary's name; no package can be called so.
const marker = "@"

// keep is called by `go test -exec` in place of each test binary, in the package's folder.
func keep(binary string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	below, err := filepath.Rel(os.Getenv(rootVariable), dir)
	if err != nil {
		return err
	}
	target := filepath.Join(os.Getenv(keptVariable), below, marker, filepath.Base(binary))
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return err
	}
	if os.Link(binary, target) == nil {
		return nil
	}
	return copyFile(binary, target)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o777)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// kept is the binary of a package, below the folder of binaries.
func kept(tree, dir string) string {
	entries, err := os.ReadDir(filepath.Join(binaries(tree), dir, marker))
	if err != nil || len(entries) != 1 {
		return ""
	}
	return filepath.Join(dir, marker, entries[0].Name())
}
