package config

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSplitWords(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
		ok   bool
	}{
		{"", nil, true},
		{"  \t ", nil, true},
		{"port 1", []string{"port", "1"}, true},
		{"  a\tb\v c ", []string{"a", "b\v", "c"}, true},
		{`a "b c" 'd e'`, []string{"a", "b c", "d e"}, true},
		{`"" ''`, []string{"", ""}, true},
		{`"\x31\n\r\t\b\a\\\"\q"`, []string{"1\n\r\t\b\a\\\"q"}, true},
		{`"\xzz\x3"`, []string{"xzzx3"}, true},
		{`'a\'b\n"'`, []string{`a'b\n"`}, true},
		{`a"b c"`, []string{"ab c"}, true},
		{`a\n`, []string{`a\n`}, true},
		{`"a`, nil, false},
		{`'a`, nil, false},
		{`"a\`, nil, false},
		{`"a"b`, nil, false},
		{`'a'b`, nil, false},
		{`a"b"c`, nil, false},
		{"x # y", []string{"x", "#", "y"}, true},
	} {
		got, ok := splitWords(tt.in)
		if ok != tt.ok || !slices.Equal(got, tt.want) {
			t.Errorf("splitWords(%q) = %q, %v; want %q, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func TestQuotedComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }), 1, 4).Draw(t, "words")
		if got, ok := splitWords(JoinWords(words)); !ok || !slices.Equal(got, words) {
			t.Fatalf("%q became %q, %v", words, got, ok)
		}
		if got, ok := splitWords(quoted(words[0])); !ok || len(got) != 1 || got[0] != words[0] {
			t.Fatalf("%q became %q, %v", words[0], got, ok)
		}
	})
}

func TestParseMemory(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want uint64
		ok   bool
	}{
		{"0", 0, true}, {"", 0, true}, {"gb", 0, true}, {"1", 1, true}, {"1b", 1, true},
		{"1k", 1000, true}, {"1kb", 1024, true}, {"2M", 2_000_000, true}, {"2Mb", 2 << 20, true},
		{"3g", 3_000_000_000, true}, {"3GB", 3 << 30, true}, {"18446744073709551615", 1<<64 - 1, true},
		{"18446744073709551616", 1<<64 - 1, true}, {"17179869184gb", 0, false}, {"17179869183gb", 17179869183 << 30, true},
		{"-1", 0, false}, {"+1", 0, false}, {"1.5gb", 0, false}, {"1t", 0, false}, {"1 kb", 0, false}, {"1%", 0, false},
	} {
		if got, ok := parseMemory(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("parseMemory(%q) = %d, %v; want %d, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		if got, ok := parseMemory(formatMemory(n)); !ok || got != n {
			t.Fatalf("%d became %s became %d, %v", n, formatMemory(n), got, ok)
		}
	})
}

func TestMemoryOrPercentBytes(t *testing.T) {
	for _, tt := range []struct {
		m    MemoryOrPercent
		max  uint64
		want uint64
	}{
		{0, 100, 0}, {5, 0, 5}, {-5, 0, 0}, {-5, 1000, 50}, {-100, 1<<64 - 1, 1<<64 - 1}, {-50, 99, 49},
	} {
		if got := tt.m.Bytes(tt.max); got != tt.want {
			t.Errorf("%d of %d is %d, want %d", tt.m, tt.max, got, tt.want)
		}
	}
}
