package bitmap_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/bitmap"
	"github.com/redstart-db/redstart/internal/command/commandtest"
	families "github.com/redstart-db/redstart/internal/command/strings"
)

func newServer(tb testing.TB) *commandtest.Server {
	return commandtest.New(tb, families.Specs(), bitmap.Specs())
}

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, bitmap.Specs(), "bitmap") }

// TestEffects compares what commands propagate and publish with what
// redis-server 7.0.15 sends to replicas and subscribers for the same list.
func TestEffects(t *testing.T) {
	s := newServer(t)
	s.Do("SET a abc EX 1000")
	s.Record()
	for _, c := range []struct{ line, effects, events string }{
		{"SETBIT b 3 1", "SETBIT b 3 1", "new b; setbit b"},
		{"SETBIT b 3 1", "", ""},
		{"SETBIT b 100 0", "SETBIT b 100 0", "setbit b"},
		{"BITFIELD b SET u8 0 16", "", ""},
		{"BITFIELD b SET u8 0 17 INCRBY u8 8 0 GET u8 0", "BITFIELD b SET u8 0 17 INCRBY u8 8 0 GET u8 0", "setbit b"},
		{"BITFIELD b INCRBY u8 0 1 INCRBY u8 8 1", "BITFIELD b INCRBY u8 0 1 INCRBY u8 8 1", "setbit b"},
		{"BITFIELD new OVERFLOW FAIL SET u8 0 300", "", "new new"},
		{"BITFIELD b GET u8 0", "", ""},
		{"BITOP OR o a b", "BITOP OR o a b", "new o; set o"},
		{"BITOP OR o nokey", "BITOP OR o nokey", "keymiss nokey; del o"},
		{"BITOP OR o nokey", "", "keymiss nokey"},
		{"BITCOUNT b", "", ""},
	} {
		s.Do(c.line)
		effects, events := s.Recorded()
		if effects != c.effects {
			t.Errorf("%s: effects %q, want %q", c.line, effects, c.effects)
		}
		if events != c.events {
			t.Errorf("%s: events %q, want %q", c.line, events, c.events)
		}
	}
}

// TestChanges checks rdb_changes_since_last_save: one for each field that a
// BITFIELD changed.
func TestChanges(t *testing.T) {
	s := newServer(t)
	w := s.World.Workers()[0]
	for _, c := range []struct {
		line    string
		changes uint64
	}{
		{"BITFIELD k SET u8 0 1 SET u8 8 0 INCRBY u8 16 0", 3}, // it grew
		{"BITFIELD k SET u8 0 1 SET u8 8 0 INCRBY u8 16 0", 0},
		{"BITFIELD k SET u8 0 2 GET u8 0 INCRBY u8 0 1 OVERFLOW FAIL INCRBY u8 0 255", 2},
		{"SETBIT k 0 0", 0},
		{"SETBIT k 0 1", 1},
		{"BITOP AND d k k", 1},
	} {
		before := w.Changes
		s.Do(c.line)
		if got := w.Changes - before; got != c.changes {
			t.Errorf("%s: %d changes, want %d", c.line, got, c.changes)
		}
	}
}

func TestLimits(t *testing.T) {
	s := newServer(t)
	s.Config.ProtoMaxBulkLen = 1 << 20
	const last = 1<<23 - 1
	if got := s.Do(fmt.Sprintf("SETBIT k %d 1", last)); got != ":0\r\n" {
		t.Fatalf("the last bit: %q", got)
	}
	refused := "-" + command.ErrBitOffset + "\r\n"
	lines := []string{
		"SETBIT k 9223372036854775807 1", "GETBIT k 9223372036854775807", "GETBIT k -1",
		"BITFIELD k SET u8 9223372036854775807 1", "BITFIELD k GET i64 #144115188075855871", "BITFIELD k SET u8 #-1 1",
	}
	for _, line := range append(lines, "SETBIT k 8388608 1", "GETBIT k 8388608", "BITFIELD k INCRBY u8 #1048576 1") {
		if got := s.Do(line); got != refused {
			t.Errorf("%s: %q", line, got)
		}
	}
	s.Config.ProtoMaxBulkLen = 1<<63 - 1
	for _, line := range append(lines, "SETBIT k 34359738360 1") {
		if got := s.Do(line); got != refused {
			t.Errorf("%s without a limit: %q", line, got)
		}
	}
}

