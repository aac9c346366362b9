package resp

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestPeekKey(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		args := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 2, 9).Draw(rt, "args")
		req := AppendCommand(nil, args...)
		whole := len(req)
		req = append(req, rapid.SliceOf(rapid.Byte()).Draw(rt, "more")...)
		key, n := PeekKey(req)
		if n != whole || !bytes.Equal(key, args[1]) {
			rt.Fatalf("PeekKey(%q) = %q, %d", req, key, n)
		}
		if cut := rapid.IntRange(0, whole-1).Draw(rt, "cut"); true {
			if _, n := PeekKey(req[:cut]); n != 0 {
				rt.Fatalf("PeekKey(%q) = %d for a part", req[:cut], n)
			}
		}
	})
	for _, bad := range []string{"", "*", "*1\r\n$4\r\nPING\r\n", "PING a\r\n", "*2\r\n$4\r\nPING\r\n:1\r\n", "*2\r\n$-1\r\n$1\r\na\r\n",
		"*2\r\n$99999999999999999999\r\n", "*2\r\n$4", "*2\r\n$", "*2\r\n$400000", "*2\r\n$4000000"} {
		if _, n := PeekKey([]byte(bad)); n != 0 {
			t.Errorf("PeekKey(%q) = %d", bad, n)
		}
	}
}

// Whatever comes, PeekKey stays inside of it.
func FuzzPeekKey(f *testing.F) {
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, n := PeekKey(b); n > len(b) || len(key) > n {
			t.Fatalf("PeekKey(%q) = %q, %d", b, key, n)
		}
	})
}
