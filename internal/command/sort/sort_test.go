package sort_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/hash"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/command/list"
	"github.com/redstart-db/redstart/internal/command/set"
	"github.com/redstart-db/redstart/internal/command/sort"
	stringcmds "github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/command/zset"
	"github.com/redstart-db/redstart/tests/peer"
)

func newServer(t *testing.T) *commandtest.Server {
	return commandtest.New(t, sort.Specs(), list.Specs(), set.Specs(), zset.Specs(), hash.Specs(), keys.Specs(), stringcmds.Specs())
}

func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, sort.Specs(), "") }

// TestWide has the commands that need more than the locks of their keys.
func TestWide(t *testing.T) {
	specs := sort.Specs()
	for line, want := range map[string]bool{
		"sort k": false, "sort k limit 1 2 desc": false, "sort k by nosort": false, "sort k get #": false, "sort k store *": false,
		"sort k by w_*": true, "sort k get *": true, "SORT k GET # GET x*y": true, "sort k BY": false, "sort by* get": false,
	} {
		var args [][]byte
		for _, word := range strings.Fields(line) {
			args = append(args, []byte(word))
		}
		for i := range specs {
			if got := specs[i].FlagsOf(args)&command.AllShards != 0; got != want {
				t.Errorf("%s: %v", line, got)
			}
		}
	}
}

func TestPropagation(t *testing.T) {
	s := newServer(t)
	s.Record()
	for _, step := range []struct{ line, reply, effects, events string }{
		{"RPUSH l 3 1 2", ":3\r\n", "RPUSH l 3 1 2", "new l; rpush l"},
		{"SORT l", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n", "", ""},
		{"SORT l DESC STORE dst", ":3\r\n", "SORT l DESC STORE dst", "new dst; sortstore dst"},
		{"PEXPIREAT dst 99999999999999", ":1\r\n", "PEXPIREAT dst 99999999999999", "expire dst"},
		{"SORT l STORE dst", ":3\r\n", "SORT l STORE dst", "sortstore dst"},
		{"PTTL dst", ":-1\r\n", "", ""},
		{"SORT l LIMIT 0 0 STORE dst", ":0\r\n", "SORT l LIMIT 0 0 STORE dst", "del dst"},
		{"SORT l LIMIT 0 0 STORE dst", ":0\r\n", "", ""},
		{"SORT nokey STORE l", ":0\r\n", "SORT nokey STORE l", "keymiss nokey; del l"},
	} {
		if got := s.Do(step.line); got != step.reply {
			t.Errorf("%s: %q", step.line, got)
		}
		if effects, events := s.Recorded(); effects != step.effects || events != step.events {
			t.Errorf("%s: effects %q, events %q", step.line, effects, events)
		}
	}
}

// TestFieldsThatExpire has patterns that name fields with deadlines.
func TestFieldsThatExpire(t *testing.T) {
	s := newServer(t)
	s.Do("RPUSH l 1 2")
	for _, limit := range []string{"512", "0"} {
		s.Config.HashMaxListpackEntries, _ = strconv.ParseInt(limit, 10, 64)
		s.Do("DEL h_1 h_2")
		s.Do("HSET h_1 f 20 g x")
		s.Do("HSET h_2 f 10 g y")
		s.Do("HPEXPIREAT h_1 9999999999999 FIELDS 1 f")
		if got := s.Do("SORT l BY h_*->f GET h_*->g GET h_*->f"); got != "*4\r\n$1\r\ny\r\n$2\r\n10\r\n$1\r\nx\r\n$2\r\n20\r\n" {
			t.Errorf("limit %s: %q", limit, got)
		}
		s.Do("HPEXPIRE h_1 1 FIELDS 1 f")
		time.Sleep(3 * time.Millisecond)
		if got := s.Do("SORT l BY h_*->f GET h_*->g GET h_*->f"); got != "*4\r\n$1\r\nx\r\n$-1\r\n$1\r\ny\r\n$2\r\n10\r\n" {
			t.Errorf("limit %s, expired: %q", limit, got)
		}
	}
}

// TestModel sorts random numbers in every form of a collection and compares the
// result with that of package slices.
func TestModel(t *testing.T) {
	seed := peer.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	s := newServer(t)
	for range 400 {
		s.Do("DEL k")
		n := 1 + r.IntN(10)
		if r.IntN(10) == 0 {
			n = 200 + r.IntN(1000)
		}
		command := []string{"RPUSH k %d", "SADD k %d", "ZADD k 1 %d"}[r.IntN(3)]
		var all []int
		for _, x := range r.Perm(2000)[:n] {
			all = append(all, x-1000)
			s.Do(fmt.Sprintf(command, x-1000))
		}
		slices.Sort(all)
		line := "SORT k"
		if r.IntN(2) == 0 {
			line += " DESC"
			slices.Reverse(all)
		}
		if r.IntN(2) == 0 {
			start, count := r.IntN(len(all)+3)-1, r.IntN(len(all)+3)-1
			line += fmt.Sprint(" LIMIT ", start, " ", count)
			start = max(start, 0)
			if count < 0 {
				count = math.MaxInt32
			}
			all = all[min(start, len(all)):min(start+count, len(all))]
		}
		want := fmt.Sprintf("*%d\r\n", len(all))
		for _, x := range all {
			text := strconv.Itoa(x)
			want += fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
		}
		if got := s.Do(line); got != want {
			t.Fatalf("%s, then %s: %q, want %q", command, line, got, want)
		}
		stored := s.Do(line + " STORE dst")
		if stored != fmt.Sprintf(":%d\r\n", len(all)) {
			t.Fatalf("%s STORE: %q", line, stored)
		}
		if got := s.Do("LRANGE dst 0 -1"); got != want {
			t.Fatalf("%s STORE: %q, want %q", line, got, want)
		}
	}
}
