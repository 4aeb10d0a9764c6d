package main

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// folder lies below the tree; the go command passes over names that begin with a dot.
const folder = ".muster-go"

// made is what making the tree found out, kept for every machine.
type made struct {
	// Root is the tree's path that the binaries were compiled under, Goroot that of the toolchain.
	Root, Goroot string
	// Verbose is the value of -test.v: newer test binaries mark their own lines.
	Verbose  string
	Packages []testPackage
}

// testPackage is a package that `go test` has a verdict of.
type testPackage struct {
	Package string
	// Dir is below the tree.
	Dir string
	// Binary is below the folder of binaries; empty where there is none.
	Binary string
	// Failed is why there is none: `build failed`, `setup failed`. Output is what was said then.
	Failed, Output string
	// Main: it has a TestMain.
	Main bool
}

func binaries(tree string) string {
	return filepath.Join(tree, folder, "bin")
}

func (m made) write(tree string) error {
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(tree, folder, "made.json"), data, 0o666)
}

func readMade(tree string) (made, error) {
	var m made
	data, err := os.ReadFile(filepath.Join(tree, folder, "made.json"))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	return m, err
}
