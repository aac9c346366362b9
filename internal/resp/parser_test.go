package resp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const ping = "*1\r\n$4\r\nPING\r\n"

// feed gives data to a parser in pieces, whose lengths step yields, at a new
// address each time, and describes what came out.
func feed(t testing.TB, p *Parser, data []byte, step func() int) string {
	var out strings.Builder
	have, need := 0, 0
	for {
		buf := bytes.Clone(data[:have])
		args, n, err := p.Next(buf)
		switch {
		case err != nil:
			fmt.Fprintf(&out, "error %q", err)
			return out.String()
		case n < 0 || n > len(buf):
			t.Fatalf("consumed %d of %d bytes", n, len(buf))
		case n > 0 && len(buf) < need:
			t.Fatalf("complete with %d bytes where %d were needed", len(buf), need)
		case n > 0:
			fmt.Fprintf(&out, "%q %d\n", args, n)
			data, have, need = data[n:], have-n, 0
			continue
		}
		need = p.Need()
		if need != 0 && need <= len(buf) {
			t.Fatalf("needs %d bytes, has %d", need, len(buf))
		}
		if have == len(data) {
			fmt.Fprintf(&out, "rest %d", len(data))
			return out.String()
		}
		have = min(have+step(), len(data))
	}
}

// reference says what feed must, from the whole of the data, in the most direct
// way.
func reference(p Parser, data string) string {
	var out strings.Builder
	for {
		args, n, err := referenceNext(p, data)
		if err != "" {
			fmt.Fprintf(&out, "error %q", "Protocol error: "+err)
			return out.String()
		}
		if n == 0 {
			fmt.Fprintf(&out, "rest %d", len(data))
			return out.String()
		}
		fmt.Fprintf(&out, "%q %d\n", args, n)
		data = data[n:]
	}
}

func referenceNext(p Parser, data string) (args []string, n int, err string) {
	if data == "" {
		return nil, 0, ""
	}
	if data[0] != '*' {
		end := strings.IndexAny(data, "\n\x00")
		if end < 0 || data[end] == 0 {
			return nil, 0, ""
		}
		args, ok := referenceSplit(strings.TrimSuffix(data[:end], "\r"))
		if !ok {
			return nil, 0, "unbalanced quotes in request"
		}
		return args, end + 1, ""
	}
	line := func() (string, bool) {
		end := strings.IndexAny(data[n:], "\r\x00")
		if end < 0 || data[n+end] == 0 || n+end+2 > len(data) {
			return "", false
		}
		text := data[n : n+end]
		n += end + 2
		return text, true
	}
	integer := func(text string) (int64, bool) {
		var v int64
		_, err := fmt.Sscanf(text, "%d", &v)
		return v, err == nil && fmt.Sprint(v) == text
	}
	head, ok := line()
	if !ok {
		return nil, 0, ""
	}
	count, ok := integer(head[1:])
	if !ok || count > math.MaxInt32 {
		return nil, 0, "invalid multibulk length"
	}
	if count > 10 && p.Unauth {
		return nil, 0, "unauthenticated multibulk length"
	}
	limit := p.MaxBulk
	if limit == 0 {
		limit = 512 << 20
	}
	for ; count > 0; count-- {
		at := n
		head, ok := line()
		if !ok {
			return nil, 0, ""
		}
		if data[at] != '$' {
			return nil, 0, "expected '$', got '" + data[at:at+1] + "'"
		}
		size, ok := integer(head[1:])
		if !ok || size < 0 || size > limit {
			return nil, 0, "invalid bulk length"
		}
		if size > 16384 && p.Unauth {
			return nil, 0, "unauthenticated bulk length"
		}
		if int64(len(data)-n) < size+2 {
			return nil, 0, ""
		}
		args = append(args, data[n:n+int(size)])
		n += int(size) + 2
	}
	return args, n, ""
}

