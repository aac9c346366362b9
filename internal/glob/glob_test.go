package glob_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/glob"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"a", "a", true}, {"a", "ab", false}, {"ab", "a", false},
		{"*", "", false}, {"**", "", false}, {"*", "a", true}, {"a*", "a", true}, {"a**", "a", true}, {"*a", "a", true}, {"a*?", "a", false},
		{"h?llo", "hallo", true}, {"h?llo", "hllo", false}, {"h*llo", "hllo", true}, {"h*llo", "heeeello", true},
		{"*ab*ba*", "abba", true}, {"*ab*ba*", "aba", false}, {"a*b*c", "abcbc", true}, {"a*b*c", "abcb", false}, {"a*a", "a", false}, {"a*a", "aa", true}, {"*[ab]?", "b", false}, {`*\\`, `a\`, true},
		{"h[ae]llo", "hallo", true}, {"h[ae]llo", "hillo", false}, {"h[^e]llo", "hallo", true}, {"h[^e]llo", "hello", false},
		{"[a-c]", "b", true}, {"[c-a]", "b", true}, {"[a-c]", "d", false}, {"[^a-c]", "d", true},
		{"[a-]", "a", true}, {"[a-]", "-", false}, {"[a-]", "]", true}, {"[-a]", "-", true}, {"[]", "]", false}, {"[]a]", "a", false},
		{"[", "[", false}, {"[^", "x", true}, {"[a", "a", true}, {"[a", "[a", false}, {"[a-", "-", true}, {"[a-c", "b", true},
		{`[\]]`, "]", true}, {`[\`, `\`, true}, {`[a\`, `\`, true}, {`[\a-c]`, "b", false}, {`[\a-c]`, "-", true},
		{`\*`, "*", true}, {`\*`, "a", false}, {`\`, `\`, true}, {`a\`, `a\`, true}, {`\\`, `\`, true}, {`\a`, "a", true},
		{"[\x01-\xff]", "\x00", true}, {"[\x01-\xff]", "\x7f", false}, {"?", "\xff", true},
	} {
		if got := glob.Match([]byte(c.pattern), []byte(c.s), false); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.s, got)
		}
	}
}

func TestMatchNocase(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"ABC", "abc", true}, {"a*C", "AxxC", true}, {"[ABC]", "b", true}, {"[a-c]", "B", true}, {"[^a-c]", "B", false},
		{"[Z-a]", "q", false}, {`[\A]`, "a", false}, {`[\A]`, "A", true}, {`\A`, "a", true}, {"@", "`", false}, {"[", "{", false}, {"\xc0", "\xe0", false},
	} {
		if got := glob.Match([]byte(c.pattern), []byte(c.s), true); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.s, got)
		}
	}
}

// matchPlain follows the definition of the elements, trying everything that a
// star can take.
func matchPlain(p, s []byte, nocase bool) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	if p[0] == '*' {
		for i := range len(s) + 1 {
			if matchPlain(p[1:], s[i:], nocase) {
				return true
			}
		}
		return false
	}
	if len(s) == 0 {
		return false
	}
	fold := func(b byte) byte {
		if nocase && 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		return b
	}
	ok, next := false, 1
	switch {
	case p[0] == '?':
		ok = true
	case p[0] == '[':
		var set [256]bool
		var not bool
		set, not, next = plainClass(p, fold)
		ok = set[s[0]] != not
	case p[0] == '\\' && len(p) > 1:
		ok, next = fold(p[1]) == fold(s[0]), 2
	default:
		ok = fold(p[0]) == fold(s[0])
	}
	return ok && matchPlain(p[next:], s[1:], nocase)
}

// plainClass returns what is in the class that p starts with, and its length.
func plainClass(p []byte, fold func(byte) byte) (set [256]bool, not bool, next int) {
	next = 1
	if next < len(p) && p[next] == '^' {
		not = true
		next++
	}
	add := func(in func(c byte) bool) {
		for c := range 256 {
			set[c] = set[c] || in(byte(c))
		}
	}
	for next < len(p) && p[next] != ']' {
		first := p[next]
		switch {
		case first == '\\' && next+1 < len(p):
			set[p[next+1]] = true
			next += 2
		case next+2 < len(p) && p[next+1] == '-':
			lo, hi := int(int8(first)), int(int8(p[next+2]))
			if lo > hi {
				lo, hi = hi, lo
			}
			from, to := int8(fold(byte(lo))), int8(fold(byte(hi)))
			add(func(c byte) bool { return from <= int8(fold(c)) && int8(fold(c)) <= to })
			next += 3
		default:
			add(func(c byte) bool { return fold(c) == fold(first) })
			next++
		}
	}
	return set, not, min(next+1, len(p))
}

