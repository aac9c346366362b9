package bitmap

import (
	"encoding/binary"
	"math/bits"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

func bitPos(c *command.Ctx) {
	bit, ok := c.IntArg(2)
	if !ok {
		return
	}
	if bit&^1 != 0 {
		c.Err("ERR The bit argument must be 1 or 0.")
		return
	}
	// A key that does not exist is zeros without end.
	e, ok := c.ReadType(c.Key(1), store.String)
	if !ok {
		return
	}
	if !e.Ok() {
		c.Int(-bit)
		return
	}
	v := c.Value(e)
	from, to, ok := posRange(c, int64(len(v))*8)
	if !ok {
		return
	}
	at := int64(-1)
	if from < to {
		at = position(v, byte(bit), from, to)
	}
	// Without an end the zeros go on behind the string.
	if at < 0 && from < to && bit == 0 && len(c.Args) <= 4 {
		at = to
	}
	c.Int(at)
}

// posRange reads the range of BITPOS in a string of n bits; from <= to are
// bits.
func posRange(c *command.Ctx, n int64) (from, to int64, ok bool) {
	if len(c.Args) == 3 {
		return 0, n, true
	}
	if len(c.Args) > 6 {
		c.Err(command.ErrSyntax)
		return 0, 0, false
	}
	start, ok := c.IntArg(3)
	if !ok {
		return 0, 0, false
	}
	unit := int64(8)
	if len(c.Args) == 6 {
		bit, ok := byBit(c, 5)
		if !ok {
			return 0, 0, false
		}
		if bit {
			unit = 1
		}
	}
	end := int64(-1)
	if len(c.Args) >= 5 {
		if end, ok = c.IntArg(4); !ok {
			return 0, 0, false
		}
	}
	from, to = command.Bounds(start, end, n/unit)
	return from * unit, to * unit, true
}

// position is the first place of a bit with from <= i < to, or -1.
func position(v []byte, bit byte, from, to int64) int64 {
	flip := byte(0)
	if bit == 0 {
		flip = 0xff // look for a one among the inverted bits
	}
	at := from >> 3
	if x := (v[at] ^ flip) & (0xff >> (from & 7)); x != 0 {
		return within(at*8+int64(bits.LeadingZeros8(x)), to)
	}
	at++
	last := (to + 7) >> 3
	if at >= last {
		return -1
	}
	rest := v[at:last]
	skip := same(rest, flip)
	if skip == len(rest) {
		return -1
	}
	return within((at+int64(skip))*8+int64(bits.LeadingZeros8(rest[skip]^flip)), to)
}

func within(at, to int64) int64 {
	if at >= to {
		return -1
	}
	return at
}

// same is the number of leading bytes of v that equal x, which is 0 or 0xff.
func same(v []byte, x byte) int {
	n := len(v)
	word := uint64(x) * 0x0101010101010101
	for ; len(v) >= 32; v = v[32:] {
		a := binary.LittleEndian.Uint64(v) ^ word
		b := binary.LittleEndian.Uint64(v[8:]) ^ word
		c := binary.LittleEndian.Uint64(v[16:]) ^ word
		d := binary.LittleEndian.Uint64(v[24:]) ^ word
		if a|b|c|d != 0 {
			break
		}
	}
	for len(v) > 0 && v[0] == x {
		v = v[1:]
	}
	return n - len(v)
}