// referenceSplit is a state machine over single bytes.
func referenceSplit(line string) (words []string, ok bool) {
	const space = " \t\n\v\f\r"
	state, word := 's', ""
	for line != "" {
		c := line[0]
		switch {
		case state == 's' && strings.IndexByte(space, c) >= 0:
		case state == 'e' && strings.IndexByte(space, c) < 0:
			return nil, false
		case state == 'e':
			state = 's'
		case state == 's' || state == 'w':
			switch {
			case c == '"' || c == '\'':
				state = rune(c)
			case state == 'w' && strings.IndexByte(" \t\r\n", c) >= 0:
				words, word, state = append(words, word), "", 's'
			default:
				word, state = word+line[:1], 'w'
			}
		case c == byte(state):
			words, word, state = append(words, word), "", 'e'
		case state == '\'' && strings.HasPrefix(line, `\'`):
			word, line = word+"'", line[1:]
		case state == '"' && c == '\\' && len(line) > 1:
			var b byte
			if len(line) > 3 && line[1] == 'x' && strings.Trim(line[2:4], "0123456789abcdefABCDEF") == "" {
				fmt.Sscanf(line[2:4], "%x", &b)
				word, line = word+string([]byte{b}), line[3:]
			} else {
				e := line[1:2]
				if i := strings.Index("nrtba", e); i >= 0 {
					e = "\n\r\t\b\a"[i : i+1]
				}
				word, line = word+e, line[1:]
			}
		default:
			word += line[:1]
		}
		line = line[1:]
	}
	if state == 'w' {
		words = append(words, word)
	}
	return words, state != '"' && state != '\''
}

