package listpack

import "encoding/binary"

// Validate checks bytes from outside. What passes with deep set is a listpack: all
// functions are safe on it, also after changes. Without deep only the header and
// the end byte are looked at. The error is ErrCorrupt. An empty listpack is one.
//
// Encodings that are longer than needed pass, for other programs may write them;
// backlens have to be exact.
func Validate(lp []byte, deep bool) error {
	if len(lp) < len(Empty) || uint64(binary.LittleEndian.Uint32(lp)) != uint64(len(lp)) || lp[End(lp)] != end {
		return ErrCorrupt
	}
	if !deep {
		return nil
	}
	return ValidateEach(lp, nil)
}

// ValidateEach is Validate with deep set, and calls each, unless nil, for every
// entry after it was checked, with its index. The value is valid during the call.
// An error that each returns ends the check and becomes the result.
func ValidateEach(lp []byte, each func(index int, v Value) error) error {
	if err := Validate(lp, false); err != nil {
		return err
	}
	n := 0
	entries := lp[:End(lp)]
	for pos := HeaderSize; pos < len(entries); n++ {
		size := 0
		if b := entries[pos]; b < encInt13 {
			if size = smallSize(b); size > len(entries)-pos || int(entries[pos+size-1]) != size-1 {
				return ErrCorrupt
			}
		} else if size = checkEntry(entries[pos:]); size == 0 {
			return ErrCorrupt
		}
		if each != nil {
			if err := each(n, Get(lp, pos)); err != nil {
				return err
			}
		}
		pos += size
	}
	if h := headerLen(lp); h != n && h != unknownLen {
		return ErrCorrupt
	}
	return nil
}

// checkEntry is the size of the entry that b begins with, or 0 if that is none or
// is longer than b.
func checkEntry(b []byte) int {
	head, n := checkHeader(b)
	// Compared before it is converted: n has 32 bits, and an int may have as many.
	if head == 0 || n > uint64(len(b)) {
		return 0
	}
	size := head + int(n)
	back := backlenSize(size)
	if size > len(b)-back {
		return 0
	}
	if back == 1 {
		if int(b[size]) != size {
			return 0
		}
		return size + 1
	}
	var want [5]byte
	putBacklen(want[:back], size)
	if string(want[:back]) != string(b[size:size+back]) {
		return 0
	}
	return size + back
}

// checkHeader gives the sizes of the encoding and of the payload of the entry that
// b, not empty, begins with; head is 0 if that is none or b ends before it is
// known.
func checkHeader(b []byte) (head int, payload uint64) {
	switch e := b[0]; {
	case e < encStr6:
		return 1, 0
	case e < encInt13:
		return 1, uint64(e & 0x3F)
	case e < encStr12:
		return 1, 1
	case e < encStr32:
		if len(b) >= 2 {
			return 2, uint64(e&0x0F)<<8 | uint64(b[1])
		}
	case e == encStr32:
		if len(b) >= 5 {
			return 5, uint64(binary.LittleEndian.Uint32(b[1:]))
		}
	case e <= encInt32:
		return 1, uint64(e-encInt16) + 2
	case e == encInt64:
		return 1, 8
	}
	return 0, 0
}

// Checker goes through the entries of bytes from outside one by one, and checks each, for
// those who know what an entry has to be. An error sticks: what it gives is 0 then.
type Checker struct {
	b   []byte // without the end byte
	pos int
	n   int // entries before pos
	len int // that the header tells
	bad bool
}

// Check begins with the header.
func Check(lp []byte) (c Checker) {
	if Validate(lp, false) != nil {
		return Checker{bad: true}
	}
	return Checker{b: lp[:End(lp)], pos: HeaderSize, len: headerLen(lp)}
}

// More tells whether there is a further entry, and no error.
func (c *Checker) More() bool { return c.pos < len(c.b) }

// Int takes an integer; another entry is an error.
func (c *Checker) Int() int64 {
	if p := c.pos; p+1 < len(c.b) && c.b[p] < encStr6 && c.b[p+1] == 1 {
		c.pos = p + 2
		c.n++
		return int64(c.b[p])
	}
	return c.longInt()
}

// Ints3 takes three integers. It is faster than Int three times where all are short.
func (c *Checker) Ints3() (x, y, z int64) {
	// Of each, the integer itself, below 128, and the length of an entry of one byte.
	const mask, short = 0xFF80_FF80_FF80, 0x0100_0100_0100
	if p := c.pos; p+8 <= len(c.b) {
		if w := binary.LittleEndian.Uint64(c.b[p:]); w&mask == short {
			c.pos = p + 6
			c.n += 3
			return int64(w & 0x7F), int64(w >> 16 & 0x7F), int64(w >> 32 & 0x7F)
		}
	}
	x, y = c.Int(), c.Int()
	return x, y, c.Int()
}

func (c *Checker) longInt() int64 {
	pos := c.pos
	c.Pass(1)
	if c.bad {
		return 0
	}
	v := Get(c.b, pos)
	if !v.IsInt() {
		c.fail()
	}
	return v.Int
}

// Pass takes n entries of any kind.
func (c *Checker) Pass(n int64) {
	b, pos := c.b, c.pos
	for left := n; left > 0; left-- {
		if pos >= len(b) {
			c.fail()
			return
		}
		size := 0
		if e := b[pos]; e < encInt13 {
			if size = smallSize(e); size > len(b)-pos || int(b[pos+size-1]) != size-1 {
				c.fail()
				return
			}
		} else if e >= encInt16 && e <= encInt32 {
			if size = int(e-encInt16) + 4; size > len(b)-pos || int(b[pos+size-1]) != size-1 {
				c.fail()
				return
			}
		} else if size = checkEntry(b[pos:]); size == 0 {
			c.fail()
			return
		}
		pos += size
	}
	c.pos = pos
	c.n += int(n)
}

func (c *Checker) fail() { *c = Checker{bad: true} }

// End tells, when all entries were taken, whether all was right; if it was not, by
// ErrCorrupt.
func (c *Checker) End() error {
	if c.bad || c.pos != len(c.b) || c.len != c.n && c.len != unknownLen {
		return ErrCorrupt
	}
	return nil
}
