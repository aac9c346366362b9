package glua

import (
	lua "github.com/yuin/gopher-lua"
)

// sorter is table.sort: the quicksort of the C interpreter, because scripts see which
// elements are compared, in which order, and what becomes of a comparison that
// contradicts itself.
type sorter struct {
	m    *machine
	l    *lua.LState
	t    *lua.LTable
	less *lua.LFunction // nil: by the order of Lua
}

func (m *machine) tableSort(L *lua.LState) int {
	t := checkTable(L, 1)
	s := sorter{m: m, l: L, t: t}
	if L.Get(2) != lua.LNil {
		s.less = checkFunction(L, 2)
	}
	n := m.border(t)
	if m.writable(L, t); n > 1 {
		s.sort(1, n)
	}
	return 0
}

func (s *sorter) get(i int) lua.LValue    { return s.t.RawGetInt(i) }
func (s *sorter) set(i int, v lua.LValue) { s.t.RawSetInt(i, v) }

// order puts the elements at i and j, where i < j, in their order.
func (s *sorter) order(i, j int) {
	if a, b := s.get(i), s.get(j); s.before(b, a) {
		s.set(i, b)
		s.set(j, a)
	}
}

// sort sorts the elements from low to high. It goes down for the smaller part only.
func (s *sorter) sort(low, high int) {
	for low < high {
		s.order(low, high)
		if high-low == 1 {
			return
		}
		mid := (low + high) / 2
		if v, first := s.get(mid), s.get(low); s.before(v, first) {
			s.set(mid, first)
			s.set(low, v)
		} else {
			s.order(mid, high)
		}
		if high-low == 2 {
			return
		}
		at := s.part(low, high, mid)
		if at-low < high-at {
			s.sort(low, at-1)
			low = at + 1
		} else {
			s.sort(at+1, high)
			high = at - 1
		}
	}
}

// part puts what is less than the middle element before it and the rest behind it, and
// gives the place where it is then. low <= mid <= high are in order already.
func (s *sorter) part(low, high, mid int) int {
	pivot := s.get(mid)
	s.set(mid, s.get(high-1))
	s.set(high-1, pivot)
	i, j := low, high-1
	for {
		i++
		a := s.get(i)
		for s.before(a, pivot) {
			s.within(i < high)
			i++
			a = s.get(i)
		}
		j--
		b := s.get(j)
		for s.before(pivot, b) {
			s.within(j > low)
			j--
			b = s.get(j)
		}
		if j < i {
			break
		}
		s.set(i, b)
		s.set(j, a)
	}
	v := s.get(i)
	s.set(i, s.get(high-1))
	s.set(high-1, v)
	return i
}

// within raises the error of a comparison that leads out of what is sorted.
func (s *sorter) within(ok bool) {
	if !ok {
		raise(s.l, "invalid order function for sorting")
	}
}

func (s *sorter) before(a, b lua.LValue) bool {
	s.m.limit.step(1)
	L := s.l
	if s.less != nil {
		L.Push(s.less)
		L.Push(a)
		L.Push(b)
		L.Call(2, 1)
		ok := lua.LVAsBool(L.Get(-1))
		L.Pop(1)
		return ok
	}
	switch x := a.(type) {
	case lua.LNumber:
		if y, ok := b.(lua.LNumber); ok {
			return x < y
		}
	case lua.LString:
		if y, ok := b.(lua.LString); ok {
			return x < y
		}
	default:
		if x.Type() == b.Type() && L.GetMetaField(a, "__lt") != lua.LNil {
			return L.LessThan(a, b)
		}
	}
	kind, other := a.Type().String(), b.Type().String()
	if kind == other {
		L.Error(lua.LString("attempt to compare two "+kind+" values"), 0)
	}
	L.Error(lua.LString("attempt to compare "+kind+" with "+other), 0)
	return false
}