// Each of these was watched on redis-server 7.0.15.
func TestRequests(t *testing.T) {
	const e = `error "Protocol error: `
	for _, c := range []struct{ in, want string }{
		{"PING\r\n", "[\"PING\"] 6\nrest 0"},
		{"\r\n\nPING\n", "[] 2\n[] 1\n[\"PING\"] 5\nrest 0"},
		{"   \r\n" + ping, "[] 5\n[\"PING\"] 14\nrest 0"},
		{"*0\r\n" + ping, "[] 4\n[\"PING\"] 14\nrest 0"},
		{"*-1\r\n" + ping, "[] 5\n[\"PING\"] 14\nrest 0"},
		{"*-9223372036854775808\r\n", "[] 23\nrest 0"},
		{"*-9223372036854775809\r\n", e + `invalid multibulk length"`},
		{"*9223372036854775808\r\n", e + `invalid multibulk length"`},
		{"*\r\n", e + `invalid multibulk length"`},
		{"*01\r\n", e + `invalid multibulk length"`},
		{"*-0\r\n", e + `invalid multibulk length"`},
		{"*+1\r\n", e + `invalid multibulk length"`},
		{"*1x2\r\n", e + `invalid multibulk length"`},
		{"*2147483648\r\n", e + `invalid multibulk length"`},
		{"*2147483647\r\n", "rest 13"},
		{"*1\rX$4\rYPINGZZ" + ping, "[\"PING\"] 14\n[\"PING\"] 14\nrest 0"},
		{"*1\r\nfoo\r\n", e + `expected '$', got 'f'"`},
		{"*1\r\nfoo", "rest 7"},
		{"*1\r\n\r\n", e + `expected '$', got '\r'"`},
		{"*1\r\n\n\r\n", e + `expected '$', got '\n'"`},
		{"*1\r\n\xff\r\n", e + `expected '$', got '\xff'"`},
		{"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-10\r\n", e + `invalid bulk length"`},
		{"*1\r\n$04\r\n", e + `invalid bulk length"`},
		{"*1\r\n$\r\n", e + `invalid bulk length"`},
		{"*1\r\n$:1\r\n" + strings.Repeat("x", 200) + "\r\n", e + `invalid bulk length"`},
		{"*1\r\n$1:\r\n" + strings.Repeat("x", 200) + "\r\n", e + `invalid bulk length"`},
		{"*1\r\n$:\r\n" + strings.Repeat("x", 200) + "\r\n", e + `invalid bulk length"`},
		{"*:\r\n" + strings.Repeat("$1\r\na\r\n", 20), e + `invalid multibulk length"`},
		{"*1\r\n$ 4\r\nPING\r\n", e + `invalid bulk length"`},
		{"*1\r\n$536870913\r\n", e + `invalid bulk length"`},
		{"*1\r\n$536870912\r\n", "rest 16"},
		{"*1\r\n$9999999999999999999\r\n", e + `invalid bulk length"`},
		{"*1\r\n$0\r\n\r\n", "[\"\"] 10\nrest 0"},
		{"*2\r\n$10\r\n0123456789\r\n$3\r\n\r\n\x00\r\n", "[\"0123456789\" \"\\r\\n\\x00\"] 30\nrest 0"},
		{"pi\x00ng\r\nPING\r\n", "rest 13"},
		{"*1\r\n\x00$4\r\nPING\r\n", "rest 15"},
		{"PING\r\n\x00\r\n", "[\"PING\"] 6\nrest 3"},
		{"\"\"\r\n", "[\"\"] 4\nrest 0"},
		{"a \"\" b\r\n", "[\"a\" \"\" \"b\"] 8\nrest 0"},
		{"'a\\'b'\r\n", "[\"a'b\"] 8\nrest 0"},
		{"'\\n'\r\n", "[\"\\\\n\"] 6\nrest 0"},
		{"\"\\x41\\n\\q\\x4\"\r\n", "[\"A\\nqx4\"] 15\nrest 0"},
		{"\"\\n\\r\\t\\b\\a\\\"\\\\\"\r\n", "[\"\\n\\r\\t\\b\\a\\\"\\\\\"] 18\nrest 0"},
		{"\"\\xfg\\\"\" x\r\n", "[\"xfg\\\"\" \"x\"] 12\nrest 0"},
		{"a\"b c\"\r\n", "[\"ab c\"] 8\nrest 0"},
		{"a\\\"b c\"\r\n", "[\"a\\\\b c\"] 9\nrest 0"},
		{"a\vb\r\n", "[\"a\\vb\"] 5\nrest 0"},
		{"\"a\"\v\r\n", "[\"a\"] 6\nrest 0"},
		{"\v\fa\r\n", "[\"a\"] 5\nrest 0"},
		{"a\rb\r\n", "[\"a\" \"b\"] 5\nrest 0"},
		{"a\r\r\n", "[\"a\"] 4\nrest 0"},
		{" *1\r\n", "[\"*1\"] 5\nrest 0"},
		{"\"'\"\r\n", "[\"'\"] 5\nrest 0"},
		{"\"a\"b\r\n", e + `unbalanced quotes in request"`},
		{"\"a\r\n", e + `unbalanced quotes in request"`},
		{"\"a\\\r\n", e + `unbalanced quotes in request"`},
		{"'foo'bar\r\n", e + `unbalanced quotes in request"`},
	} {
		for step := range 5 {
			got := feed(t, &Parser{}, []byte(c.in), func() int { return step + 1 })
			if got != c.want {
				t.Errorf("%q in steps of %d:\n%s\nwant:\n%s", c.in, step+1, got, c.want)
			}
		}
		if got := feed(t, &Parser{}, []byte(c.in), func() int { return len(c.in) }); got != c.want {
			t.Errorf("%q:\n%s\nwant:\n%s", c.in, got, c.want)
		}
		if got := reference(Parser{}, c.in); got != c.want {
			t.Errorf("reference, %q:\n%s\nwant:\n%s", c.in, got, c.want)
		}
	}
}

// Wherever a request is cut, its beginning is incomplete to a parser that has
// seen nothing yet, and the whole is then read.
func TestEveryPrefixIsIncomplete(t *testing.T) {
	for _, b := range benchmarks {
		want := reference(Parser{}, b.request)
		for cut := range b.request {
			var p Parser
			if args, n, err := p.Next([]byte(b.request[:cut])); n != 0 || err != nil {
				t.Fatalf("%q: %q %d %v", b.request[:cut], args, n, err)
			}
			if got := feed(t, &p, []byte(b.request), func() int { return len(b.request) }); got != want {
				t.Fatalf("%q cut at %d:\n%s\nwant:\n%s", b.request, cut, got, want)
			}
		}
	}
}

