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

func (m *machine) openMath() {
	t := m.l.CreateTable(0, 32)
	m.set(t, map[string]lua.LGFunction{
		"abs": func(L *lua.LState) int {
			L.Push(lua.LNumber(math.Abs(float64(checkNumber(L, 1)))))
			return 1
		},
		"ceil": mathFunc(math.Ceil), "floor": mathFunc(math.Floor), "sqrt": mathFunc(math.Sqrt),
		"sin": mathFunc(math.Sin), "cos": mathFunc(math.Cos), "tan": mathFunc(math.Tan), "asin": mathFunc0(math.Asin),
		"acos": mathFunc0(math.Acos), "atan": mathFunc(math.Atan), "sinh": mathFunc(math.Sinh), "cosh": mathFunc(math.Cosh),
		"tanh": mathFunc(math.Tanh), "exp": mathFunc(math.Exp), "log": mathFunc(math.Log), "log10": mathFunc0(math.Log10),
		"deg":   mathFunc(func(f float64) float64 { return f / (math.Pi / 180) }),
		"rad":   mathFunc(func(f float64) float64 { return f * (math.Pi / 180) }),
		"atan2": mathFunc2(math.Atan2), "fmod": mathFunc2(math.Mod), "mod": mathFunc2(math.Mod), "pow": mathFunc2(math.Pow),
		"min":   mathBest(func(a, b lua.LNumber) bool { return a < b }),
		"max":   mathBest(func(a, b lua.LNumber) bool { return a > b }),
		"frexp": mathFrexp, "modf": mathModf,
		"ldexp": func(L *lua.LState) int {
			exp := checkInt(L, 2) // which C looks at first
			L.Push(lua.LNumber(math.Ldexp(float64(checkNumber(L, 1)), exp)))
			return 1
		},
		"random": m.mathRandom,
		"randomseed": func(L *lua.LState) int {
			m.random.seed(int32(checkInt(L, 1)))
			return 0
		},
	})
	t.RawSetString("pi", lua.LNumber(math.Pi))
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
	m.module("math", t)
}

func (m *machine) mathRandom(L *lua.LState) int {
	r := float64(m.random.next()%math.MaxInt32) / math.MaxInt32
	low, high := 1.0, 0.0
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(r))
		return 1
	case 1:
		high = float64(checkInt(L, 1))
	case 2:
		low, high = float64(checkInt(L, 1)), float64(checkInt(L, 2))
	default:
		raise(L, "wrong number of arguments")
	}
	if low > high {
		argError(L, L.GetTop(), "interval is empty")
	}
	L.Push(lua.LNumber(math.Floor(r*(high-low+1)) + low))
	return 1
}

func mathFunc(f func(float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		x := float64(checkNumber(L, 1))
		L.Push(lua.LNumber(negativeNaN(f(x), x)))
		return 1
	}
}

// mathFunc0 is mathFunc for those functions of C that give a positive nan.
func mathFunc0(f func(float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		x := float64(checkNumber(L, 1))
		y := f(x)
		if x != x {
			y = x
		} else if y != y {
			y = math.Copysign(y, 1)
		}
		L.Push(lua.LNumber(y))
		return 1
	}
}

func mathFunc2(f func(x, y float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		y := float64(checkNumber(L, 2)) // which C looks at first
		x := float64(checkNumber(L, 1))
		L.Push(lua.LNumber(negativeNaN(f(x, y), x+y)))
		return 1
	}
}

// negativeNaN gives what an argument that is no number becomes: itself, with its sign. What
// is no number all of a sudden is negative, as the processor makes it.
func negativeNaN(f, arg float64) float64 {
	if f == f {
		return f
	}
	if arg != arg {
		return arg
	}
	return math.Copysign(f, -1)
}

// mathBest is min or max.
func mathBest(better func(a, b lua.LNumber) bool) lua.LGFunction {
	return func(L *lua.LState) int {
		best := checkNumber(L, 1)
		for i := 2; i <= L.GetTop(); i++ {
			if n := checkNumber(L, i); better(n, best) {
				best = n
			}
		}
		L.Push(best)
		return 1
	}
}

func mathFrexp(L *lua.LState) int {
	f, exp := math.Frexp(float64(checkNumber(L, 1)))
	L.Push(lua.LNumber(f))
	L.Push(lua.LNumber(exp))
	return 2
}

func mathModf(L *lua.LState) int {
	f := float64(checkNumber(L, 1))
	whole, part := math.Modf(f)
	if math.IsInf(f, 0) {
		whole, part = f, math.Copysign(0, f)
	}
	L.Push(lua.LNumber(whole))
	L.Push(lua.LNumber(part))
	return 2
}
