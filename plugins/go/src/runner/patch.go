package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// maxPath is the longest path that is looked for in a binary.
const maxPath = 4096

// patched is a copy of a package's binary that names source files by the path they have here: tests find their data
// by it, through runtime.Caller. It stands in a folder of its own below the attempt's.
func patched(asked request, known made, index int) (string, error) {
	one := known.Packages[index]
	data, err := os.ReadFile(filepath.Join(binaries(asked.Tree), one.Binary))
	if err != nil {
		return "", err
	}
	patch(data, []byte(known.Root), []byte(asked.Tree))
	dir := filepath.Join(asked.Attempt, "bin", strconv.Itoa(index))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, filepath.Base(one.Binary))
	// A program that is forked meanwhile would hold the file open, and a file that is open for writing cannot be started.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return binary, os.WriteFile(binary, data, 0o777)
}

// patch puts one path in the place of a longer one, in each text that begins with it and ends with a zero byte, as
// those of the table of files do. What gets shorter is filled up with zeros.
func patch(data, from, to []byte) {
	if len(to) > len(from) {
		return
	}
	for at := 0; ; {
		found := bytes.Index(data[at:], from)
		if found < 0 {
			return
		}
		start := at + found
		at = start + len(from)
		rest := data[at:]
		if len(rest) > maxPath {
			rest = rest[:maxPath]
		}
		end := bytes.IndexByte(rest, 0)
		if end <= 0 || rest[0] != filepath.Separator || start == 0 || data[start-1] != 0 {
			continue
		}
		text := append(append([]byte{}, to...), rest[:end]...)
		filled := copy(data[start:], text)
		for i := start + filled; i < at+end; i++ {
			data[i] = 0
		}
		at += end
	}
}
