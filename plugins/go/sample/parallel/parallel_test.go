package parallel

import "testing"

func TestFirst(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "b", "c"} {
		name := name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Log("in", name)
			if name == "b" {
				t.Fatal("b it is")
			}
		})
	}
}

func TestSecond(t *testing.T) {
	t.Parallel()
	t.Log("second")
}

func TestThird(t *testing.T) { t.Log("not parallel") }
