package bitmap

import (
	"encoding/binary"
	"math/bits"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

// byBit reads the word BIT or BYTE in argument i.
func byBit(c *command.Ctx, i int) (bit, ok bool) {
	switch {
	case c.Is(i, "BIT"):
		return true, true
	case c.Is(i, "BYTE"):
		return false, true
	}
	c.Err(command.ErrSyntax)
	return false, false
}

// bitCount looks at the key before its range, and at the range before the
// unit, as Redis does: that decides which error or answer comes first.
func bitCount(c *command.Ctx) {
	e, ok := c.ReadType(c.Key(1), store.String)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Int(0)
		return
	}
	v := c.Value(e)
	switch len(c.Args) {
	case 2:
		c.Int(count(v))
		return
	case 4, 5:
	default:
		c.Err(command.ErrSyntax)
		return
	}
	start, ok := c.IntArg(2)
	if !ok {
		return
	}
	end, ok := c.IntArg(3)
	if !ok {
		return
	}
	if start < 0 && end < 0 && start > end {
		c.Int(0)
		return
	}
	bit := false
	if len(c.Args) == 5 {
		if bit, ok = byBit(c, 4); !ok {
			return
		}
	}
	if !bit {
		from, to := command.Range(start, end, int64(len(v)))
		c.Int(count(v[from:to]))
		return
	}
	from, to := command.Range(start, end, int64(len(v))*8)
	c.Int(countBits(v, from, to))
}

// countBits is the number of ones among the bits from <= i < to.
func countBits(v []byte, from, to int64) int64 {
	if from == to {
		return 0
	}
	first, last := from>>3, (to-1)>>3
	n := count(v[first : last+1])
	n -= int64(bits.OnesCount8(v[first] &^ (0xff >> (from & 7))))
	n -= int64(bits.OnesCount8(v[last] & (0x7f >> ((to - 1) & 7))))
	return n
}

// count is the number of ones in v.
func count(v []byte) int64 {
	var a, b, c, d int
	for ; len(v) >= 32; v = v[32:] {
		a += bits.OnesCount64(binary.LittleEndian.Uint64(v))
		b += bits.OnesCount64(binary.LittleEndian.Uint64(v[8:]))
		c += bits.OnesCount64(binary.LittleEndian.Uint64(v[16:]))
		d += bits.OnesCount64(binary.LittleEndian.Uint64(v[24:]))
	}
	for ; len(v) >= 8; v = v[8:] {
		a += bits.OnesCount64(binary.LittleEndian.Uint64(v))
	}
	for _, x := range v {
		a += bits.OnesCount8(x)
	}
	return int64(a + b + c + d)
}