func TestTooBig(t *testing.T) {
	for _, c := range []struct {
		in   string
		want error
	}{
		{strings.Repeat("A", 65536), nil},
		{strings.Repeat("A", 65537), errInline},
		{"\x00" + strings.Repeat("A\n", 32768), errInline},
		{strings.Repeat("A", 70000) + "\n", nil},
		{"*" + strings.Repeat("1", 65535), nil},
		{"*" + strings.Repeat("1", 65536), errCountTooBig},
		{"*\x00" + strings.Repeat("A\r\n", 30000), errCountTooBig},
		{"*1\r\n$" + strings.Repeat("1", 65535), nil},
		{"*1\r\n$" + strings.Repeat("1", 65536), errBulkLenTooBig},
		{"*1\r\n$\x00" + strings.Repeat("A\r\n", 30000), errBulkLenTooBig},
	} {
		if _, _, err := new(Parser).Next([]byte(c.in)); err != c.want && !errors.Is(err, c.want) {
			t.Errorf("%.10q, %d bytes: %v, want %v", c.in, len(c.in), err, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	big := func(n int) string { return fmt.Sprintf("*1\r\n$%d\r\n%s\r\n", n, strings.Repeat("x", n)) }
	for _, c := range []struct {
		p    Parser
		in   string
		want error
	}{
		{Parser{Unauth: true}, "*10\r\n", nil},
		{Parser{Unauth: true}, "*11\r\n", errCountUnauth},
		{Parser{Unauth: true}, "*11\r\n" + strings.Repeat("$1\r\na\r\n", 11), errCountUnauth},
		{Parser{Unauth: true}, big(16384), nil},
		{Parser{Unauth: true}, big(16385), errBulkLenUnauth},
		{Parser{Unauth: true}, "*1\r\n$536870913\r\n", errBulkLen},
		{Parser{Unauth: true}, "*2147483648\r\n", errCount},
		{Parser{MaxBulk: 100}, big(100), nil},
		{Parser{MaxBulk: 100}, big(101), errBulkLen},
		{Parser{MaxBulk: math.MaxInt64}, "*1\r\n$999999999999999999\r\n", nil},
		{Parser{MaxBulk: math.MaxInt64}, "*1\r\n$9223372036854775807\r\n", errBulkLen},
	} {
		for _, whole := range []bool{true, false} {
			p, err, n := c.p, error(nil), 0
			for have := 1; have <= len(c.in) && n == 0 && err == nil; have++ {
				if whole {
					have = len(c.in)
				}
				_, n, err = p.Next([]byte(c.in[:have]))
			}
			if err != c.want {
				t.Errorf("%.20q: %v, want %v", c.in, err, c.want)
			}
		}
	}
}

func TestNeedIsNotTrusted(t *testing.T) {
	var p Parser
	in := []byte("*1000000000\r\n$536870912\r\nabc")
	if n := testing.AllocsPerRun(10, func() { p.Reset(); p.Next(in) }); n != 0 {
		t.Errorf("%v allocations for declared lengths", n)
	}
	if want := 13 + 12 + 536870912 + 2; p.Need() != want {
		t.Errorf("Need is %d, want %d", p.Need(), want)
	}
	p.Reset()
	if args, n, err := p.Next([]byte(ping)); len(args) != 1 || n != len(ping) || err != nil || p.Need() != 0 {
		t.Errorf("after Reset: %q %d %v", args, n, err)
	}
}

// A change of the limits while a request arrives must not lose its beginning.
func TestLimitsChangeWithinRequest(t *testing.T) {
	in := []byte("*2\r\n$20\r\n01234567890123456789\r\n$1\r\na\r\n")
	p := Parser{MaxBulk: 100}
	p.Next(in[:35])
	p.MaxBulk = 10
	if args, n, err := p.Next(in); len(args) != 2 || n != len(in) || err != nil {
		t.Errorf("%q %d %v", args, n, err)
	}
}

func TestLargeRequestIsLetGo(t *testing.T) {
	var p Parser
	const count = 100_000
	in := []byte(fmt.Sprintf("*%d\r\n%s", count, strings.Repeat("$1\r\na\r\n", count)))
	if args, n, _ := p.Next(in); len(args) != count || n != len(in) {
		t.Fatalf("%d arguments, %d bytes", len(args), n)
	}
	p.Next(nil)
	if cap(p.args) > keptArgs {
		t.Errorf("kept %d entries", cap(p.args))
	}
	line := []byte("\"" + strings.Repeat("x", 50_000) + "\"\n")
	if args, _, err := p.Next(line); err != nil || len(args[0]) != 50_000 {
		t.Fatal(err)
	}
	p.Next(nil)
	if cap(p.scratch) > keptScratch {
		t.Errorf("kept %d bytes", cap(p.scratch))
	}
}

// A million arguments in single bytes: if every call began at the front this
// would take hours.
func TestSingleBytesAreLinear(t *testing.T) {
	const count = 1_000_000
	in := []byte(fmt.Sprintf("*%d\r\n%s", count, strings.Repeat("$1\r\na\r\n", count)))
	var p Parser
	for have := 1; have < len(in); have++ {
		if _, n, err := p.Next(in[:have]); n != 0 || err != nil {
			t.Fatal(have, n, err)
		}
	}
	if args, n, err := p.Next(in); len(args) != count || n != len(in) || err != nil {
		t.Fatal(len(args), n, err)
	}
	for _, start := range []string{"", "\x00", "*", "*\x00", "*1\r\n$", "*1\r\n$\x00"} {
		p.Reset()
		in := []byte(start + strings.Repeat("1", maxHeader))
		for have := 1; have <= maxHeader; have++ {
			if _, n, err := p.Next(in[:have]); n != 0 || err != nil {
				t.Fatal(have, n, err)
			}
		}
	}
}

// fragments are pieces of requests, right and wrong, so that random input gets
// past the first byte.
var fragments = []string{
	"*", "$", "\r\n", "\r", "\n", "0", "1", "2", "3", "12", "-1", "a", "\x00", " ", "\t", "\v",
	"\"", "'", "\\", "\\x4", "1f", "n", "*1\r\n", "*2\r\n", "*3\r\n", "*11\r\n", "*-1\r\n", "*0\r\n",
	"$0\r\n", "$1\r\n", "$3\r\n", "$12\r\n", "$20\r\n", "$1\r\na\r\n", "$3\r\nGET\r\n",
	"$12\r\nabcdefghijkl\r\n", ping, "GET a\r\n", "SET \"a\\x00b\" 'c'\r\n", "$2147483647\r\n",
}

func TestPiecesEqualReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 24).Draw(rt, "in"), "")
		p := Parser{Unauth: rapid.Bool().Draw(rt, "unauth"), MaxBulk: rapid.SampledFrom([]int64{0, 10}).Draw(rt, "max")}
		want := reference(p, in)
		steps := rapid.IntRange(1, 20)
		whole, single, pieces := p, p, p
		for name, got := range map[string]string{
			"whole":  feed(t, &whole, []byte(in), func() int { return len(in) }),
			"single": feed(t, &single, []byte(in), func() int { return 1 }),
			"pieces": feed(t, &pieces, []byte(in), func() int { return steps.Draw(rt, "step") }),
		} {
			if got != want {
				rt.Fatalf("%s: %q:\n%s\nwant:\n%s", name, in, got, want)
			}
		}
	})
}

