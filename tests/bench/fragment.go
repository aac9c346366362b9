package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

const (
	fragmentKeys = 2_000_000
	fragmentMost = 500 // bytes of a value
	fragmentRest = time.Minute
	fragmentAim  = 1.15
)

// fragmentSize is the size of a key's value, in bytes, after some replacements of
// half of the keys.
func fragmentSize(key, replaced int) int {
	if key%2 == 0 {
		replaced = 0
	}
	x := uint64(key)*0x9e3779b97f4a7c15 + uint64(replaced)*0xbf58476d1ce4e5b9
	x ^= x >> 29
	x *= 0x94d049bb133111eb
	return 16 + int(x>>33)%fragmentMost
}

// measureFragments compares what is resident after half of the keys have been
// replaced twice by values of other sizes, and activedefrag had a minute, with what it
// is when the same data is loaded at once.
func (s settings) measureFragments(w io.Writer) error {
	keys := fragmentKeys / s.divide
	value := strings.Repeat("x", 16+fragmentMost)
	set := func(words []string, key, replaced int) []string {
		return append(words, "SET", fmt.Sprintf("key:%012d", key), value[:fragmentSize(key, replaced)])
	}
	fmt.Fprintf(w, "## Fragmentation\n\n%d keys with values of 16 to %d bytes; half of them replaced twice, in no order; then %v of activedefrag.\n"+
		"Resident megabytes.\n\n| server | loaded at once | replaced | after activedefrag | ratio | aim |\n|---|---|---|---|---|---|\n",
		keys, 15+fragmentMost, fragmentRest)
	for _, c := range s.contenders {
		fresh, err := s.weighFilled(c, func(server *peer.Server) error {
			_, err := s.fill(server, func(words []string, n int) []string { return set(words, n, 2) }, keys)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		var before int64
		after, err := s.weighFilled(c, func(server *peer.Server) error {
			if _, err := s.fill(server, func(words []string, n int) []string { return set(words, n, 0) }, keys); err != nil {
				return err
			}
			for round := range 2 {
				// A step that has no factor in common with the number of keys goes through all of half of them.
				half := keys / 2
				if _, err := s.fill(server, func(words []string, n int) []string {
					return set(words, 1+2*((n*7_368_787+round)%half), round+1)
				}, half); err != nil {
					return err
				}
			}
			var err error
			if before, err = settled(server.Pid); err != nil {
				return err
			}
			conn, err := peer.Dial(server.Addr)
			if err != nil {
				return err
			}
			defer conn.Close()
			// Redis begins at 10% of overhead; less would not be fair to ask of it.
			for _, set := range [][]string{{"active-defrag-ignore-bytes", "1mb"}, {"active-defrag-threshold-lower", "5"}, {"activedefrag", "yes"}} {
				if r, err := conn.Do("CONFIG", "SET", set[0], set[1]); err != nil || r.IsError() {
					fmt.Fprintf(w, "(%s: CONFIG SET %s: %v %v)\n", c.name, set[0], r, err)
				}
			}
			time.Sleep(fragmentRest)
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		mb := func(n int64) string { return strconv.FormatInt(n>>20, 10) }
		fmt.Fprintf(w, "| %s | %s | %s | %s | %.2f | %.2f |\n", c.name, mb(fresh), mb(before), mb(after), float64(after)/float64(fresh), fragmentAim)
	}
	return nil
}

// weighFilled starts a server, has it filled, and returns the bytes that it has
// resident then.
func (s settings) weighFilled(c contender, fill func(server *peer.Server) error) (int64, error) {
	server, err := s.start(c)
	if err != nil {
		return 0, err
	}
	defer server.Stop()
	if err := fill(server); err != nil {
		return 0, err
	}
	return settled(server.Pid)
}
