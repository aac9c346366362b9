package hash_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	gostrings "strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestExhausted fills the memory again and again. A command that finds none fails,
// and whatever it had done by then is what it propagates.
func TestExhausted(t *testing.T) {
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	s, replica := newServerOf(t, 1<<20), newServer(t)
	s.Record()
	for _, entries := range []int64{512, 20, 0} {
		s.Config.HashMaxListpackEntries = entries
		failed := exhaust(t, s, replica, rnd)
		t.Logf("%d commands failed", failed)
		if failed == 0 {
			t.Error("there was always memory")
		}
	}
}

func exhaust(t *testing.T, s, replica *server, rnd *rand.Rand) (failed int) {
	const hashes, steps = 60, 5000
	key := func() string { return fmt.Sprintf("hash:%d", rnd.IntN(hashes)) }
	field := func() string { return fmt.Sprintf("field:%d", rnd.IntN(150)) }
	value := func() string {
		return gostrings.Repeat(string(rune('a'+rnd.IntN(26))), []int{1, 30, rnd.IntN(300), rnd.IntN(5000)}[rnd.IntN(4)])
	}
	list := func(pairs bool) (n string, all string) {
		count := 1 + rnd.IntN(30)
		for range count {
			all += " " + field()
			if pairs {
				all += " " + value()
			}
		}
		return strconv.Itoa(count), all
	}
	for range steps {
		var line string
		at := strconv.FormatInt(began+1_000_000+rnd.Int64N(1_000_000), 10)
		switch rnd.IntN(12) {
		case 0, 1, 2, 3:
			_, all := list(true)
			line = "HSET " + key() + all
		case 4:
			line = "HSETNX " + key() + " " + field() + " " + value()
		case 5:
			line = "HINCRBY " + key() + " n" + field() + " 10000"
		case 6, 7:
			n, all := list(false)
			line = "HPEXPIREAT " + key() + " " + at + " FIELDS " + n + all
		case 8:
			n, all := list(true)
			line = "HSETEX " + key() + gostrings.Fields(" KEEPTTL  PXAT")[rnd.IntN(2)]
			line = gostrings.Replace(gostrings.Replace(line, "KEEPTTL", " KEEPTTL", 1), "PXAT", " PXAT "+at, 1)
			line += " FIELDS " + n + all
		case 9:
			n, all := list(false)
			line = "HPERSIST " + key() + " FIELDS " + n + all
		case 10:
			line = "COPY " + key() + " " + key() + " REPLACE"
		default:
			line = "DEL " + key()
		}
		reply := s.Do(line)
		if gostrings.HasPrefix(reply, "-"+command.ErrArena) {
			failed++
			s.Do("DEL " + key())
		}
		effects, _ := s.Recorded()
		if effects == "" {
			continue
		}
		for _, e := range gostrings.Split(effects, "; ") {
			if r := replica.Do(e); r[0] == '-' {
				t.Fatalf("the replica says %q to %.100q", r, e)
			}
		}
	}
	for i := range hashes {
		k := fmt.Sprintf("hash:%d", i)
		if a, b := s.content(k), replica.content(k); !slices.Equal(a, b) {
			t.Fatalf("%s: %.300q\nthe replica has %.300q", k, a, b)
		}
		s.Do("DEL " + k)
		replica.Do("DEL " + k)
		s.Recorded()
	}
	return failed
}

// content is the fields of a hash, each with its value and its deadline.
func (s *server) content(key string) (all []string) {
	for _, f := range gostrings.Fields(gostrings.Trim(s.do("HKEYS "+key), "[]")) {
		all = append(all, f+" "+s.do("HGET "+key+" "+f)+" "+s.do("HPEXPIRETIME "+key+" FIELDS 1 "+f))
	}
	slices.Sort(all)
	return all
}
