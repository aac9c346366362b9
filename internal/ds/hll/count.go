package hll

import (
	"encoding/binary"
	"math"
)

// Raise makes each register at least as high as that of a value; ok is false when
// the value is damaged, and the registers are of no use then.
func (r *All) Raise(b []byte) (ok bool) {
	if Dense(b) {
		r.raiseDense(b)
		return true
	}
	return r.raiseSparse(b)
}

// histogram is the number of registers with each value. It consists of parts to be
// added, because adding 1 to a number has to wait for the addition before it, if
// that was to the same number.
type histogram [4][64]uint32

func (h *histogram) addGroup(x uint64) {
	h[0][x&0x3f]++
	h[1][x>>8&0x3f]++
	h[2][x>>16&0x3f]++
	h[3][x>>24&0x3f]++
	h[0][x>>32&0x3f]++
	h[1][x>>40&0x3f]++
	h[2][x>>48&0x3f]++
	h[3][x>>56&0x3f]++
}

func (h *histogram) addDense(b []byte) {
	for i := range groups {
		x := group(b, i)
		h[0][x&0x3f]++
		h[1][x>>6&0x3f]++
		h[2][x>>12&0x3f]++
		h[3][x>>18&0x3f]++
		h[0][x>>24&0x3f]++
		h[1][x>>30&0x3f]++
		h[2][x>>36&0x3f]++
		h[3][x>>42&0x3f]++
	}
}

// Count estimates the number of elements that a value has seen; ok is false when
// it is damaged.
func Count(b []byte) (n uint64, ok bool) {
	var h histogram
	ok = true
	if Dense(b) {
		h.addDense(b)
	} else {
		ok = h.addSparse(b)
	}
	return h.estimate(), ok
}

// Count estimates the number of elements that the registers have seen.
func (r *All) Count() uint64 {
	var h histogram
	for at := 0; at < len(r); at += 8 {
		h.addGroup(binary.LittleEndian.Uint64(r[at:]))
	}
	return h.estimate()
}

// estimate is the improved raw estimator of Otmar Ertl, "New cardinality
// estimation algorithms for HyperLogLog sketches" (2017), algorithm 6. Products
// are converted to float64 so that none is fused with a sum, which would round
// otherwise on some processors.
func (h *histogram) estimate() uint64 {
	const (
		m     = float64(Registers)
		alpha = 0.721347520444481703680 // 1 / (2 ln 2)
	)
	count := func(i int) float64 { return float64(h[0][i] + h[1][i] + h[2][i] + h[3][i]) }
	z := m * tau((m-count(maxRank))/m)
	for i := maxRank - 1; i >= 1; i-- {
		z = (z + count(i)) * 0.5
	}
	z += float64(m * sigma(count(0)/m))
	n := math.Round(alpha * m * m / z)
	if n < 1<<63 {
		return uint64(n)
	}
	return 1 << 63 // as an integer that does not fit becomes in C on amd64
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		was := z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
		if z == was {
			return z / 3
		}
	}
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		was := z
		z += float64(x * y)
		y += y
		if z == was {
			return z
		}
	}
}