func agree(t interface{ Fatalf(string, ...any) }, p, s []byte, nocase bool) {
	want := matchPlain(p, s, nocase)
	if len(s) == 0 {
		want = len(p) == 0
	}
	if got := glob.Match(p, s, nocase); got != want {
		t.Fatalf("%q on %q, nocase %v: %v", p, s, nocase, got)
	}
	if glob.IsLiteral(p) && glob.Match(p, s, false) != bytes.Equal(p, s) {
		t.Fatalf("%q is not literal: it matches %q", p, s)
	}
	if glob.Match(p, s, false) && !bytes.HasPrefix(s, glob.LiteralPrefix(p)) {
		t.Fatalf("%q matches %q without its prefix %q", p, s, glob.LiteralPrefix(p))
	}
}

func TestMatchAgainstDefinition(t *testing.T) {
	pattern := rapid.StringMatching(`[abAB*?\[\]^\\\-]{0,10}`)
	text := rapid.StringMatching(`[abAB\]^\\\-]{0,10}`)
	rapid.Check(t, func(t *rapid.T) {
		agree(t, []byte(pattern.Draw(t, "pattern")), []byte(text.Draw(t, "text")), rapid.Bool().Draw(t, "nocase"))
	})
}

func FuzzMatch(f *testing.F) {
	f.Add([]byte("h[a-c]*?\\*"), []byte("hbxx*"), false)
	f.Add([]byte("*a*b[^\xff-\x01"), []byte("AB\x80"), true)
	f.Fuzz(func(t *testing.T, p, s []byte, nocase bool) {
		if bytes.Count(p, []byte("*")) <= 4 && len(s) <= 40 {
			agree(t, p, s, nocase)
		}
		glob.Match(p, s, nocase)
	})
}

func TestMatchTimeIsBounded(t *testing.T) {
	const (
		limit = 5 * time.Second // it takes milliseconds on an idle machine
		tries = 4               // of which one has to keep to the limit: a busy machine may stop for long
	)
	s := []byte(strings.Repeat("a", 5000))
	for _, p := range []string{
		strings.Repeat("a*", 2000) + "b", strings.Repeat("*?", 2000) + "b", strings.Repeat("*a", 2000) + "*b",
		strings.Repeat("*[a-b]", 2000) + "[^a]", strings.Repeat("*", 5000) + "b", "*" + strings.Repeat("a", 2500) + "b",
		"*" + strings.Repeat("a", 2500) + "b*", "*" + strings.Repeat("?", 2500) + "b*", "*" + strings.Repeat("[b]", 5000),
		"*" + strings.Repeat("[", 50000), strings.Repeat("*\\", 5000),
	} {
		for _, nocase := range []bool{false, true} {
			took := 2 * limit
			for try := 0; try < tries && took > limit; try++ {
				start := time.Now()
				if glob.Match([]byte(p), s, nocase) {
					t.Errorf("%.20q… matches", p)
				}
				took = time.Since(start)
			}
			if took > limit {
				t.Errorf("%.20q… took %v", p, took)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	p, s := []byte("user:*:[a-z]?\\*"), []byte("user:1000:xy*")
	if n := testing.AllocsPerRun(100, func() { glob.Match(p, s, true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !glob.Match(p, s, false) {
		t.Error("no match")
	}
}

func BenchmarkMatch(b *testing.B) {
	p, s := []byte("user:*:session"), []byte("user:1000:profile:session")
	for b.Loop() {
		glob.Match(p, s, false)
	}
}

func TestMoreStarsThanRedisFollows(t *testing.T) {
	text := bytes.Repeat([]byte("a"), 3000)
	for _, c := range []struct {
		stars int
		tail  string
		want  bool
	}{{1000, "", true}, {1000, "*", true}, {1000, "**", true}, {1001, "", false}, {1001, "*", false}, {1500, "", false}} {
		for _, piece := range []string{"*a", "*?", "**[a]"} {
			pattern := append(bytes.Repeat([]byte(piece), c.stars), c.tail...)
			if got := glob.Match(pattern, text, false); got != c.want {
				t.Errorf("%d times %q and %q: %v", c.stars, piece, c.tail, got)
			}
		}
	}
}
