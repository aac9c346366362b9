package stream_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/stream"
	"github.com/redstart-db/redstart/internal/resp"
)

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, stream.Specs(), "stream") }

// TestEffects compares what commands propagate and publish with what
// redis-server 7.0.15 sends to replicas and subscribers for the same list. Two
// things are propagated that it leaves to chance: that a consumer was made, and,
// as in later versions, how far a group has come with XREADGROUP. LIMIT is left
// out, for nobody but replicas takes it with an exact threshold.
func TestEffects(t *testing.T) {
	s := commandtest.New(t, stream.Specs())
	s.Config.StreamNodeMaxEntries = 4
	s.Record()
	now := regexp.MustCompile(`TIME \d{13}`)
	for _, c := range []struct{ line, reply, effects, events string }{
		{"XADD s 1-1 a 1", "$3\r\n1-1", "XADD s 1-1 a 1", "new s; xadd s"},
		{"XADD s 2-* a 2", "$3\r\n2-0", "XADD s 2-0 a 2", "xadd s"},
		{"XADD s NOMKSTREAM 3-1 a 3", "$3\r\n3-1", "XADD s NOMKSTREAM 3-1 a 3", "xadd s"},
		{"XADD none NOMKSTREAM * a 3", "$-1", "", ""},
		{"XADD s MAXLEN 2 4-1 a 4", "$3\r\n4-1", "XADD s MAXLEN 2 4-1 a 4", "xadd s; xtrim s"},
		{"XADD s 5-1 a 5", "$3\r\n5-1", "XADD s 5-1 a 5", "xadd s"},
		{"XADD s MAXLEN ~ 2 6-1 a 6", "$3\r\n6-1", "XADD s MAXLEN = 2 6-1 a 6", "xadd s; xtrim s"},
		{"XADD s MAXLEN ~ 2 LIMIT 10 7-1 a 7", "$3\r\n7-1", "XADD s MAXLEN = 3 7-1 a 7", "xadd s"},
		{"XADD s MINID ~ 5 8-1 a 8", "$3\r\n8-1", "XADD s MINID = 5-1 8-1 a 8", "xadd s"},
		{"XADD s MINID = 6 9-1 a 9", "$3\r\n9-1", "XADD s MINID = 6 9-1 a 9", "xadd s; xtrim s"},
		{"XTRIM s MAXLEN ~ 100", ":0", "", ""},
		{"XTRIM s MAXLEN ~ 1", ":3", "XTRIM s MAXLEN = 1", "xtrim s"},
		{"XTRIM s MINID 8", ":0", "", ""},
		{"XTRIM s MAXLEN 1", ":0", "", ""},
		{"XDEL s 1-1", ":0", "", ""},
		{"XDEL s 9-1 9-1", ":1", "XDEL s 9-1 9-1", "xdel s"},
		{"XADD s 10-1 a 10", "$4\r\n10-1", "XADD s 10-1 a 10", "xadd s"},
		{"XADD s 11-1 a 11", "$4\r\n11-1", "XADD s 11-1 a 11", "xadd s"},
		{"XADD s 12-1 a 12", "$4\r\n12-1", "XADD s 12-1 a 12", "xadd s"},
		{"XADD s 13-1 a 13", "$4\r\n13-1", "XADD s 13-1 a 13", "xadd s"},
		{"XSETID s 13-1 ENTRIESADDED 20 MAXDELETEDID 9-1", "+OK", "XSETID s 13-1 ENTRIESADDED 20 MAXDELETEDID 9-1", "xsetid s"},
		{"XGROUP CREATE s g 0", "+OK", "XGROUP CREATE s g 0", "xgroup-create s"},
		{"XGROUP CREATE new g $ MKSTREAM", "+OK", "XGROUP CREATE new g $ MKSTREAM", "new new; xgroup-create new"},
		{"XGROUP CREATECONSUMER s g b", ":1", "XGROUP CREATECONSUMER s g b", "xgroup-createconsumer s"},
		{"XGROUP CREATECONSUMER s g b", ":0", "", ""},
		{"XREADGROUP GROUP g c COUNT 1 STREAMS s >", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$4\r\n10-1\r\n*2\r\n$1\r\na\r\n$2\r\n10", "XGROUP CREATECONSUMER s g c; XCLAIM s g c 0 10-1 TIME soon RETRYCOUNT 1 FORCE JUSTID LASTID 10-1; XGROUP SETID s g 10-1 ENTRIESREAD 17", "xgroup-createconsumer s"},
		{"XREADGROUP GROUP g d NOACK COUNT 1 STREAMS s >", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$4\r\n11-1\r\n*2\r\n$1\r\na\r\n$2\r\n11", "XGROUP CREATECONSUMER s g d; XGROUP SETID s g 11-1 ENTRIESREAD 18", "xgroup-createconsumer s"},
		{"XREADGROUP GROUP g d NOACK COUNT 1 STREAMS s >", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$4\r\n12-1\r\n*2\r\n$1\r\na\r\n$2\r\n12", "XGROUP SETID s g 12-1 ENTRIESREAD 19", ""},
		{"XREADGROUP GROUP g d STREAMS s >", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$4\r\n13-1\r\n*2\r\n$1\r\na\r\n$2\r\n13", "XCLAIM s g d 0 13-1 TIME soon RETRYCOUNT 1 FORCE JUSTID LASTID 13-1; XGROUP SETID s g 13-1 ENTRIESREAD 20", ""},
		{"XREADGROUP GROUP g d STREAMS s >", "*-1", "", ""},
		{"XREADGROUP GROUP g c STREAMS s 0", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$4\r\n10-1\r\n*2\r\n$1\r\na\r\n$2\r\n10", "", ""},
		{"XREADGROUP GROUP g e STREAMS s 0", "*1\r\n*2\r\n$1\r\ns\r\n*0", "XGROUP CREATECONSUMER s g e", "xgroup-createconsumer s"},
		{"XREADGROUP GROUP g f STREAMS s >", "*-1", "", ""},
		{"XREAD STREAMS s 12-1", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$4\r\n13-1\r\n*2\r\n$1\r\na\r\n$2\r\n13", "", ""},
		{"XREAD STREAMS none 0", "*-1", "", "keymiss none; keymiss none"},
		{"XCLAIM s g e 0 10-1 JUSTID", "*1\r\n$4\r\n10-1", "XCLAIM s g e 0 10-1 TIME soon RETRYCOUNT 2 FORCE JUSTID LASTID 13-1", ""},
		{"XCLAIM s g f 0 11-1", "*0", "", ""},
		{"XCLAIM s g f 0 11-1 FORCE RETRYCOUNT 3 JUSTID", "*1\r\n$4\r\n11-1", "XGROUP CREATECONSUMER s g f; XCLAIM s g f 0 11-1 TIME soon RETRYCOUNT 3 FORCE JUSTID LASTID 13-1", "xgroup-createconsumer s"},
		{"XCLAIM s g f 0 99-1 LASTID 20-1", "*0", "XGROUP SETID s g 20-1 ENTRIESREAD 20", ""},
		{"XCLAIM s g f 100000 10-1", "*0", "", ""},
		{"XAUTOCLAIM s g h 0 11 COUNT 1 JUSTID", "*3\r\n$4\r\n13-1\r\n*1\r\n$4\r\n11-1\r\n*0", "XGROUP CREATECONSUMER s g h; XCLAIM s g h 0 11-1 TIME soon RETRYCOUNT 3 FORCE JUSTID LASTID 20-1", "xgroup-createconsumer s"},
		{"XAUTOCLAIM s g h 100000 0", "*3\r\n$3\r\n0-0\r\n*0\r\n*0", "", ""},
		{"XDEL s 10-1", ":1", "XDEL s 10-1", "xdel s"},
		{"XCLAIM s g f 0 10-1", "*0", "XCLAIM s g e 0 10-1 TIME soon RETRYCOUNT 2 FORCE JUSTID LASTID 20-1", ""},
		{"XDEL s 11-1", ":1", "XDEL s 11-1", "xdel s"},
		{"XAUTOCLAIM s g h 0 0 JUSTID", "*3\r\n$3\r\n0-0\r\n*1\r\n$4\r\n13-1\r\n*1\r\n$4\r\n11-1", "XCLAIM s g h 0 11-1 TIME soon RETRYCOUNT 3 FORCE JUSTID LASTID 20-1; XCLAIM s g h 0 13-1 TIME soon RETRYCOUNT 1 FORCE JUSTID LASTID 20-1", ""},
		{"XPENDING s g", "*4\r\n:1\r\n$4\r\n13-1\r\n$4\r\n13-1\r\n*1\r\n*2\r\n$1\r\nh\r\n$1\r\n1", "", ""},
		{"XACK s g 13-1", ":1", "XACK s g 13-1", ""},
		{"XACK s g 13-1", ":0", "", ""},
		{"XGROUP SETID s g 12 ENTRIESREAD 5", "+OK", "XGROUP SETID s g 12 ENTRIESREAD 5", "xgroup-setid s"},
		{"XGROUP DELCONSUMER s g h", ":0", "XGROUP DELCONSUMER s g h", "xgroup-delconsumer s"},
		{"XGROUP DELCONSUMER s g h", ":0", "", ""},
		{"XGROUP DESTROY s g", ":1", "XGROUP DESTROY s g", "xgroup-destroy s"},
		{"XGROUP DESTROY s g", ":0", "", ""},
		{"XINFO GROUPS s", "*0", "", ""},
		{"XLEN s", ":2", "", ""},
		{"XLEN none", ":0", "", "keymiss none"},
		{"XRANGE s - +", "*2\r\n*2\r\n$4\r\n12-1\r\n*2\r\n$1\r\na\r\n$2\r\n12\r\n*2\r\n$4\r\n13-1\r\n*2\r\n$1\r\na\r\n$2\r\n13", "", ""},
		{"XADD e MINID ~ 99 1-1 a 1", "$3\r\n1-1", "XADD e MINID = 18446744073709551615-18446744073709551615 1-1 a 1", "new e; xadd e; xtrim e"},
		{"XADD e 2-1 a 1", "$3\r\n2-1", "XADD e 2-1 a 1", "xadd e"},
		{"XTRIM e MINID ~ 99", ":1", "XTRIM e MINID = 18446744073709551615-18446744073709551615", "xtrim e"},
		{"XADD e MAXLEN ~ 0 3-1 a 1", "$3\r\n3-1", "XADD e MAXLEN = 0 3-1 a 1", "xadd e; xtrim e"},
	} {
		if reply := s.Do(c.line); reply != c.reply+"\r\n" {
			t.Errorf("%s replies %q, want %q", c.line, reply, c.reply)
		}
		effects, events := s.Recorded()
		effects = now.ReplaceAllString(effects, "TIME soon")
		if effects != c.effects || events != c.events {
			t.Errorf("%s\n has %s / %s\nwant %s / %s", c.line, effects, events, c.effects, c.events)
		}
	}
}

// requests makes one input of lines.
func requests(lines ...string) (b []byte) {
	for _, line := range lines {
		var args [][]byte
		for _, word := range strings.Fields(line) {
			args = append(args, []byte(word))
		}
		b = resp.AppendCommand(b, args...)
	}
	return b
}

// TestNoAllocations runs ordinary commands on a stream that exists.
func TestNoAllocations(t *testing.T) {
	s := commandtest.New(t, stream.Specs())
	for i := range 2000 {
		s.Do(fmt.Sprintf("XADD s %d-1 user_id %d action purchase", i+1, i))
	}
	s.Do("XGROUP CREATE s g 0")
	s.Do("XREADGROUP GROUP g c COUNT 10 STREAMS s >")
	out := make([]byte, 0, 1<<20)
	for _, lines := range [][]string{
		{"XADD s * user_id 17 action purchase"},
		{"XADD s MAXLEN ~ 1000 * user_id 17 action purchase"},
		{"XRANGE s - + COUNT 100", "XREVRANGE s + - COUNT 10", "XLEN s"},
		{"XREAD COUNT 10 STREAMS s 1500-1"},
		{"XREADGROUP GROUP g c COUNT 1 STREAMS s >", "XREADGROUP GROUP g c COUNT 5 STREAMS s 0", "XACK s g 5-1"},
		{"XPENDING s g"}, {"XPENDING s g - + 10"}, {"XCLAIM s g c 0 6-1"},
		{"XADD s * a b", "XTRIM s MAXLEN ~ 1000", "XDEL s 1999-1"},
	} {
		in := requests(lines...)
		allocs := testing.AllocsPerRun(200, func() {
			for rest := in; len(rest) > 0; {
				n, reply, _ := s.Client.Process(rest, out[:0])
				if n == 0 || reply[0] == '-' {
					t.Fatalf("%q: %q", rest, reply)
				}
				rest = rest[n:]
			}
		})
		if allocs >= 1 {
			t.Errorf("%v: %v allocations", lines, allocs)
		}
	}
}

func benchmark(b *testing.B, lines ...string) {
	s := commandtest.New(b, stream.Specs())
	for i := range 10_000 {
		s.Do(fmt.Sprintf("XADD s %d-1 user_id %d action purchase amount 99.99", i+1, i))
	}
	s.Do("XGROUP CREATE s g $")
	in := requests(lines...)
	out := make([]byte, 0, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		for rest := in; len(rest) > 0; {
			n, _, _ := s.Client.Process(rest, out[:0])
			rest = rest[n:]
		}
	}
}

func BenchmarkAdd(b *testing.B) { benchmark(b, "XADD s * user_id 12345 action purchase amount 99.99") }

func BenchmarkRange100(b *testing.B) { benchmark(b, "XRANGE s 5000 + COUNT 100") }

func BenchmarkGroup(b *testing.B) {
	benchmark(b, "XADD s * user_id 12345 action purchase amount 99.99", "XREADGROUP GROUP g c STREAMS s >")
}
