package glua

import (
	"bytes"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// TestLong builds strings around the size of a piece in each way.
func TestLong(t *testing.T) {
	for _, n := range []int{0, 1, 7, pieceSize - 1, pieceSize, pieceSize + 1, 3*pieceSize + 5} {
		s := strings.Repeat("abcdefg", n/7+1)[:n]
		for _, had := range []int{0, 3, pieceSize, 2*pieceSize + 1} {
			b := bytes.Repeat([]byte("-"), had)
			if got, want := appendLong(b, s), string(b)+s; string(got) != want {
				t.Fatalf("appending %d bytes to %d gives %d others", n, had, len(got))
			}
			if got := room(b, n); string(got) != string(b) || cap(got)-len(got) < n {
				t.Fatalf("room for %d bytes behind %d: %d of %d", n, had, len(got), cap(got))
			}
		}
		if got := appendByte([]byte(s), 'x'); string(got) != s+"x" {
			t.Fatalf("a byte behind %d gives %d", n, len(got))
		}
		if string(text([]byte(s))) != s {
			t.Fatalf("the text of %d bytes differs", n)
		}
		if got := joined(n+24, lua.LString(s), lua.LNumber(12)); string(got) != s+"12" {
			t.Fatalf("joining %d bytes gives %d others", n, len(got))
		}
		for _, times := range []int{1, 2, 3, 100} {
			if n > 0 && n*times < 8<<20 && string(repeated(s, times)) != strings.Repeat(s, times) {
				t.Fatalf("%d times %d bytes differs", times, n)
			}
		}
	}
}
