package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	// pathRoom is how long a tree's path may be on another machine: binaries are compiled under a path of this length.
	pathRoom = 240
	// notKept is how a package's own program would have failed; here it is the keeping that did.
	notKept = "its test binary was not kept"
)

var testMain = regexp.MustCompile(`(?m)^func\s+TestMain\s*\(`)

// makeAll compiles every test binary as `go test` would, vet and all: `go test` itself does it, and instead of running
// a binary it hands it over to be kept. A package that does not compile has failed; the others go on.
func makeAll(asked request, err error) error {
	if err != nil {
		return err
	}
	if err := os.RemoveAll(binaries(asked.Tree)); err != nil {
		return err
	}
	module := longPath(asked)
	result := made{Root: strings.TrimSuffix(module, filepath.Join("/", asked.Dir)), Verbose: "true"}
	if asked.Dir == "" {
		result.Root = module
	}
	version, err := goOutput(asked, module, "env", "GOROOT", "GOVERSION")
	if err != nil {
		return err
	}
	told := strings.SplitN(version+"\n", "\n", 3)
	result.Goroot, result.Verbose = told[0], verbose(told[1])
	packages, err := listPackages(asked, module, result.Root)
	if err != nil {
		return err
	}
	if result.Packages, err = compile(asked, module, result.Root, packages); err != nil {
		return err
	}
	return result.write(asked.Tree)
}

// longPath is the module's folder by a path that no machine's own is longer than, so that `patch` can put that in its
// place. Where links cannot be made it is the path as it is.
func longPath(asked request) string {
	parent, name := filepath.Split(asked.Tree)
	room := pathRoom - len(asked.Attempt) - len(name) - 2
	if room < 1 {
		room = 1
	}
	link := filepath.Join(asked.Attempt, strings.Repeat("_", room))
	if err := os.Symlink(filepath.Clean(parent), link); err != nil {
		fmt.Println("muster: paths in test binaries are those of this machine:", err)
		return filepath.Join(asked.Tree, asked.Dir)
	}
	return filepath.Join(link, name, asked.Dir)
}

// verbose says how binaries of this version are asked to tell of each test.
func verbose(version string) string {
	var minor int
	if _, err := fmt.Sscanf(version, "go1.%d", &minor); err == nil && minor >= 20 {
		return "test2json"
	}
	return "true"
}

func goCommand(asked request, module string, args ...string) *exec.Cmd {
	cmd := exec.Command(asked.Go, args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "PWD="+module)
	return cmd
}

func goOutput(asked request, module string, args ...string) (string, error) {
	cmd := goCommand(asked, module, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", asked.Go, args[0], err)
	}
	return string(out), nil
}

// listPackages asks for the packages in `go test`'s order.
func listPackages(asked request, module, root string) ([]testPackage, error) {
	format := `{{.ImportPath}}{{"\t"}}{{.Dir}}{{range .TestGoFiles}}{{"\t"}}{{.}}{{end}}{{range .XTestGoFiles}}{{"\t"}}{{.}}{{end}}`
	args := append([]string{"list", "-e", "-f", format}, asked.Flags...)
	out, err := goOutput(asked, module, append(args, asked.Packages...)...)
	if err != nil {
		return nil, err
	}
	var packages []testPackage
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) < 2 || fields[0] == "" {
			continue
		}
		dir, err := filepath.Rel(root, fields[1])
		if err != nil || strings.HasPrefix(dir, "..") {
			return nil, fmt.Errorf("package %s lies in %q, outside of the tree", fields[0], fields[1])
		}
		packages = append(packages, testPackage{Package: fields[0], Dir: dir, Main: hasMain(fields[1], fields[2:])})
	}
	return packages, nil
}

func hasMain(dir string, files []string) bool {
	for _, file := range files {
		if data, err := os.ReadFile(filepath.Join(dir, file)); err == nil && testMain.Match(data) {
			return true
		}
	}
	return false
}

// compile has `go test` compile, and reads what it says of each package.
func compile(asked request, module, root string, packages []testPackage) ([]testPackage, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := append([]string{"test", "-exec", "'" + self + "' keep", "-count=1"}, asked.Flags...)
	args = append(args, asked.VetFlags...)
	cmd := goCommand(asked, module, append(args, asked.Packages...)...)
	cmd.Env = append(cmd.Env, keptVariable+"="+binaries(asked.Tree), rootVariable+"="+root)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(os.Stderr, &said)
	failed := cmd.Run()
	var exited *exec.ExitError
	if failed != nil && !errors.As(failed, &exited) {
		return nil, failed
	}
	results := read(&out)
	if failed != nil && len(results) == 0 {
		return nil, fmt.Errorf("%s test: %w", asked.Go, failed)
	}
	sections := bySection(said.String())
	var known []testPackage
	for _, one := range packages {
		result, is := results[one.Package]
		if !is && failed == nil {
			continue
		}
		if one.Failed = result; !is {
			one.Failed = "not tested"
		}
		if one.Failed == notKept {
			return nil, fmt.Errorf("%s: %s", one.Package, notKept)
		}
		if one.Failed != "" {
			one.Output = sections.of(one.Package)
		} else {
			one.Binary = kept(asked.Tree, one.Dir)
		}
		known = append(known, one)
	}
	summary(known)
	return known, nil
}

// read says for each package why it failed: empty where it did not. What is no result is for people.
func read(out io.Reader) map[string]string {
	results := map[string]string{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := lines.Text()
		fields := strings.Split(line, "\t")
		switch {
		case len(fields) >= 3 && (fields[0] == "ok  " || fields[0] == "?   "):
			results[fields[1]] = ""
		case len(fields) == 2 && fields[0] == "FAIL" && strings.HasSuffix(line, "]"):
			at := strings.LastIndex(fields[1], " [")
			if at >= 0 {
				results[fields[1][:at]] = strings.Trim(fields[1][at:], " []")
			}
		case len(fields) >= 3 && fields[0] == "FAIL":
			results[fields[1]] = notKept
		case line != "FAIL":
			fmt.Println(line)
		}
	}
	return results
}

// sections is what was said under each `# package` headline.
type sections struct {
	all  string
	text map[string]string
}

func bySection(said string) sections {
	found := sections{all: said, text: map[string]string{}}
	var names []string
	for _, line := range strings.SplitAfter(said, "\n") {
		if strings.HasPrefix(line, "# ") {
			names = nil
			for _, word := range strings.Fields(line[2:]) {
				names = append(names, strings.TrimSuffix(strings.Trim(word, "[]"), ".test"))
			}
		}
		seen := map[string]bool{}
		for _, name := range names {
			if !seen[name] {
				found.text[name] += line
			}
			seen[name] = true
		}
	}
	return found
}

// of is what concerns a package: where it has no headline, something it needs does.
func (s sections) of(name string) string {
	if text := s.text[name]; text != "" {
		return text
	}
	return s.all
}

func summary(packages []testPackage) {
	var compiled, failed int
	for _, one := range packages {
		if one.Binary != "" {
			compiled++
		}
		if one.Failed != "" {
			failed++
			fmt.Printf("FAIL\t%s [%s]\n", one.Package, one.Failed)
		}
	}
	without := len(packages) - compiled - failed
	fmt.Printf("muster: %d packages: %d test binaries, %d without test files, %d failed\n", len(packages), compiled, without, failed)
}
