package glua

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// random is the generator of C's lrand48, so that a script that gives it a seed gets the
// numbers that it gets from Redis. It begins anywhere.
type random struct{ x uint64 }

func (r *random) seed(n int32) { r.x = uint64(uint32(n))<<16 | 0x330e }

// next gives 31 random bits.
func (r *random) next() int32 {
	r.x = (r.x*0x5deece66d + 0xb) & (1<<48 - 1)
	return int32(r.x >> 17)
}

func (m *machine) openMath(old *lua.LTable) {
	t := m.l.CreateTable(0, 32)
	old.ForEach(func(k, v lua.LValue) { t.RawSet(k, m.adopt(v)) })
	m.set(t, map[string]lua.LGFunction{
		"random": func(L *lua.LState) int {
			r := float64(m.random.next()%math.MaxInt32) / math.MaxInt32
			low, high := 1.0, 0.0
			switch L.GetTop() {
			case 0:
				L.Push(lua.LNumber(r))
				return 1
			case 1:
				high = float64(toInt32(L.CheckNumber(1)))
			case 2:
				low, high = float64(toInt32(L.CheckNumber(1))), float64(toInt32(L.CheckNumber(2)))
			default:
				raise(L, "wrong number of arguments")
			}
			if low > high {
				L.ArgError(L.GetTop(), "interval is empty")
			}
			L.Push(lua.LNumber(math.Floor(r*(high-low+1)) + low))
			return 1
		},
		"randomseed": func(L *lua.LState) int {
			m.random.seed(toInt32(L.CheckNumber(1)))
			return 0
		},
		"cosh": mathFunc(math.Cosh), "sinh": mathFunc(math.Sinh), "tanh": mathFunc(math.Tanh),
		"log10": mathFunc(math.Log10), "log": mathFunc(math.Log),
	})
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
	m.module("math", t)
}

func mathFunc(f func(float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		L.Push(lua.LNumber(f(float64(L.CheckNumber(1)))))
		return 1
	}
}
