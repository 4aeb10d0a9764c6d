package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// patternLimit is how long one -test.run may be: an argument has at most 128 KiB.
	patternLimit = 100 << 10
	// killDelay is how much later than its own time-out a binary is ended, as `go test` has it.
	killDelay = time.Minute
	// quitDelay is how long it may print its stacks.
	quitDelay = 5 * time.Second
	// Least and most that output may stay open after a binary's end, as `go test` has it.
	minOutputDelay, maxOutputDelay = 5 * time.Second, time.Minute
)

// run runs the parts in order. False if one failed.
func run(asked request, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	known, err := readMade(asked.Tree)
	if err != nil {
		return false, err
	}
	at := map[string]int{}
	for i, one := range known.Packages {
		at[one.Package] = i
	}
	ok := true
	for _, what := range asked.Run {
		index, is := at[what.Package]
		if !is {
			return false, fmt.Errorf("the made tree has no package %s", what.Package)
		}
		passed, err := runPart(asked, known, index, what.Tests)
		if err != nil {
			return false, err
		}
		ok = ok && passed
	}
	return ok, nil
}

func runPart(asked request, known made, index int, tests []string) (bool, error) {
	one := known.Packages[index]
	tell("package", fact{"package": one.Package})
	if one.Binary == "" {
		fmt.Print(one.Output)
		if one.Output != "" && !strings.HasSuffix(one.Output, "\n") {
			fmt.Println()
		}
		tell("exited", fact{"package": one.Package, "ok": false, "end": one.Failed})
		fmt.Printf("FAIL\t%s [%s]\n", one.Package, one.Failed)
		return false, nil
	}
	binary, err := patched(asked, known, index)
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(filepath.Dir(binary))
	ok, end, began := true, "", time.Now()
	for _, pattern := range patterns(tests) {
		args := []string{"-test.paniconexit0", "-test.v=" + known.Verbose}
		if pattern != "" {
			args = append(args, "-test.run="+pattern)
		}
		// Last, as flags end where the project's own arguments begin.
		cmd := exec.Command(binary, append(args, asked.Args...)...)
		cmd.Dir = filepath.Join(asked.Tree, one.Dir)
		cmd.Env = environment(known, cmd.Dir)
		failed, err := runBinary(cmd, time.Duration(asked.Timeout))
		if err != nil {
			return false, err
		}
		if failed != "" {
			ok, end = false, failed
		}
	}
	took := time.Since(began).Seconds()
	tell("exited", fact{"package": one.Package, "ok": ok, "end": end, "took": took})
	word := "ok  "
	if !ok {
		word = "FAIL"
	}
	fmt.Printf("%s\t%s\t%.3fs\n", word, one.Package, took)
	return ok, nil
}

// patterns select exactly these tests; an empty one selects all.
func patterns(tests []string) []string {
	if len(tests) == 0 {
		return []string{""}
	}
	var all []string
	var names []string
	length := 0
	for i, name := range tests {
		names = append(names, name)
		length += len(name) + 1
		if length > patternLimit || i == len(tests)-1 {
			all = append(all, "^("+strings.Join(names, "|")+")$")
			names, length = nil, 0
		}
	}
	return all
}

// environment is that of a test binary under `go test`: its folder, and the go command that compiled it, if it is here.
func environment(known made, dir string) []string {
	env := append(os.Environ(), "PWD="+dir)
	bin := filepath.Join(known.Goroot, "bin")
	if info, err := os.Stat(bin); known.Goroot == "" || err != nil || !info.IsDir() {
		return env
	}
	return append(env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// runBinary runs it to its end and says how it failed, if it did.
func runBinary(cmd *exec.Cmd, timeout time.Duration) (string, error) {
	out := &output{ended: true}
	failed, drained, err := follow(cmd, out, true, timeout)
	if err != nil {
		return "", err
	}
	if !drained {
		fmt.Println("*** Test I/O incomplete after exiting.")
		if failed == "" {
			failed = "its output stayed open after its end"
		}
	}
	if !out.ended {
		fmt.Println()
	}
	return failed, nil
}

// follow runs it to its end and copies its output, or all that it prints. It says how it failed, if it did, and whether
// the output has ended too: what a test left behind may hold it open.
func follow(cmd *exec.Cmd, out io.Writer, all bool, timeout time.Duration) (string, bool, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return "", false, err
	}
	defer reader.Close()
	cmd.Stdout = writer
	if all {
		cmd.Stderr = writer
	}
	err = cmd.Start()
	writer.Close()
	if err != nil {
		return "", false, err
	}
	drained := make(chan struct{})
	go func() {
		io.Copy(out, reader)
		close(drained)
	}()
	failed := wait(cmd, timeout)
	if isDrained(drained, timeout) {
		return failed, true, nil
	}
	reader.Close()
	<-drained
	return failed, false, nil
}

// output passes bytes on, and knows whether the last line ended.
type output struct {
	ended bool
}

func (o *output) Write(data []byte) (int, error) {
	if len(data) > 0 {
		o.ended = data[len(data)-1] == '\n'
	}
	return os.Stdout.Write(data)
}

// wait ends what its own time-out did not end.
func wait(cmd *exec.Cmd, timeout time.Duration) string {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout + killDelay)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case err := <-done:
		if err != nil {
			return err.Error()
		}
		return ""
	case <-late:
	}
	cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-done:
	case <-time.After(quitDelay):
		cmd.Process.Kill()
		<-done
	}
	fmt.Printf("*** Test killed: ran too long (%v).\n", timeout+killDelay)
	return "killed: ran too long"
}

func isDrained(drained <-chan struct{}, timeout time.Duration) bool {
	delay := timeout / 10
	if delay < minOutputDelay {
		delay = minOutputDelay
	}
	if delay > maxOutputDelay || timeout == 0 {
		delay = maxOutputDelay
	}
	select {
	case <-drained:
		return true
	case <-time.After(delay):
		return false
	}
}
