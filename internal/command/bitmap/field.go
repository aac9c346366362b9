package bitmap

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// fieldType is the type of an integer among the bits: its size is 1 to 63 bits,
// or 64 if it is signed.
type fieldType struct {
	signed bool
	bits   uint
}

type overflow uint8

const (
	wrap overflow = iota
	saturate
	fail
)

type fieldOp uint8

const (
	fieldGet fieldOp = iota
	fieldSet
	fieldIncr
)

// fieldStep is one GET, SET or INCRBY.
type fieldStep struct {
	fieldType
	op       fieldOp
	overflow overflow
	offset   uint64
	value    int64
}

const errFieldType = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."

func parseFieldType(b []byte) (t fieldType, ok bool) {
	if len(b) == 0 || b[0] != 'i' && b[0] != 'u' {
		return t, false
	}
	t.signed = b[0] == 'i'
	n, ok := num.ParseInt(b[1:])
	if !ok || n < 1 || n > 64 || n == 64 && !t.signed {
		return t, false
	}
	t.bits = uint(n)
	return t, true
}

func parseOverflow(word []byte) (o overflow, ok bool) {
	switch {
	case command.EqualFold(word, "WRAP"):
		return wrap, true
	case command.EqualFold(word, "SAT"):
		return saturate, true
	case command.EqualFold(word, "FAIL"):
		return fail, true
	}
	return 0, false
}

// parseFields appends the steps of a request to dst. ok is false, and the error
// is in the reply, when it is malformed.
func parseFields(c *command.Ctx, dst []fieldStep) (steps []fieldStep, ok bool) {
	how := wrap
	for i := 2; i < len(c.Args); {
		behind := len(c.Args) - i - 1
		s := fieldStep{overflow: how}
		switch {
		case c.Is(i, "GET") && behind >= 2:
		case c.Is(i, "SET") && behind >= 3:
			s.op = fieldSet
		case c.Is(i, "INCRBY") && behind >= 3:
			s.op = fieldIncr
		case c.Is(i, "OVERFLOW") && behind >= 1:
			if how, ok = parseOverflow(c.Args[i+1]); !ok {
				c.Err("ERR Invalid OVERFLOW type specified")
				return nil, false
			}
			i += 2
			continue
		default:
			c.Err(command.ErrSyntax)
			return nil, false
		}
		if s.fieldType, ok = parseFieldType(c.Args[i+1]); !ok {
			c.Err(errFieldType)
			return nil, false
		}
		if s.offset, ok = offsetArg(c, i+2, int64(s.bits)); !ok {
			return nil, false
		}
		i += 3
		if s.op != fieldGet {
			if s.value, ok = c.IntArg(i); !ok {
				return nil, false
			}
			i++
		}
		dst = append(dst, s)
	}
	return dst, true
}

func bitField(c *command.Ctx)   { fields(c, false) }
func bitFieldRO(c *command.Ctx) { fields(c, true) }

func fields(c *command.Ctx, readOnly bool) {
	var buf [8]fieldStep
	steps, ok := parseFields(c, buf[:0])
	if !ok {
		return
	}
	last, writes := uint64(0), false
	for i := range steps {
		if s := &steps[i]; s.op != fieldGet {
			writes = true
			last = max(last, s.offset+uint64(s.bits)-1)
		}
	}
	k := c.Key(1)
	if !writes {
		e, ok := c.ReadType(k, store.String)
		if !ok {
			return
		}
		var v []byte
		if e.Ok() {
			v = c.Value(e)
		}
		c.Array(len(steps))
		for i := range steps {
			c.Int(steps[i].get(v))
		}
		return
	}
	if readOnly {
		c.Err("ERR BITFIELD_RO only supports the GET subcommand")
		return
	}
	e, ok := c.WriteType(k, store.String)
	if !ok {
		return
	}
	v, grown := room(c, k, e, last)
	writeFields(c, k, steps, v, grown)
}

