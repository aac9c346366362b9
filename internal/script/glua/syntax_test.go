package glua

import (
	"fmt"
	"strings"
	"testing"
)

// TestSyntaxBounds has sources for which the compiler would need very much stack, or time
// that grows with the square of their size. They are refused.
func TestSyntaxBounds(t *testing.T) {
	var constants strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&constants, "f(%d.5) ", i)
	}
	for src, want := range map[string]string{
		"return " + strings.Repeat("(", 1_000_000):           "x:1: chunk has too many syntax levels",
		"return 1" + strings.Repeat("+1", 50_000):            "x: chunk has too many syntax levels",
		"local f = 1 return f" + strings.Repeat("()", 9_000): "x: chunk has too many syntax levels",
		constants.String():                                   "x:1: constant table overflow",
	} {
		if _, err := compile(src, "x", false); err == nil || err.Error() != want {
			t.Errorf("%.20q of %d bytes: %v", src, len(src), err)
		}
	}
	many := strings.Repeat("f(1.5, 'word', g.field) ", 20_000)
	if _, err := compile(many, "x", false); err != nil {
		t.Errorf("many uses of few constants: %v", err)
	}
}

func FuzzSyntax(f *testing.F) {
	for _, s := range []string{"return {a = 1, [2] = 'x'; 3}", "for i = 1, 2 do break end", "local function f(...) return ... end", "x = [[a\n]] --[==[ b ]==]",
		"return '\\065\\\n\\x' .. 0x1F", "a.b[1]:c 'x' {}", "if x then elseif not y then else end", "repeat until x == -1 ^ 2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if checkSyntax(src, "x") == nil {
			// The parser may know less, but nothing may go wrong.
			compile(src, "x", false)
		}
	})
}
