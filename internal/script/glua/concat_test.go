package glua

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/redstart-db/redstart/internal/script"
)

// What is joined piece by piece is what it would be at once, wherever pieces end.
func TestJoined(t *testing.T) {
	text := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 4*pieceSize/36+1)
	for _, n := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 2 * pieceSize, 3*pieceSize + 7} {
		got := joined(2*n+24, lua.LString(text[:n]), lua.LNumber(7), lua.LString(text[1:n+1]))
		if want := text[:n] + "7" + text[1:n+1]; string(got) != want {
			t.Errorf("strings of %d bytes became one of %d, not of %d", n, len(got), len(want))
		}
	}
}

// The operator joins long strings, numbers and what has metamethods.
func TestConcatenationOfLongStrings(t *testing.T) {
	e := New(Options{Version: "7.0.15"})
	defer e.Close()
	const src = `local a, b = string.rep('a', 3000000), string.rep('b', 1500000)
		local m = setmetatable({}, {__concat = function(l, r) return (type(l) == 'table' and 'm' or l) .. (type(r) == 'table' and 'm' or r) end})
		local s = a .. 12 .. b
		if #s ~= 4500002 or s:sub(2999999, 3000004) ~= 'aa12bb' or s:sub(-1) ~= 'b' then error('joined wrongly', 0) end
		s = m .. a .. b .. 3
		if #s ~= 4500002 or s:sub(1, 2) ~= 'ma' or s:sub(3000001, 3000002) ~= 'ab' or s:sub(-2) ~= 'b3' then error('mixed wrongly', 0) end
		error('all well', 0)`
	s, err := e.Compile(src, "user_script")
	if err != nil {
		t.Fatal(err)
	}
	if _, fail := e.Eval(nil, s, &script.Call{Host: silent{}, Proto: 2}); fail == nil || !strings.HasSuffix(fail.Text, "all well") {
		t.Errorf("%+v", fail)
	}
}
