package node

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/tests/peer"
)

// A call has two ways to find its keys: the one that takes locks, and the descriptions,
// by which permissions are checked. For whatever is locked, permission has to be asked; and
// the descriptions have to tell of it by themselves, but where a word that they look for
// stands for something else before.
func TestDescribedKeysAreThoseThatAreLocked(t *testing.T) {
	k := newTalk(t, nil)
	table := k.n.env.Table
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	words := []string{"0", "1", "2", "3", "-1", "store", "storedist", "get", "by", "limit", "streams", "group", "keys", "weights",
		"aggregate", "count", "left", "right", "min", "block", "k", "l", "m", "usage", "encoding"}
	checked := 0
	for _, s := range table.Specs() {
		channels := s.Channels != acl.NoChannels || s.Name == "sunsubscribe"
		if s.First == 0 && s.Keys == nil || len(s.Subs) > 0 || channels {
			continue
		}
		for range 3000 {
			args := split(s.Name)
			for range rnd.IntN(9) {
				args = append(args, []byte(words[rnd.IntN(len(words))]))
			}
			if !s.Takes(len(args)) {
				continue
			}
			described := table.AppendAccess(nil, s, args)
			told, text := table.FindKeys(args)
			misled := text != "" || slices.Contains([]string{"xread", "xreadgroup", "georadius", "georadiusbymember"}, s.Name)
			for _, at := range s.KeyIndexes(args, nil) {
				checked++
				if !misled && !slices.ContainsFunc(told, func(a command.KeyArg) bool { return a.At == at }) {
					t.Fatalf("%q: argument %d is locked, but the descriptions tell of %v", args, at, told)
				}
				if !slices.ContainsFunc(described, func(a acl.Key) bool { return a.At == at }) {
					t.Fatalf("%q: argument %d is locked, but %v are described", args, at, described)
				}
			}
		}
	}
	if checked < 10_000 {
		t.Errorf("only %d keys were compared", checked)
	}
}

// split gives the words of the full name of a command.
func split(name string) (args [][]byte) {
	start := 0
	for i := range name {
		if name[i] == '|' {
			args, start = append(args, []byte(name[start:i])), i+1
		}
	}
	return append(args, []byte(name[start:]))
}