func FuzzParser(f *testing.F) {
	for _, s := range fragments {
		f.Add([]byte(s), uint64(1), false)
	}
	f.Add([]byte(ping+"*2\r\n$3\r\nGET\r\n$12\r\nabcdefghijkl\r\n"), uint64(7), true)
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, unauth bool) {
		if len(in) > maxHeader {
			return // the refusal of long lines depends on the pieces
		}
		p := Parser{Unauth: unauth}
		want := reference(p, string(in))
		got := feed(t, &p, in, func() int {
			seed = seed*6364136223846793005 + 1442695040888963407
			return 1 + int(seed>>33)%17
		})
		if got != want {
			t.Errorf("%q:\n%s\nwant:\n%s", in, got, want)
		}
	})
}

func pipeline(request string) []byte { return []byte(strings.Repeat(request, 16)) }

var benchmarks = []struct{ name, request string }{
	{"GET", "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n"},
	{"GETshort", "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"},
	{"SET", "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$64\r\n" + strings.Repeat("x", 64) + "\r\n"},
	{"SETshort", "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n"},
	{"Inline", "SET key:000000012345 value\r\n"},
	{"MSET20", "*41\r\n$4\r\nMSET\r\n" + strings.Repeat("$10\r\n0123456789\r\n", 40)},
}

