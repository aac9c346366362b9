package mem

import (
	"testing"
)

func newArena(t testing.TB, o Options) *Arena {
	t.Helper()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func TestClasses(t *testing.T) {
	prev := 0
	for n := 0; n <= 100_000; n++ {
		u := Usable(n)
		if u < n || u < 8 || u%8 != 0 || u < prev {
			t.Fatalf("Usable(%d) = %d after %d", n, u, prev)
		}
		if waste := u - n; n > 8 && waste > 7 && waste*8 > n {
			t.Fatalf("Usable(%d) = %d wastes more than an eighth", n, u)
		}
		prev = u
	}
	for c := 1; c < numClasses; c++ {
		k := tables.class[c]
		if tail := int(k.pages)<<pageShift - int(k.cap)*int(k.size); tail*100 > 3*int(k.pages)<<pageShift {
			t.Errorf("class of %d bytes: %d of %d pages lost", k.size, tail, k.pages)
		}
	}
}
