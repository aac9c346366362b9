package glua

import (
	"math"
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

// bitArg gives argument i modulo 2^32, as the library bit does.
func bitArg(L *lua.LState, i int) uint32 {
	// Adding this leaves the nearest integer in the lower bits of the number's own.
	const magic = 3 << 51
	return uint32(math.Float64bits(float64(checkNumber(L, i)) + magic))
}

func bitResult(L *lua.LState, n uint32) int {
	L.Push(lua.LNumber(int32(n)))
	return 1
}

func (m *machine) openBit() {
	t := m.l.CreateTable(0, 12)
	fold := func(f func(a, b uint32) uint32) lua.LGFunction {
		return func(L *lua.LState) int {
			n := bitArg(L, 1)
			for i := L.GetTop(); i > 1; i-- {
				n = f(n, bitArg(L, i))
			}
			return bitResult(L, n)
		}
	}
	shift := func(f func(a uint32, n int) uint32) lua.LGFunction {
		return func(L *lua.LState) int { return bitResult(L, f(bitArg(L, 1), int(bitArg(L, 2)&31))) }
	}
	m.set(t, map[string]lua.LGFunction{
		"tobit":   func(L *lua.LState) int { return bitResult(L, bitArg(L, 1)) },
		"bnot":    func(L *lua.LState) int { return bitResult(L, ^bitArg(L, 1)) },
		"bswap":   func(L *lua.LState) int { return bitResult(L, bits.ReverseBytes32(bitArg(L, 1))) },
		"band":    fold(func(a, b uint32) uint32 { return a & b }),
		"bor":     fold(func(a, b uint32) uint32 { return a | b }),
		"bxor":    fold(func(a, b uint32) uint32 { return a ^ b }),
		"lshift":  shift(func(a uint32, n int) uint32 { return a << n }),
		"rshift":  shift(func(a uint32, n int) uint32 { return a >> n }),
		"arshift": shift(func(a uint32, n int) uint32 { return uint32(int32(a) >> n) }),
		"rol":     shift(bits.RotateLeft32),
		"ror":     shift(func(a uint32, n int) uint32 { return bits.RotateLeft32(a, -n) }),
		"tohex": func(L *lua.LState) int {
			v, n := bitArg(L, 1), int32(8)
			if L.GetTop() >= 2 {
				n = int32(bitArg(L, 2))
			}
			hex := "0123456789abcdef"
			if n < 0 {
				hex = "0123456789ABCDEF"
				if n == math.MinInt32 {
					n++ // it has no opposite
				}
				n = -n
			}
			n = min(n, 8)
			b := make([]byte, n)
			for i := n - 1; i >= 0; i-- {
				b[i] = hex[v&15]
				v >>= 4
			}
			L.Push(lua.LString(b))
			return 1
		},
	})
	m.module("bit", t)
}
