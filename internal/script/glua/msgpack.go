package glua

import (
	"encoding/binary"
	"math"

	lua "github.com/yuin/gopher-lua"
)

// packDepth is how deep tables are packed and unpacked; deeper ones become nil.
const packDepth = 16

// packer is cmsgpack.
type packer struct{ b []byte }

func (m *machine) openPack() {
	t := m.l.CreateTable(0, 8)
	t.RawSetString("_NAME", lua.LString("cmsgpack"))
	t.RawSetString("_VERSION", lua.LString("lua-cmsgpack 0.4.0"))
	t.RawSetString("_COPYRIGHT", lua.LString("Copyright (C) 2012, Salvatore Sanfilippo"))
	t.RawSetString("_DESCRIPTION", lua.LString("MessagePack C implementation for Lua"))
	m.set(t, map[string]lua.LGFunction{
		"pack": func(L *lua.LState) int {
			if L.GetTop() == 0 {
				argError(L, 0, "MessagePack pack needs input.")
			}
			m.pack.b = m.pack.b[:0]
			for i := 1; i <= L.GetTop(); i++ {
				m.packValue(L.Get(i), 0)
			}
			m.limit.grow(len(m.pack.b))
			L.Push(text(m.pack.b))
			if cap(m.pack.b) > 1<<20 {
				m.pack.b = nil
			}
			return 1
		},
		"unpack":     func(L *lua.LState) int { return m.unpackAll(L, checkString(L, 1), 0, 0, false) },
		"unpack_one": func(L *lua.LState) int { return m.unpackFrom(L, 1, int(optLong(L, 2, 0))) },
		"unpack_limit": func(L *lua.LState) int {
			return m.unpackFrom(L, int(checkLong(L, 2)), int(optLong(L, 3, 0)))
		},
	})
	m.module("cmsgpack", t)
}

func (m *machine) packValue(v lua.LValue, depth int) {
	m.limit.step(1)
	p := &m.pack
	if len(p.b) > maxString {
		m.limit.grow(len(p.b))
	}
	p.b = room(p.b, 16)
	switch v := v.(type) {
	case lua.LString:
		n := len(v)
		switch {
		case n < 32:
			p.b = append(p.b, 0xa0|byte(n))
		case n <= 0xff:
			p.b = append(p.b, 0xd9, byte(n))
		case n <= 0xffff:
			p.b = binary.BigEndian.AppendUint16(append(p.b, 0xda), uint16(n))
		default:
			p.b = binary.BigEndian.AppendUint32(append(p.b, 0xdb), uint32(n))
		}
		p.b = appendLong(p.b, v)
	case lua.LNumber:
		p.number(float64(v))
	case lua.LBool:
		if v {
			p.b = append(p.b, 0xc3)
		} else {
			p.b = append(p.b, 0xc2)
		}
	case *lua.LTable:
		if depth == packDepth {
			p.b = append(p.b, 0xc0)
			return
		}
		m.packTable(m.realOf(v), depth)
	default:
		p.b = append(p.b, 0xc0)
	}
}

func (p *packer) number(f float64) {
	n := int64(f)
	switch {
	case float64(n) != f || f >= 1<<63:
		if f32 := float32(f); float64(f32) == f {
			p.b = binary.BigEndian.AppendUint32(append(p.b, 0xca), math.Float32bits(f32))
		} else {
			p.b = binary.BigEndian.AppendUint64(append(p.b, 0xcb), math.Float64bits(f))
		}
	case n >= 0 && n <= 127:
		p.b = append(p.b, byte(n))
	case n >= 0 && n <= 0xff:
		p.b = append(p.b, 0xcc, byte(n))
	case n >= 0 && n <= 0xffff:
		p.b = binary.BigEndian.AppendUint16(append(p.b, 0xcd), uint16(n))
	case n >= 0 && n <= 0xffffffff:
		p.b = binary.BigEndian.AppendUint32(append(p.b, 0xce), uint32(n))
	case n >= 0:
		p.b = binary.BigEndian.AppendUint64(append(p.b, 0xcf), uint64(n))
	case n >= -32:
		p.b = append(p.b, byte(n))
	case n >= -128:
		p.b = append(p.b, 0xd0, byte(n))
	case n >= -32768:
		p.b = binary.BigEndian.AppendUint16(append(p.b, 0xd1), uint16(n))
	case n >= -2147483648:
		p.b = binary.BigEndian.AppendUint32(append(p.b, 0xd2), uint32(n))
	default:
		p.b = binary.BigEndian.AppendUint64(append(p.b, 0xd3), uint64(n))
	}
}

func (p *packer) header(n int, fix, wide byte) {
	switch {
	case n <= 15:
		p.b = append(p.b, fix|byte(n))
	case n <= 0xffff:
		p.b = binary.BigEndian.AppendUint16(append(p.b, wide), uint16(n))
	default:
		p.b = binary.BigEndian.AppendUint32(append(p.b, wide+1), uint32(n))
	}
}

