package set_test

import (
	"fmt"
	"math"
	gostrings "strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/set"
	"github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/words"
)

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, set.Specs(), "set") }

// TestEffects compares what commands propagate and publish with what
// redis-server 7.0.15 sends to replicas and subscribers for the same list; but for
// SPOP with a count, of which that sends one SREM for each member.
func TestEffects(t *testing.T) {
	s := commandtest.New(t, set.Specs(), strings.Specs())
	s.Record()
	for _, c := range []struct{ line, reply, effects, events string }{
		{"SADD s 1 2 3", ":3", "SADD s 1 2 3", "new s; sadd s"},
		{"SADD s 1", ":0", "", ""},
		{"SADD s 1 4", ":1", "SADD s 1 4", "sadd s"},
		{"SREM s 1 9", ":1", "SREM s 1 9", "srem s"},
		{"SREM s 9", ":0", "", ""},
		{"SREM s 2 3 4", ":3", "SREM s 2 3 4", "srem s; del s"},
		{"SREM s 2", ":0", "", ""},
		{"SADD s a", ":1", "SADD s a", "new s; sadd s"},
		{"SPOP s", "$1\r\na", "SREM s a", "spop s; del s"},
		{"SPOP s", "$-1", "", ""},
		{"SADD s 7 7 7", ":1", "SADD s 7 7 7", "new s; sadd s"},
		{"SPOP s 0", "*0", "", ""},
		{"SPOP s 3", "*1\r\n$1\r\n7", "DEL s", "spop s; del s"},
		{"SPOP s 3", "*0", "", ""},
		{"SADD s a b", ":2", "SADD s a b", "new s; sadd s"},
		{"SMOVE s t a", ":1", "SMOVE s t a", "srem s; new t; sadd t"},
		{"SMOVE s t x", ":0", "", ""},
		{"SMOVE s s b", ":1", "", ""},
		{"SADD s a", ":1", "SADD s a", "sadd s"},
		{"SMOVE s t a", ":1", "SMOVE s t a", "srem s"},
		{"SMOVE s t b", ":1", "SMOVE s t b", "srem s; del s; sadd t"},
		{"SADD x 1 2 3", ":3", "SADD x 1 2 3", "new x; sadd x"},
		{"SADD y 2 3 4", ":3", "SADD y 2 3 4", "new y; sadd y"},
		{"SINTERSTORE z x y", ":2", "SINTERSTORE z x y", "new z; sinterstore z"},
		{"SINTERSTORE z x n", ":0", "SINTERSTORE z x n", "keymiss n; del z"},
		{"SINTERSTORE z x n", ":0", "", "keymiss n"},
		{"SUNIONSTORE z x y", ":4", "SUNIONSTORE z x y", "new z; sunionstore z"},
		{"SDIFFSTORE z x y", ":1", "SDIFFSTORE z x y", "sdiffstore z"},
		{"SDIFFSTORE z x x", ":0", "SDIFFSTORE z x x", "del z"},
		{"SET z str", "+OK", "SET z str", "new z; set z"},
		{"SUNIONSTORE z x y", ":4", "SUNIONSTORE z x y", "sunionstore z"},
		{"SET z str", "+OK", "SET z str", "set z"},
		{"SINTERSTORE z x n", ":0", "SINTERSTORE z x n", "keymiss n; del z"},
		{"SUNIONSTORE x x y", ":4", "SUNIONSTORE x x y", "sunionstore x"},
		{"SRANDMEMBER n", "$-1", "", "keymiss n"},
		{"SRANDMEMBER n 3", "*0", "", "keymiss n"},
	} {
		if reply := s.Do(c.line); reply != c.reply+"\r\n" {
			t.Errorf("%s replies %q, want %q", c.line, reply, c.reply)
		}
		if effects, events := s.Recorded(); effects != c.effects || events != c.events {
			t.Errorf("%s\n has %s / %s\nwant %s / %s", c.line, effects, events, c.effects, c.events)
		}
	}
	s.Config.LazyfreeLazyServerDel = true
	s.Do("SPOP x 9")
	if effects, _ := s.Recorded(); effects != "UNLINK x" {
		t.Errorf("lazyfree-lazy-server-del: effects %q", effects)
	}
}

