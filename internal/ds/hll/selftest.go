package hll

import (
	"encoding/binary"
	"fmt"
	"math"
)

// SelfTest checks that registers keep what is written to them, that sparse and
// dense values agree, and that estimates are as good as they have to be. It takes
// some milliseconds.
func SelfTest() error {
	var want, got All
	b := make([]byte, DenseSize)
	copy(b, Empty)
	var n [8]byte
	for i := range want {
		binary.LittleEndian.PutUint64(n[:], uint64(i))
		want[i] = uint8(murmur(n[:]) & 0x3f)
	}
	want.PutDense(b)
	if got.Raise(b); got != want {
		return fmt.Errorf("registers differ from what was written")
	}
	clear(want[:])
	want.PutDense(b)
	runs, edit := []byte(Empty), Editor{Max: math.MaxInt64}
	for seen := uint64(1); seen <= 100000; seen++ {
		binary.LittleEndian.PutUint64(n[:], seen)
		index, rank := Position(n[:])
		SetDense(b, index, rank)
		if seen <= 1000 {
			runs, _ = edit.Raise(runs, index, rank)
		}
		if seen != 1000 && seen != 10000 && seen != 100000 {
			continue
		}
		estimate, ok := Count(b)
		if s, _ := Count(runs); seen == 1000 && s != estimate {
			return fmt.Errorf("sparse and dense registers disagree on %d elements: %d, %d", seen, s, estimate)
		}
		// Six times the standard error.
		if bound := 6 * 1.04 / math.Sqrt(Registers); !ok || math.Abs(float64(estimate)/float64(seen)-1) > bound {
			return fmt.Errorf("%d elements are estimated as %d", seen, estimate)
		}
	}
	return nil
}