// drawBytes draws a string that is sometimes long and mostly the same byte.
func drawBytes(t *rapid.T, name string) []byte {
	b := rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, name)
	fill := rapid.SampledFrom([]string{"\x00", "\xff", "\x5a"}).Draw(t, name+" fill")
	n := rapid.SampledFrom([]int{0, 0, 1, 33, 2048, 5000}).Draw(t, name+" run")
	return append([]byte(strings.Repeat(fill, n)), b...)
}

func bit(b []byte, i int) int { return int(b[i>>3] >> (7 - i&7) & 1) }

func do(s *commandtest.Server, args ...string) string {
	var words [][]byte
	for _, a := range args {
		words = append(words, []byte(a))
	}
	return string(s.Client.Do(nil, words...))
}

// TestCountAndPosition compares BITCOUNT and BITPOS with loops over bits.
func TestCountAndPosition(t *testing.T) {
	s := newServer(t)
	rapid.Check(t, func(t *rapid.T) {
		v := drawBytes(t, "value")
		do(s, "SET", "k", string(v))
		n := len(v) * 8
		from := rapid.IntRange(0, n+8).Draw(t, "from")
		to := rapid.IntRange(0, n+8).Draw(t, "to")
		want := rapid.IntRange(0, 1).Draw(t, "bit")
		count, at := 0, -1
		for i := from; i <= min(to, n-1); i++ {
			count += bit(v, i)
			if at < 0 && bit(v, i) == want {
				at = i
			}
		}
		got := do(s, "BITCOUNT", "k", fmt.Sprint(from), fmt.Sprint(to), "BIT")
		if got != fmt.Sprintf(":%d\r\n", count) {
			t.Errorf("BITCOUNT %d %d: %q, want %d", from, to, got, count)
		}
		got = do(s, "BITPOS", "k", fmt.Sprint(want), fmt.Sprint(from), fmt.Sprint(to), "BIT")
		if got != fmt.Sprintf(":%d\r\n", at) {
			t.Errorf("BITPOS %d %d %d: %q, want %d", want, from, to, got, at)
		}
	})
}

// TestBitOp compares with a loop over bytes, the destination among the sources
// or not.
func TestBitOp(t *testing.T) {
	s := newServer(t)
	rapid.Check(t, func(t *rapid.T) {
		do(s, "GETDEL", "d")
		values := map[string][]byte{}
		for _, key := range []string{"a", "b", "c", "d"} {
			do(s, "GETDEL", key)
			if rapid.Bool().Draw(t, "has "+key) {
				values[key] = drawBytes(t, key)
				do(s, "SET", key, string(values[key]), "EX", "1000")
			}
		}
		op := rapid.SampledFrom([]string{"AND", "or", "Xor", "NOT"}).Draw(t, "op")
		sources := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 20).Draw(t, "sources")
		if op == "NOT" {
			sources = sources[:1]
		}
		want := combined(op, sources, values)
		if got := do(s, append([]string{"BITOP", op, "d"}, sources...)...); got != fmt.Sprintf(":%d\r\n", len(want)) {
			t.Errorf("BITOP: %q, want %d", got, len(want))
		}
		reply := fmt.Sprintf("$%d\r\n%s\r\n", len(want), want)
		if len(want) == 0 {
			reply = "$-1\r\n"
		}
		if got := do(s, "GET", "d"); got != reply {
			t.Errorf("GET: %q, want %q", got, reply)
		}
		k := s.Store.Key([]byte("d"))
		if e := s.Store.ShardOf(k.H).DB(0).Find(k); e.Ok() && e.Deadline() != 0 {
			t.Error("the destination kept its deadline")
		}
	})
}

func combined(op string, sources []string, values map[string][]byte) []byte {
	n := 0
	for _, s := range sources {
		n = max(n, len(values[s]))
	}
	out := make([]byte, n)
	copy(out, values[sources[0]])
	for _, s := range sources[1:] {
		v := append([]byte(nil), values[s]...)
		v = append(v, make([]byte, n-len(v))...)
		for i := range out {
			switch op {
			case "AND":
				out[i] &= v[i]
			case "or":
				out[i] |= v[i]
			case "Xor":
				out[i] ^= v[i]
			}
		}
	}
	if op == "NOT" {
		for i := range out {
			out[i] = ^out[i]
		}
	}
	return out
}