// fill makes a set of n members.
func fill(s *commandtest.Server, key, format string, n int) {
	for i := range n {
		s.Do(fmt.Sprintf("SADD "+key+" "+format, i))
	}
}

// TestPopPieces: what SPOP propagates names a bounded number of members at once, and
// just those that it pops, whichever way it takes.
func TestPopPieces(t *testing.T) {
	for _, count := range []int{3000, 4500} {
		s := commandtest.New(t, set.Specs())
		fill(s, "s", "m%d", 5000)
		s.Record()
		popped := members(s.Do(fmt.Sprintf("SPOP s %d", count)))
		effects, events := s.Recorded()
		if len(popped) != count || events != "spop s" {
			t.Fatalf("%d members, events %q", len(popped), events)
		}
		named := 0
		for _, e := range gostrings.Split(effects, "; ") {
			words := gostrings.Fields(e)
			if words[0] != "SREM" || words[1] != "s" || len(words) > 2+1024 {
				t.Fatalf("%.100s: %d words", e, len(words))
			}
			for _, m := range words[2:] {
				if !popped[m] {
					t.Fatalf("%s was not popped", m)
				}
				named++
			}
		}
		if named != count {
			t.Errorf("%d of %d members are named", named, count)
		}
		for m := range members(s.Do("SMEMBERS s")) {
			if popped[m] {
				t.Fatalf("%s is popped and there", m)
			}
		}
	}
}

// members gives the strings of a reply that is an array of them.
func members(reply string) map[string]bool {
	all := map[string]bool{}
	for i, line := range gostrings.Split(reply, "\r\n") {
		if i > 0 && i%2 == 0 {
			all[line] = true
		}
	}
	return all
}

// TestRepeated asks for more than any reply may hold.
func TestRepeated(t *testing.T) {
	s := commandtest.New(t, set.Specs())
	s.Do("SADD s " + gostrings.Repeat("m", 1<<20))
	s.Do("SADD i 1 2")
	for _, n := range []string{"-9223372036854775807", "-4611686018427387904", "-268435457", "-1000"} {
		if reply := s.Do("SRANDMEMBER s " + n); reply != "-ERR value is out of range\r\n" {
			t.Errorf("%s: %.100q", n, reply)
		}
	}
	if reply := s.Do("SRANDMEMBER i -9223372036854775807"); reply != "-ERR value is out of range\r\n" {
		t.Errorf("%.100q", reply)
	}
}

// TestRandom holds the chance of each member to what it should be, in all forms and
// for all that choose.
func TestRandom(t *testing.T) {
	const n = 40
	draws := 3000
	if raceBuild {
		draws = 500
	}
	for _, form := range []struct {
		name, format string
		packed       int64
	}{{"intset", "%d", 128}, {"listpack", "m%d", 128}, {"table", "m%d", 0}} {
		s := commandtest.New(t, set.Specs())
		s.Config.SetMaxListpackEntries = form.packed
		fill(s, "s", form.format, n)
		for _, line := range []string{"SRANDMEMBER s 1", "SRANDMEMBER s 5", "SRANDMEMBER s 20", "SRANDMEMBER s -5", "SPOP s 1", "SPOP s 5", "SPOP s 38"} {
			seen := map[string]int{}
			total := 0
			for range draws {
				got := members(s.Do(line))
				for m := range got {
					seen[m]++
					total++
				}
				if line[1] == 'P' {
					for m := range got {
						s.Do("SADD s " + m)
					}
				}
			}
			want := float64(total) / n
			for m, got := range seen {
				if math.Abs(float64(got)-want) > 6*math.Sqrt(want) {
					t.Errorf("%s, %s: %s came %d times of %d", form.name, line, m, got, total)
				}
			}
			if len(seen) != n {
				t.Errorf("%s, %s: %d of %d members came", form.name, line, len(seen), n)
			}
		}
	}
}