func TestParserDoesNotAllocate(t *testing.T) {
	for _, b := range benchmarks {
		in := pipeline(b.request)
		var p Parser
		p.Next(in)
		if n := testing.AllocsPerRun(100, func() {
			for at := 0; at < len(in); {
				// The last bytes first come as a partial request.
				if at > 0 {
					p.Next(in[at : at+len(b.request)-5])
				}
				_, n, err := p.Next(in[at:])
				if err != nil || n != len(b.request) {
					t.Fatal(n, err)
				}
				at += n
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", b.name, n)
		}
	}
}

func BenchmarkParser(b *testing.B) {
	for _, bench := range benchmarks {
		b.Run(bench.name, func(b *testing.B) {
			in := pipeline(bench.request)
			var p Parser
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				_, n, err := p.Next(in[at:])
				if err != nil {
					b.Fatal(err)
				}
				if at += n; at == len(in) {
					at = 0
				}
			}
		})
	}
}

// BenchmarkParserPartial has requests arrive in two parts.
func BenchmarkParserPartial(b *testing.B) {
	in := []byte(benchmarks[2].request)
	var p Parser
	b.ReportAllocs()
	for b.Loop() {
		p.Next(in[:40])
		if _, n, err := p.Next(in); n != len(in) {
			b.Fatal(n, err)
		}
	}
}

// TestDetach has the first arguments of a request taken off the input, and the rest of it
// arrive in pieces.
func TestDetach(t *testing.T) {
	value := strings.Repeat("v", 1000)
	data := "*5\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1000\r\n" + value + "\r\n$2\r\nEX\r\n$3\r\n100\r\n" + ping
	for cut := range 1100 {
		var p Parser
		if _, n, err := p.Next([]byte(data[:40])); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		args, from, to, more := p.Head([]byte(data[:40]))
		if len(args) != 2 || string(args[1]) != "key" || data[from:to] != value || more != 2 {
			t.Fatalf("%q, %d to %d, %d more", args, from, to, more)
		}
		p.Detach(append(args, []byte(data[from:to])), more)
		rest := data[to:]
		if cut < len(rest) {
			if _, n, err := p.Next([]byte(rest[:cut])); err != nil {
				t.Fatal(err)
			} else if n > 0 {
				rest = rest[n:]
				goto behind
			}
			if cut%2 == 0 { // it has to wait, and is read again
				p.Reset()
				p.Detach(append(args, []byte(data[from:to])), more)
			}
		}
		{
			got, n, err := p.Next([]byte(rest))
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", []string{"SET", "key", value, "EX", "100"}) || err != nil {
				t.Fatalf("%.100q, %v", got, err)
			}
			rest = rest[n:]
		}
	behind:
		if got, n, err := p.Next([]byte(rest)); len(got) != 1 || n != len(ping) || err != nil {
			t.Fatalf("%q, %d, %v behind it", got, n, err)
		}
	}
}
