package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// listTime is how long a binary may take to list its tests where they have no time-out: a TestMain runs before that.
	listTime = 10 * time.Minute
	// batch is how many names one fact holds.
	batch = 500
)

// list tells the tests of every package. One whose binary cannot list them is run as a whole.
func list(asked request, err error) error {
	if err != nil {
		return err
	}
	known, err := readMade(asked.Tree)
	if err != nil {
		return err
	}
	found := make([]chan []string, len(known.Packages))
	slots := make(chan struct{}, runtime.NumCPU())
	for i := range known.Packages {
		found[i] = make(chan []string, 1)
		go func(i int) {
			slots <- struct{}{}
			found[i] <- names(asked, known, i)
			<-slots
		}(i)
	}
	for i, one := range known.Packages {
		names := <-found[i]
		told := func(names []string) {
			tell("listed", fact{
				"package": one.Package, "binary": one.Binary != "", "failed": one.Failed, "main": one.Main, "tests": names,
			})
		}
		for len(names) > batch {
			told(names[:batch])
			names = names[batch:]
		}
		told(names)
	}
	return nil
}

func names(asked request, known made, index int) []string {
	one := known.Packages[index]
	names := []string{}
	if one.Binary == "" {
		return names
	}
	binary, err := patched(asked, known, index)
	if err != nil {
		fmt.Println("muster:", err)
		return names
	}
	defer os.RemoveAll(filepath.Dir(binary))
	timeout := time.Duration(asked.Timeout)
	if timeout == 0 {
		timeout = listTime
	}
	cmd := exec.Command(binary, append([]string{"-test.list=."}, asked.Args...)...)
	cmd.Dir = filepath.Join(asked.Tree, one.Dir)
	cmd.Env = environment(known, cmd.Dir)
	var out bytes.Buffer
	failed, _, err := follow(cmd, &out, false, timeout)
	if err != nil {
		failed = err.Error()
	}
	if failed != "" {
		fmt.Printf("muster: %s does not list its tests (%s) and is run as a whole\n", one.Package, failed)
		return names
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if line = strings.TrimSuffix(line, "\r"); isTest(line) {
			names = append(names, line)
		}
	}
	return names
}

// isTest: a benchmark is listed and not run, and a TestMain may print what it likes.
func isTest(line string) bool {
	for _, prefix := range []string{"Test", "Example", "Fuzz"} {
		rest := strings.TrimPrefix(line, prefix)
		first, _ := utf8.DecodeRuneInString(rest)
		if rest != line && !unicode.IsLower(first) && strings.IndexFunc(rest, isNoName) < 0 {
			return true
		}
	}
	return false
}

func isNoName(r rune) bool {
	return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}
