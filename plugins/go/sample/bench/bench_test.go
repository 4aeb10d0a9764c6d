package bench

import "testing"

func BenchmarkOnly(b *testing.B) {}