// TestBitField compares INCRBY with exact arithmetic, and that what lies around
// the field stays.
func TestBitField(t *testing.T) {
	s := newServer(t)
	rapid.Check(t, func(t *rapid.T) {
		signed := rapid.Bool().Draw(t, "signed")
		width := rapid.IntRange(1, 63).Draw(t, "bits")
		name := fmt.Sprintf("u%d", width)
		if signed {
			width += rapid.IntRange(0, 1).Draw(t, "one more")
			name = fmt.Sprintf("i%d", width)
		}
		old := rapid.SliceOfN(rapid.Byte(), 12, 20).Draw(t, "old")
		offset := rapid.IntRange(0, 12*8-width).Draw(t, "offset")
		by := rapid.Int64().Draw(t, "by")
		how := rapid.SampledFrom([]string{"WRAP", "SAT", "FAIL"}).Draw(t, "overflow")

		was := new(big.Int)
		for i := range width {
			was.Lsh(was, 1).Add(was, big.NewInt(int64(bit(old, offset+i))))
		}
		size := new(big.Int).Lsh(big.NewInt(1), uint(width))
		low, high := new(big.Int), new(big.Int).Sub(size, big.NewInt(1))
		if signed {
			low = new(big.Int).Neg(new(big.Int).Rsh(size, 1))
			high = new(big.Int).Add(high, low)
			if was.Cmp(high) > 0 {
				was.Sub(was, size)
			}
		}
		now := new(big.Int).Add(was, big.NewInt(by))
		reply := ""
		if over := now.Cmp(high) > 0; over || now.Cmp(low) < 0 {
			switch {
			case how == "FAIL":
				now, reply = was, "*1\r\n$-1\r\n"
			case how == "SAT" && over:
				now = high
			case how == "SAT":
				now = low
			default:
				now.Mod(now, size)
				if now.Cmp(high) > 0 {
					now.Sub(now, size)
				}
			}
		}
		if reply == "" {
			reply = fmt.Sprintf("*1\r\n:%s\r\n", now)
		}
		want := append([]byte(nil), old...)
		pattern := new(big.Int).Mod(now, size)
		for i := range width {
			at := offset + i
			want[at>>3] &^= 1 << (7 - at&7)
			want[at>>3] |= byte(pattern.Bit(width-1-i)) << (7 - at&7)
		}
		do(s, "SET", "k", string(old))
		got := do(s, "BITFIELD", "k", "OVERFLOW", how, "INCRBY", name, fmt.Sprint(offset), fmt.Sprint(by))
		if got != reply {
			t.Errorf("reply %q, want %q", got, reply)
		}
		if got := do(s, "GET", "k"); got != fmt.Sprintf("$%d\r\n%s\r\n", len(want), want) {
			t.Errorf("value %q, want %q", got, want)
		}
		if got := do(s, "BITFIELD_RO", "k", "GET", name, fmt.Sprint(offset)); got != fmt.Sprintf("*1\r\n:%s\r\n", now) {
			t.Errorf("read back %q, want %s", got, now)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	s := newServer(t)
	out := make([]byte, 0, 4096)
	for _, line := range []string{
		"SETBIT k 100 1", "GETBIT k 100", "BITCOUNT k", "BITPOS k 1", "BITCOUNT k 5 100 BIT",
		"BITOP AND d k k", "BITOP XOR d k d", "BITFIELD k SET u8 0 1 GET u5 100 INCRBY i63 7 1", "BITFIELD_RO k GET u8 0",
	} {
		var args [][]byte
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		s.Client.Do(out, args...)
		if n := testing.AllocsPerRun(100, func() { s.Client.Do(out, args...) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

// BenchmarkMegabyte runs over values of 1 MiB.
func BenchmarkMegabyte(b *testing.B) {
	s := newServer(b)
	s.Do("SETRANGE k 1048575 x")
	s.Do("SETRANGE l 1048575 y")
	out := make([]byte, 0, 4096)
	for _, line := range []string{"BITCOUNT k", "BITPOS k 1", "BITOP AND d k l", "BITOP NOT d k", "BITOP XOR k k l"} {
		var args [][]byte
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		b.Run(line, func(b *testing.B) {
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				s.Client.Do(out, args...)
			}
		})
	}
}
