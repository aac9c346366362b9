package glua

import (
	"encoding/binary"
	"fmt"
	"math"

	lua "github.com/yuin/gopher-lua"
)

func (m *machine) openStruct() {
	t := m.l.CreateTable(0, 4)
	m.set(t, map[string]lua.LGFunction{"pack": m.structPack, "unpack": m.structUnpack, "size": m.structSize})
	m.module("struct", t)
}

// layout reads a format of the library struct.
type layout struct {
	L     *lua.LState
	f     string
	at    int
	big   bool
	align int
}

const maxIntSize = 32

// count reads a number in the format, or gives another.
func (l *layout) count(other int) int {
	if l.at >= len(l.f) || !isDigit(l.f[l.at]) {
		return other
	}
	n := 0
	for l.at < len(l.f) && isDigit(l.f[l.at]) {
		if n = n*10 + int(l.f[l.at]-'0'); n > math.MaxInt32 {
			raise(l.L, "integral size overflow")
		}
		l.at++
	}
	return n
}

// next gives the next item of the format with its size in bytes.
func (l *layout) next() (op byte, size int) {
	op = l.f[l.at]
	l.at++
	switch op {
	case 'B', 'b':
		size = 1
	case 'H', 'h':
		size = 2
	case 'L', 'l', 'T', 'd', 'n':
		size = 8
	case 'f':
		size = 4
	case 'x':
		size = 1
	case 'c':
		size = l.count(1)
	case 'i', 'I':
		if size = l.count(4); size > maxIntSize {
			raise(l.L, "integral size %d is larger than limit of %d", size, maxIntSize)
		}
	}
	return op, size
}

// control deals with what is no value: order, alignment, spaces.
func (l *layout) control(op byte) {
	switch op {
	case ' ':
	case '>':
		l.big = true
	case '<':
		l.big = false
	case '!':
		a := l.count(8)
		if a == 0 || a&(a-1) != 0 {
			raise(l.L, "alignment %d is not a power of 2", a)
		}
		l.align = a
	default:
		argError(l.L, 1, fmt.Sprintf("invalid format option '%c'", op))
	}
}

// pad gives how many bytes come before an item at a place.
func (l *layout) pad(op byte, size, at int) int {
	if size == 0 || op == 'c' || op == 's' {
		return 0
	}
	size = min(size, l.align)
	if size > 1 {
		return (size - at&(size-1)) & (size - 1)
	}
	return 0
}

func isStructInt(op byte) bool {
	switch op {
	case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
		return true
	}
	return false
}

func (m *machine) structPack(L *lua.LState) int {
	l := layout{L: L, f: checkString(L, 1), align: 1}
	L.Push(lua.LNil) // as the C library does, so that what is missing is nil
	var b []byte
	arg := 2
	for l.at < len(l.f) {
		op, size := l.next()
		m.limit.step(1)
		for range l.pad(op, size, len(b)) {
			b = append(b, 0)
		}
		switch {
		case isStructInt(op):
			n := float64(checkNumber(L, arg))
			arg++
			v := uint64(int64(n))
			if n >= 1<<63 {
				v = uint64(n)
			}
			b = appendInt(b, v, size, l.big)
		case op == 'x':
			b = append(b, 0)
		case op == 'f':
			b = appendInt(b, uint64(math.Float32bits(float32(checkNumber(L, arg)))), 4, l.big)
			arg++
		case op == 'd' || op == 'n':
			b = appendInt(b, math.Float64bits(float64(checkNumber(L, arg))), 8, l.big)
			arg++
		case op == 'c' || op == 's':
			s := checkString(L, arg)
			arg++
			if op == 's' || size == 0 {
				size = len(s)
			}
			if len(s) < size {
				argError(L, arg, "string too short")
			}
			m.limit.grow(size + 1)
			if b = appendLong(b, s[:size]); op == 's' {
				b = append(b, 0)
			}
			if len(b) > maxString {
				m.limit.grow(len(b))
			}
		default:
			l.control(op)
		}
	}
	L.Push(text(b))
	return 1
}

