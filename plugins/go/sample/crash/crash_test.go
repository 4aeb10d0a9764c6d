package crash

import (
	"testing"
	"time"
)

func init() {
	if time.Now().Year() > 2000 {
		panic("cannot even start")
	}
}

func TestUnknown(t *testing.T) {}
