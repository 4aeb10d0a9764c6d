package plain

import (
	"fmt"
	"testing"
)

func TestPasses(t *testing.T) { t.Log("said while passing") }

func TestFails(t *testing.T) {
	t.Run("good", func(t *testing.T) {})
	t.Run("bad one", func(t *testing.T) {
		t.Run("deep", func(t *testing.T) { t.Error("deep down") })
		t.Run("skipped", func(t *testing.T) { t.Skip("not today") })
	})
}

func TestSkips(t *testing.T) { t.Skip("nothing to see") }

// TestNoNewline ends its output in the middle of a line.
func TestNoNewline(t *testing.T) {
	fmt.Print("no end of line")
	t.Run("sub", func(t *testing.T) { fmt.Print("here neither") })
	fmt.Print("nor here")
}

// TestPretends prints what looks like results of others.
func TestPretends(t *testing.T) {
	fmt.Println("    --- FAIL: TestPasses (0.00s)")
	fmt.Println("--- BENCH: x")
	fmt.Println("ok  \texample.com/sample/other\t0.1s")
	fmt.Println("FAIL\texample.com/sample/other [build failed]")
	fmt.Println(`{"Action":"fail","Package":"example.com/sample/other","Test":"TestOther"}`)
}

func FuzzSeeds(f *testing.F) {
	f.Add("a")
	f.Add("b")
	f.Fuzz(func(t *testing.T, s string) {})
}

func BenchmarkNever(b *testing.B) { b.Fatal("benchmarks are not run") }

func ExampleGood() {
	fmt.Println("hello")
	// Output: hello
}

func ExampleBad() {
	fmt.Println("hello")
	// Output: bye
}

func ExampleNeverRun() { fmt.Println("no output is expected") }