// writeFields carries out steps of which some write. Each that writes counts as
// a change if it changed its field, or if the string has grown.
func writeFields(c *command.Ctx, k store.Key, steps []fieldStep, v []byte, grown bool) {
	c.Array(len(steps))
	changes := 0
	for i := range steps {
		s := &steps[i]
		was := s.get(v)
		if s.op == fieldGet {
			c.Int(was)
			continue
		}
		now, fits := s.next(was)
		if !fits && s.overflow == fail {
			c.Null()
			continue
		}
		if s.op == fieldSet {
			c.Int(was)
		} else {
			c.Int(now)
		}
		if grown || now != was {
			putBits(v, s.offset, s.bits, uint64(now))
			changes++
		}
	}
	if changes > 0 {
		c.Changed(k, command.NotifyString, "setbit")
		c.Dirty(changes - 1)
	}
}

// get reads the step's field.
func (s *fieldStep) get(v []byte) int64 {
	x := getBits(v, s.offset, s.bits)
	if s.signed {
		return extend(x, s.bits)
	}
	return int64(x)
}

// next is what the step makes of its field, which holds was; fits is false when
// the exact outcome does not fit the type.
func (s *fieldStep) next(was int64) (now int64, fits bool) {
	base, by := was, s.value
	if s.op == fieldSet {
		base, by = s.value, 0
	}
	if s.signed {
		return s.signedSum(base, by)
	}
	return s.unsignedSum(base, by)
}

// signedSum is a + b within the type; a fits it if b is not 0. An a so low that
// its distance to the highest number overflows counts as too high, as it does
// in Redis.
func (s *fieldStep) signedSum(a, b int64) (sum int64, fits bool) {
	highest := int64(1)<<(s.bits-1) - 1
	lowest := -highest - 1
	sum = a + b
	wrapped := (a^sum)&(b^sum) < 0
	// A sum that wrapped has the wrong sign, so b tells which way it went.
	above := wrapped && b > 0 || !wrapped && sum > highest || s.bits < 64 && a < highest-math.MaxInt64
	below := wrapped && b < 0 || !wrapped && sum < lowest
	switch {
	case !above && !below:
		return sum, true
	case s.overflow != saturate:
		return extend(uint64(sum), s.bits), false
	case above:
		return highest, false
	}
	return lowest, false
}

// unsignedSum is a + b within the type, which has at most 63 bits. a fits it if
// b is not 0; a negative a stands for the number above 2^63 with its bits.
func (s *fieldStep) unsignedSum(a, b int64) (sum int64, fits bool) {
	highest := int64(1)<<s.bits - 1
	sum = a + b
	above := a < 0 || b >= 0 && (sum > highest || sum < 0)
	below := !above && sum < 0
	switch {
	case !above && !below:
		return sum, true
	case s.overflow != saturate:
		return sum & highest, false
	case above:
		return highest, false
	}
	return 0, false
}

// extend makes the lowest n bits of x a signed number.
func extend(x uint64, n uint) int64 { return int64(x<<(64-n)) >> (64 - n) }

// A field of up to 64 bits lies in nine bytes, the window: eight as one word
// and the one behind them.

// getBits reads n bits, the highest one first; what is behind v is zeros.
func getBits(v []byte, offset uint64, n uint) uint64 {
	var w [9]byte
	if at := offset >> 3; at < uint64(len(v)) {
		copy(w[:], v[at:])
	}
	shift := uint(offset & 7)
	x := binary.BigEndian.Uint64(w[:])<<shift | uint64(w[8])>>(8-shift)
	return x >> (64 - n)
}

// putBits writes the lowest n bits of x. v reaches to the last of them.
func putBits(v []byte, offset uint64, n uint, x uint64) {
	var w [9]byte
	at := v[offset>>3:]
	copy(w[:], at)
	shift := uint(offset & 7)
	x <<= 64 - n
	mask := ^uint64(0) << (64 - n)
	high := binary.BigEndian.Uint64(w[:])&^(mask>>shift) | x>>shift
	binary.BigEndian.PutUint64(w[:], high)
	w[8] = w[8]&^byte(mask<<(8-shift)) | byte(x<<(8-shift))
	copy(at, w[:])
}