// TestExhausted: commands that find the memory of a shard exhausted leave their
// sets as they were, and nothing of theirs behind.
func TestExhausted(t *testing.T) {
	s := commandtest.NewStore(t, store.Options{Shards: 1, Reserve: 2 << 20}, set.Specs())
	out := "-" + "OOM the memory of this shard is exhausted\r\n"
	n := 0
	for ; ; n++ {
		if reply := s.Do(fmt.Sprintf("SADD a m%d", n)); reply == out {
			break
		} else if reply != ":1\r\n" {
			t.Fatal(reply)
		}
	}
	if n < 1000 || s.Do("SCARD a") != fmt.Sprintf(":%d\r\n", n) {
		t.Fatalf("%d members, SCARD says %s", n, s.Do("SCARD a"))
	}
	s.Record()
	if reply := s.Do(fmt.Sprintf("SPOP a %d", n-n/8)); reply != out {
		t.Errorf("SPOP had memory for the members that are left: %.50q", reply)
	}
	if effects, events := s.Recorded(); effects != "" || events != "" || s.Do("SCARD a") != fmt.Sprintf(":%d\r\n", n) {
		t.Errorf("SPOP without memory: effects %.100q, events %q", effects, events)
	}
	s.Do(fmt.Sprintf("SPOP a %d", n/4))
	for s.Store.Shard(0).Reclaim(1000) {
	}
	live := s.Store.Shard(0).Arena().Live()
	size := s.Do("SCARD a")
	for _, line := range []string{"SUNIONSTORE d a", "SINTERSTORE d a a", "SDIFFSTORE d a none", "SUNIONSTORE a a"} {
		if reply := s.Do(line); reply != out {
			t.Errorf("%s: %s", line, reply)
		}
		if s.Do("SCARD a") != size || s.Do("SCARD d") != ":0\r\n" {
			t.Errorf("%s has changed something", line)
		}
		for s.Store.Shard(0).Reclaim(1000) {
		}
		if now := s.Store.Shard(0).Arena().Live(); now != live {
			t.Errorf("%s: %d bytes in use, %d before", line, now, live)
		}
	}
}

func args(line string) [][]byte {
	list, _ := words.Split([]byte(line))
	return list
}

// TestNoAllocations: ordinary commands make no garbage.
func TestNoAllocations(t *testing.T) {
	if raceBuild {
		t.Skip("pools drop what they are given")
	}
	s := commandtest.New(t, set.Specs())
	fill(s, "big1", "m%d", 5000)
	fill(s, "big2", "n%d", 3000)
	fill(s, "big2", "m%d", 3000)
	fill(s, "int1", "%d", 500)
	fill(s, "int2", "%d1", 400)
	fill(s, "small", "m%d", 100)
	out := make([]byte, 0, 1<<20)
	for _, line := range []string{
		"SADD big1 m7", "SADD int1 7", "SADD small m7", "SREM big1 none", "SISMEMBER big1 m7", "SISMEMBER int1 7",
		"SMISMEMBER big1 m7 m8 m9 m10 x", "SRANDMEMBER big1", "SRANDMEMBER small", "SRANDMEMBER int1 -5",
		"SMEMBERS big1", "SMEMBERS small", "SINTER big1 big2", "SINTER int1 int2", "SINTER small big1 big2",
		"SUNION big1 big2", "SDIFF big1 small", "SINTERCARD 2 big1 big2", "SSCAN big1 0 COUNT 100",
	} {
		request := args(line)
		if n := testing.AllocsPerRun(50, func() { s.Client.Do(out[:0], request...) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
	add, pop := args("SADD big1 m7"), args("SPOP big1")
	if n := testing.AllocsPerRun(50, func() {
		s.Client.Do(out[:0], pop...)
		s.Client.Do(out[:0], add...)
	}); n != 0 {
		t.Errorf("SPOP: %v allocations", n)
	}
}
