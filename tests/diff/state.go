package diff

import (
	"fmt"
	"strconv"

	"github.com/redstart-db/redstart/tests/peer"
)

const (
	databases = 16
	// deadlineSlack is how far expiry times of the two servers may lie apart that
	// come from the same relative time, in milliseconds.
	deadlineSlack = 5000
)

// readers are the commands that return the content of a key, by type.
func readers(typ, key string) [][]string {
	switch typ {
	case "string":
		return [][]string{{"GET", key}}
	case "list":
		return [][]string{{"LRANGE", key, "0", "-1"}}
	case "set":
		return [][]string{{"SMEMBERS", key}}
	case "hash":
		return [][]string{{"HGETALL", key}}
	case "zset":
		return [][]string{{"ZRANGE", key, "0", "-1", "WITHSCORES"}}
	case "stream":
		return [][]string{{"XRANGE", key, "-", "+"}, {"XINFO", "STREAM", key}, {"XINFO", "GROUPS", key}, {"XINFO", "STREAM", key, "FULL"}}
	}
	return nil
}

// compareState compares the data of both servers and returns what differs.
func (p *pair) compareState() (string, error) {
	b, err := p.dial()
	if err != nil {
		return "", err
	}
	defer b.redstart.Close()
	defer b.reference.Close()
	for db := range databases {
		if _, diff, err := b.ask(how{}, "SELECT", strconv.Itoa(db)); diff != "" || err != nil {
			return diff, err
		}
		keys, diff, err := b.ask(how{sort: true}, "KEYS", "*")
		if diff != "" || err != nil {
			return fmt.Sprintf("keys of database %d\n%s", db, diff), err
		}
		for _, key := range keys.Elems {
			if diff, err := b.compareKey(string(key.Str)); diff != "" || err != nil {
				return fmt.Sprintf("database %d, %s", db, diff), err
			}
		}
	}
	return "", nil
}

func (b *both) compareKey(key string) (string, error) {
	typ, diff, err := b.ask(how{}, "TYPE", key)
	if diff != "" || err != nil {
		return diff, err
	}
	for _, cmd := range readers(string(typ.Str), key) {
		h := how{sort: typ.Str[0] == 's' && string(typ.Str) == "set" || string(typ.Str) == "hash"}
		if cmd[len(cmd)-1] == "FULL" { // it shows when entries were delivered
			h.near = deadlineSlack
		}
		if _, diff, err := b.ask(h, cmd...); diff != "" || err != nil {
			return diff, err
		}
	}
	if _, diff, err := b.ask(how{}, "OBJECT", "ENCODING", key); diff != "" || err != nil {
		return diff, err
	}
	_, diff, err = b.ask(how{near: deadlineSlack}, "PEXPIRETIME", key)
	return diff, err
}

// ask sends a command to both servers and compares the replies.
func (b *both) ask(h how, args ...string) (peer.Reply, string, error) {
	mine, err := b.redstart.Do(args...)
	if err != nil {
		return mine, "", fmt.Errorf("redstart: %q: %w", args, err)
	}
	theirs, err := b.reference.Do(args...)
	if err != nil {
		return theirs, "", fmt.Errorf("reference: %q: %w", args, err)
	}
	if same(mine, theirs, h) {
		return theirs, "", nil
	}
	return theirs, fmt.Sprintf("%q\n%s", args, describe(mine, theirs)), nil
}