// packTable packs a table as an array when its keys are 1 to n, else as a map.
func (m *machine) packTable(t *lua.LTable, depth int) {
	most, count, array := 0, 0, true
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		count++
		n, ok := k.(lua.LNumber)
		if !ok || n < 1 || n != lua.LNumber(int64(n)) {
			array = false
			continue
		}
		most = max(most, int(wideInt(n)))
	}
	if array && most == count {
		m.pack.header(count, 0x90, 0xdc)
		for i := 1; i <= count; i++ {
			m.packValue(t.RawGet(lua.LNumber(i)), depth+1)
		}
		return
	}
	m.pack.header(count, 0x80, 0xde)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		m.packValue(k, depth+1)
		m.packValue(v, depth+1)
	}
}

func (m *machine) unpackFrom(L *lua.LState, limit, offset int) int {
	return m.unpackAll(L, checkString(L, 1), limit, offset, limit != 0 || offset != 0)
}

// unpackAll unpacks values from offset on, at most limit unless that is 0. When the
// offset is asked for it comes first: where the next value begins, or -1.
func (m *machine) unpackAll(L *lua.LState, s string, limit, offset int, tell bool) int {
	if offset < 0 || limit < 0 {
		raise(L, "Invalid request to unpack with offset of %d and limit of %d.", int32(offset), len(s))
	}
	if offset > len(s) {
		raise(L, "Start offset %d greater than input length %d.", offset, len(s))
	}
	u := unpacker{m: m, L: L, s: s, at: offset}
	if tell {
		L.Push(lua.LNil)
	}
	place := L.GetTop()
	n := 0
	for u.at < len(s) && (limit == 0 || n < limit) {
		if n >= 8000 {
			raise(L, "too many values to unpack")
		}
		L.Push(u.value(0))
		n++
	}
	if tell {
		at := u.at
		if at == len(s) {
			at = -1
		}
		L.Replace(place, lua.LNumber(at))
		n++
	}
	return n
}

type unpacker struct {
	m  *machine
	L  *lua.LState
	s  string
	at int
}

// take gives the next n bytes.
func (u *unpacker) take(n int) string {
	if n > len(u.s)-u.at {
		raise(u.L, "Missing bytes in input.")
	}
	u.at += n
	return u.s[u.at-n : u.at]
}

// uint reads a number of n bytes.
func (u *unpacker) uint(n int) uint64 {
	v := uint64(0)
	for _, c := range []byte(u.take(n)) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (u *unpacker) value(depth int) lua.LValue {
	u.m.limit.step(1)
	if depth > 1000 {
		raise(u.L, "Bad data format in input.")
	}
	c := u.take(1)[0]
	switch {
	case c <= 0x7f:
		return lua.LNumber(c)
	case c >= 0xe0:
		return lua.LNumber(int8(c))
	case c>>5 == 5:
		return lua.LString(u.take(int(c & 31)))
	case c>>4 == 9:
		return u.array(int(c&15), depth)
	case c>>4 == 8:
		return u.table(int(c&15), depth)
	}
	switch c {
	case 0xc0:
		return lua.LNil
	case 0xc2, 0xc3:
		return lua.LBool(c == 0xc3)
	case 0xca:
		return lua.LNumber(math.Float32frombits(uint32(u.uint(4))))
	case 0xcb:
		return lua.LNumber(math.Float64frombits(u.uint(8)))
	case 0xcc, 0xcd, 0xce, 0xcf:
		return lua.LNumber(u.uint(1 << (c - 0xcc)))
	case 0xd0:
		return lua.LNumber(int8(u.uint(1)))
	case 0xd1:
		return lua.LNumber(int16(u.uint(2)))
	case 0xd2:
		return lua.LNumber(int32(u.uint(4)))
	case 0xd3:
		return lua.LNumber(int64(u.uint(8)))
	case 0xc4, 0xc5, 0xc6:
		return lua.LString(u.take(int(u.uint(1 << (c - 0xc4)))))
	case 0xd9, 0xda, 0xdb:
		return lua.LString(u.take(int(u.uint(1 << (c - 0xd9)))))
	case 0xdc, 0xdd:
		return u.array(int(u.uint(2<<(c-0xdc))), depth)
	case 0xde, 0xdf:
		return u.table(int(u.uint(2<<(c-0xde))), depth)
	}
	raise(u.L, "Bad data format in input.")
	return lua.LNil
}

func (u *unpacker) array(n, depth int) lua.LValue {
	t := u.L.CreateTable(min(n, len(u.s)-u.at), 0)
	for i := 1; i <= n; i++ {
		t.RawSet(lua.LNumber(i), u.value(depth+1))
	}
	return t
}

func (u *unpacker) table(n, depth int) lua.LValue {
	t := u.L.CreateTable(0, 0)
	for range n {
		k := u.value(depth + 1)
		v := u.value(depth + 1)
		u.m.checkKey(u.L, k)
		t.RawSet(k, v)
	}
	return t
}
