package hll

import (
	"encoding/binary"
	"slices"
	"strconv"
)

// The highest numbers that runs can say.
const (
	maxZeroRun = 64
	maxValRun  = 4
	maxValRank = 32
)

// runAt reads the run that begins at b[at]: the value of its registers, how many
// there are, and the size of the run in bytes. A second byte that is missing
// reads as 0, which is what C strings have behind them.
func runAt(b []byte, at int) (rank uint8, n, size int) {
	c := b[at]
	switch {
	case c >= 0x80:
		return c>>2&0x1f + 1, int(c&3) + 1, 1
	case c < 0x40:
		return 0, int(c) + 1, 1
	}
	n = int(c&0x3f)<<8 + 1
	if at+1 < len(b) {
		n += int(b[at+1])
	}
	return 0, n, 2
}

func appendRun(b []byte, rank uint8, n int) []byte {
	switch {
	case n == 0:
		return b
	case rank > 0:
		return append(b, 0x80|(rank-1)<<2|uint8(n-1))
	case n <= maxZeroRun:
		return append(b, uint8(n-1))
	}
	return append(b, 0x40|uint8((n-1)>>8), uint8(n-1))
}

// Outcome is what became of an attempt to raise a register of a sparse value.
type Outcome uint8

// The outcomes. Only Changed has changed anything.
const (
	Unchanged Outcome = iota // the register was as high already
	Changed
	Full    // the value has to become dense
	Corrupt // the run with the register is missing
)

// Editor changes a sparse value. Raising registers in ascending order is quicker
// than in another: it goes on where it was.
type Editor struct {
	// Max is the size in bytes beyond which the value does not grow.
	Max int64

	near place // of the run before the one that was found last, or nothing
}

// place is where a run begins, and its first register.
type place struct{ at, first int }

// Raise raises a register of b to a rank, unless it is as high already, and gives
// the value with that, as append does. From call to call b has to be what the call
// before gave. What becomes of the runs depends on the order of calls, and is what
// Redis makes of them. But of a value that ends in half a run Redis loses the other
// half again, and finds it behind the end as long as nothing else is there; here the
// value is whole then.
func (e *Editor) Raise(b []byte, index int, rank uint8) ([]byte, Outcome) {
	before, run, ok := e.find(b, index)
	if !ok {
		return b, Corrupt
	}
	old, n, size := runAt(b, run.at)
	switch {
	case old >= rank:
		return b, Unchanged
	case rank > maxValRank:
		return b, Full
	}
	var buf [5]byte
	seq := appendRun(buf[:0], old, index-run.first)
	seq = appendRun(seq, rank, 1)
	seq = appendRun(seq, old, run.first+n-1-index)
	if more := len(seq) - size; more > 0 && int64(len(b)+more) > e.Max {
		return b, Full
	}
	if run.at+size > len(b) {
		b = append(b, 0) // what the half run reads as
	}
	b = slices.Replace(b, run.at, run.at+size, seq...)
	b = join(b, before.at)
	Invalidate(b)
	return b, Changed
}

// find gives the run with a register, and the one before it, which is the same if
// there is none. ok is false when the run is missing.
func (e *Editor) find(b []byte, index int) (before, run place, ok bool) {
	run = place{at: HeaderSize}
	if e.near.at != 0 {
		if _, n, _ := runAt(b, e.near.at); index >= e.near.first+n {
			run = e.near
		}
	}
	before = run
	for run.at < len(b) {
		before, run = skip(b, before, run, index)
		for size := 1; size == 1 && run.at < len(b); {
			var n int
			_, n, size = runAt(b, run.at)
			next := place{run.at + size, run.first + n}
			if index < next.first {
				e.near = before
				return before, run, true
			}
			before, run = run, next
		}
	}
	return before, run, false
}

// skip goes on from run over groups of eight runs of one byte each, as long as all
// of a group are before the register.
func skip(b []byte, before, run place, index int) (place, place) {
	const (
		ones  = 0x0101010101010101
		pairs = 0x00ff00ff00ff00ff
	)
	for run.at+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[run.at:])
		if w&^(w>>1)&(0x40*ones) != 0 {
			break // an XZERO: 0x40 is set and 0x80 is not
		}
		// A VAL has its length in two bits, a ZERO in six.
		val := w >> 7 & ones
		lengths := w & (0x3f*ones ^ val*0x3c)
		sum := lengths&pairs + lengths>>8&pairs
		first := run.first + int(sum*(pairs&ones)>>48) + 8
		if index < first {
			break
		}
		before = place{run.at + 7, first - int(lengths>>56) - 1}
		run = place{run.at + 8, first}
	}
	return before, run
}

// join makes one of neighbouring runs with the same value, among the five from
// b[at] on.
func join(b []byte, at int) []byte {
	for range 5 {
		if at >= len(b) {
			break
		}
		rank, n, size := runAt(b, at)
		if rank > 0 && at+1 < len(b) {
			rank2, n2, _ := runAt(b, at+1)
			if rank2 == rank && n+n2 <= maxValRun {
				appendRun(b[:at+1], rank, n+n2)
				b = slices.Delete(b, at, at+1)
				continue // with the one that is next to it now
			}
		}
		at += size
	}
	return b
}

// Every register has to be in exactly one run: what reads them all, raiseSparse and
// addSparse, finds out whether it is.

// raiseSparse makes each register at least as high as that of a sparse value; ok
// is false when that is damaged.
func (r *All) raiseSparse(b []byte) (ok bool) {
	first := 0
	for at := HeaderSize; at < len(b); {
		rank, n, size := runAt(b, at)
		if first+n > Registers {
			return false
		}
		if rank > 0 {
			for i := first; i < first+n; i++ {
				r[i] = max(r[i], rank)
			}
		}
		at, first = at+size, first+n
	}
	return first == Registers
}

// addSparse counts the registers of a sparse value; ok is false when that is
// damaged.
func (h *histogram) addSparse(b []byte) (ok bool) {
	first := 0
	for at := HeaderSize; at < len(b); {
		rank, n, size := runAt(b, at)
		if first+n > Registers {
			return false
		}
		h[0][rank] += uint32(n)
		at, first = at+size, first+n
	}
	return first == Registers
}

// AppendRuns appends the runs of a sparse value in words: "z:n" and "Z:n" for n
// zeros, "v:rank,n" for a value. Damaged runs are shown as they are.
func AppendRuns(dst, b []byte) []byte {
	for at := HeaderSize; at < len(b); {
		rank, n, size := runAt(b, at)
		switch {
		case rank > 0:
			dst = append(dst, "v:"...)
			dst = strconv.AppendUint(dst, uint64(rank), 10)
			dst = append(dst, ',')
		case size == 1:
			dst = append(dst, "z:"...)
		default:
			dst = append(dst, "Z:"...)
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
		if at += size; at < len(b) {
			dst = append(dst, ' ')
		}
	}
	return dst
}
