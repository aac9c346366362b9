package glua

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The arguments of library functions, as the C interpreter takes them: a string that is a
// number is one, a number is a string, and integers are converted as C does. What is wrong
// with one is told in its words, which the interpreter's own checks do not have.

// checkAny gives argument i, which has to be there.
func checkAny(L *lua.LState, i int) lua.LValue {
	if i > L.GetTop() {
		argError(L, i, "value expected")
	}
	return L.Get(i)
}

func checkNumber(L *lua.LState, i int) lua.LNumber {
	n, ok := toNumber(L.Get(i))
	if !ok {
		typeError(L, i, "number")
	}
	return n
}

// checkLong gives argument i as an integer of 64 bits, and checkInt its lower 32 bits.
func checkLong(L *lua.LState, i int) int64 { return wideInt(checkNumber(L, i)) }
func checkInt(L *lua.LState, i int) int    { return int(int32(checkLong(L, i))) }

func optLong(L *lua.LState, i int, other int64) int64 {
	if L.Get(i) == lua.LNil {
		return other
	}
	return checkLong(L, i)
}

func optInt(L *lua.LState, i, other int) int {
	return int(int32(optLong(L, i, int64(other))))
}

func checkString(L *lua.LState, i int) string {
	switch v := L.Get(i).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return string(appendString(nil, v))
	}
	typeError(L, i, "string")
	return ""
}

func optString(L *lua.LState, i int, other string) string {
	if L.Get(i) == lua.LNil {
		return other
	}
	return checkString(L, i)
}

func checkTable(L *lua.LState, i int) *lua.LTable {
	t, ok := L.Get(i).(*lua.LTable)
	if !ok {
		typeError(L, i, "table")
	}
	return t
}

func checkFunction(L *lua.LState, i int) *lua.LFunction {
	fn, ok := L.Get(i).(*lua.LFunction)
	if !ok {
		typeError(L, i, "function")
	}
	return fn
}

// checkOption gives which of some words argument i is; other is for none.
func checkOption(L *lua.LState, i int, other string, words ...string) int {
	s := checkString
	if other != "" {
		s = func(L *lua.LState, i int) string { return optString(L, i, other) }
	}
	word := s(L, i)
	for at, w := range words {
		if w == word {
			return at
		}
	}
	argError(L, i, "invalid option '"+word+"'")
	return 0
}

// typeError raises the error of an argument of another type than the wanted one.
func typeError(L *lua.LState, i int, want string) {
	got := "no value"
	if i <= L.GetTop() {
		got = L.Get(i).Type().String()
	}
	argError(L, i, want+" expected, got "+got)
}

// argError raises the error of argument i. Of a method its object does not count.
func argError(L *lua.LState, i int, text string) {
	kind, name := callee(L)
	if kind == "method" {
		if i--; i == 0 {
			raise(L, "calling '%s' on bad self (%s)", name, text)
		}
	}
	raise(L, "bad argument #%d to '%s' (%s)", i, name, text)
}

// callee gives the name by which the function that runs was called: ? if that is unknown.
func callee(L *lua.LState) (kind, name string) {
	dbg, ok := L.GetStack(0)
	if !ok {
		return "", "?"
	}
	if _, err := L.GetInfo("n", dbg, lua.LNil); err != nil {
		return "", "?"
	}
	text, _, quoted := strings.Cut(dbg.Name, "\x00")
	if quoted { // as nameOperands writes it
		if kind, name, ok = strings.Cut(text, " '"); ok {
			return kind, strings.TrimSuffix(name, "'")
		}
		return "", "?"
	}
	switch text = strings.Trim(text, "()"); text { // a hoisted name is a path in parentheses
	case "", "anonymous", "main chunk", "corountine":
		return "", "?"
	}
	return "", text[strings.LastIndexByte(text, '.')+1:]
}

// toNumber gives the number that a value is, or that its text says.
func toNumber(v lua.LValue) (lua.LNumber, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return v, true
	case lua.LString:
		return parseNumber(string(v))
	}
	return 0, false
}

// toInt converts a number to an int of C: what does not fit becomes the smallest.
func toInt(n lua.LNumber) int {
	if n > -1<<31-1 && n < 1<<31 {
		return int(n)
	}
	return math.MinInt32
}

const spaces = " \t\n\v\f\r"

// parseNumber reads a number as Lua does, which leaves it to C: decimal or hexadecimal, inf
// or nan, with spaces around. What follows a zero byte does not count.
func parseNumber(s string) (lua.LNumber, bool) {
	s, _, _ = strings.Cut(s, "\x00")
	s = strings.Trim(s, spaces)
	rest := strings.TrimPrefix(s, "-")
	negative := len(rest) < len(s)
	if !negative {
		rest = strings.TrimPrefix(s, "+")
	}
	f, ok := parseUnsigned(strings.ToLower(rest))
	if negative {
		f = -f
	}
	return lua.LNumber(f), ok
}

func parseUnsigned(s string) (float64, bool) {
	switch s {
	case "inf", "infinity":
		return math.Inf(1), true
	case "nan":
		return math.NaN(), true
	}
	digit, exponent := isDigit, byte('e')
	number := s
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		number, exponent = hex, 'p'
		digit = func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' }
	}
	i, digits := 0, 0
	for point := false; i < len(number); i++ {
		if digit(number[i]) {
			digits++
		} else if number[i] != '.' || point {
			break
		} else {
			point = true
		}
	}
	if digits == 0 {
		return 0, false
	}
	if i == len(number) {
		if exponent == 'p' {
			s += "p0"
		}
	} else {
		if number[i] != exponent {
			return 0, false
		}
		if i++; i < len(number) && (number[i] == '+' || number[i] == '-') {
			i++
		}
		if i == len(number) || strings.Trim(number[i:], "0123456789") != "" {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && f == 0 {
		return 0, false
	}
	return f, true
}
