package listpack

import (
	"bytes"
	"fmt"
	"testing"
)

func TestDeleteEvery(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for count := range 20 {
			lp, want := New(0), New(0)
			for i := range count {
				elem := fmt.Appendf(nil, "%d", i)
				if i%5 == 0 {
					elem = bytes.Repeat([]byte("x"), 30*i)
				}
				lp = Append(lp, elem)
				if i%n != n-1 {
					want = Append(want, elem)
				}
			}
			if got := DeleteEvery(lp, n); !bytes.Equal(got, want) {
				t.Errorf("%d entries without every %d-th: %q, want %q", count, n, got, want)
			}
		}
	}
}
