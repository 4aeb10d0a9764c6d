// Compiles, lists and runs the tests of a Go module for Muster.
//
// It is built once, with the module's own go command, and kept in the made tree: other machines need no go command.
// It uses the standard library of Go 1.16 and later. What it tells stands in lines of its own: U+001E, `MUSTER `, JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: %s make|keep|list|run FILE", os.Args[0]))
	}
	switch mode, file := os.Args[1], os.Args[2]; mode {
	case "make":
		check(makeAll(ask(file)))
	case "keep":
		check(keep(file))
	case "list":
		check(list(ask(file)))
	case "run":
		ok, err := run(ask(file))
		check(err)
		if !ok {
			os.Exit(1)
		}
	default:
		fail(fmt.Errorf("unknown mode %q", mode))
	}
}

// request is what the plugin asks.
type request struct {
	// Tree and Attempt are absolute; Dir, the module's folder, is below Tree.
	Tree, Dir, Attempt string
	// Go is the go command, Flags are those of its builds, VetFlags those of `go test` alone, Packages its patterns.
	Go                        string
	Flags, VetFlags, Packages []string
	// Args are for the test binaries. Timeout is theirs, in nanoseconds; 0 is none.
	Args    []string
	Timeout int64
	Run     []part
}

// part is what to run of a package: all tests where none is named.
type part struct {
	Package string
	Tests   []string
}

func ask(file string) (request, error) {
	var asked request
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &asked)
	}
	return asked, err
}

// fact is what the plugin is told.
type fact map[string]interface{}

func tell(event string, told fact) {
	told["event"] = event
	data, err := json.Marshal(told)
	check(err)
	fmt.Printf("\x1eMUSTER %s\n", data)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "muster:", err)
	os.Exit(2)
}