func appendInt(b []byte, v uint64, size int, big bool) []byte {
	var buf [maxIntSize]byte
	binary.LittleEndian.PutUint64(buf[:], v)
	if big {
		for i := size - 1; i >= 0; i-- {
			b = append(b, buf[i])
		}
		return b
	}
	return append(b, buf[:size]...)
}

func readInt(s string, big, signed bool) float64 {
	v := uint64(0)
	n := len(s)
	for i := range n {
		c := s[n-1-i]
		if big {
			c = s[i]
		}
		v = v<<8 | uint64(c)
	}
	if !signed {
		return float64(v)
	}
	if n < 8 && n > 0 {
		shift := 64 - 8*n
		return float64(int64(v<<shift) >> shift)
	}
	return float64(int64(v))
}

func (m *machine) structUnpack(L *lua.LState) int {
	l := layout{L: L, f: checkString(L, 1), align: 1}
	s := checkString(L, 2)
	pos := int(optLong(L, 3, 1)) - 1
	if pos == -1 {
		argError(L, 3, "offset must be 1 or greater")
	}
	if pos < 0 {
		argError(L, 2, "data string too short")
	}
	n := 0
	for l.at < len(l.f) {
		op, size := l.next()
		m.limit.step(1)
		pos += l.pad(op, size, pos)
		if pos > len(s) || size > len(s)-pos {
			argError(L, 2, "data string too short")
		}
		if n > 7000 {
			raise(L, "too many results to unpack")
		}
		switch {
		case isStructInt(op):
			L.Push(lua.LNumber(readInt(s[pos:pos+size], l.big, op >= 'a')))
			n++
		case op == 'x':
		case op == 'f':
			L.Push(lua.LNumber(math.Float32frombits(uint32(readInt(s[pos:pos+4], l.big, false)))))
			n++
		case op == 'd' || op == 'n':
			v := uint64(0)
			for i := range 8 {
				c := s[pos+7-i]
				if l.big {
					c = s[pos+i]
				}
				v = v<<8 | uint64(c)
			}
			L.Push(lua.LNumber(math.Float64frombits(v)))
			n++
		case op == 'c':
			if size == 0 {
				num, ok := lua.LValue(lua.LNil), false
				if n > 0 {
					num = L.Get(-1)
				}
				var f lua.LNumber
				if f, ok = num.(lua.LNumber); !ok {
					raise(L, "format 'c0' needs a previous size")
				}
				L.Pop(1)
				n--
				if f < 0 || f > lua.LNumber(len(s)-pos) {
					argError(L, 2, "data string too short")
				}
				size = int(f)
			}
			L.Push(lua.LString(s[pos : pos+size]))
			n++
		case op == 's':
			for size = 0; pos+size < len(s) && s[pos+size] != 0; {
				size++
			}
			if pos+size >= len(s) {
				raise(L, "unfinished string in data")
			}
			L.Push(lua.LString(s[pos : pos+size]))
			size++
			n++
		default:
			l.control(op)
		}
		pos += size
	}
	L.Push(lua.LNumber(pos + 1))
	return n + 1
}

func (m *machine) structSize(L *lua.LState) int {
	l := layout{L: L, f: checkString(L, 1), align: 1}
	pos := 0
	for l.at < len(l.f) {
		op, size := l.next()
		pos += l.pad(op, size, pos)
		switch {
		case op == 's':
			argError(L, 1, "option 's' has no fixed size")
		case op == 'c' && size == 0:
			argError(L, 1, "option 'c0' has no fixed size")
		case !isAlpha(op) && !isDigit(op): // a letter of none is passed over here
			l.control(op)
		}
		pos += size
	}
	L.Push(lua.LNumber(pos))
	return 1
}
