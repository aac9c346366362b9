package resp

import (
	"bytes"
	"fmt"
	"testing"
)

// TestAppendBulkPieces: a large string is whole, whatever it is copied in.
func TestAppendBulkPieces(t *testing.T) {
	all := make([]byte, 3*maxPiece+7)
	for i := range all {
		all[i] = byte(i * 7 >> 3)
	}
	for _, n := range []int{maxPiece - 1, maxPiece, maxPiece + 1, 2 * maxPiece, len(all)} {
		want := fmt.Appendf(nil, "+OK\r\n$%d\r\n%s\r\n", n, all[:n])
		for _, room := range []int{5, 100, 2 * len(all)} {
			got := AppendBulk(append(make([]byte, 0, room), "+OK\r\n"...), all[:n])
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes into a capacity of %d differ", n, room)
			}
		}
	}
}
