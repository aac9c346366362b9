// Package acl tells which user may run which commands, on which keys and channels.
//
// It is pure: it knows no connection, reads no file and takes no lock. Whoever owns a
// Users changes it, and the users in it, only while nobody else reads; the server has
// all workers stopped then. Log alone may be used by anybody.
//
// # Users and selectors
//
// A User has passwords, flags, and at least one selector, the root, which rules outside
// parentheses change. A selector has a bit for each command and subcommand, patterns of
// keys with what may be done to them, and patterns of channels. A call is allowed when
// one selector alone allows all of it: what two selectors allow never adds up.
//
// # What others call
//
// The executor keeps the check in one place, exec.Exec.Denied: connections, EXEC and
// scripts ask it. Users that may do everything (Unrestricted) are never asked for, as
// their sessions are not marked session.Restricted.
package acl

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Category is a set of categories of commands, one bit each.
type Category uint32

// categories are the names of the bits, in the order in which ACL CAT shows them.
var categories = [...]string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
	"stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
}

// Categories gives the names of all categories, without the @.
func Categories() []string { return slices.Clone(categories[:]) }

// CategoryNamed gives the bit of a category by its name in any case, 0 if there is none.
func CategoryNamed(name string) Category {
	for i, c := range categories {
		if strings.EqualFold(c, name) {
			return 1 << i
		}
	}
	return 0
}

// Command is a command or subcommand as rules name it.
type Command struct {
	Name       string // lower case; a subcommand is "client|list"
	ID         int    // what Request.Command says; less than MaxCommands
	Categories Category
}

// MaxCommands bounds the IDs of commands.
const MaxCommands = 1<<10 - 1

// bitset has a bit for each command, and one for those that are not known yet.
type bitset [(MaxCommands + 1) / 64]uint64

// future is the bit of commands that do not exist.
const future = MaxCommands

func (b *bitset) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }

func (b *bitset) set(i int, on bool) {
	if on {
		b[i/64] |= 1 << (i % 64)
	} else {
		b[i/64] &^= 1 << (i % 64)
	}
}

// common counts the bits that both have.
func (b *bitset) common(o *bitset) (n int) {
	for i := range b {
		n += bits.OnesCount64(b[i] & o[i])
	}
	return n
}

// Commands is all commands that rules can name. It does not change.
type Commands struct {
	all    []command // by name, so that subcommands follow their container
	byName map[string]*command
	own    [len(categories)]bitset // the commands of a category
}

type command struct {
	Command
	parent *command
	subs   []*command
}

// NewCommands makes the set of commands. Names and IDs must be different, and the
// container of a subcommand among them.
func NewCommands(list []Command) (*Commands, error) {
	cs := &Commands{all: make([]command, 0, len(list)), byName: make(map[string]*command, len(list))}
	for _, c := range list {
		if c.ID < 0 || c.ID >= MaxCommands {
			return nil, fmt.Errorf("acl: the ID of %s is %d", c.Name, c.ID)
		}
		cs.all = append(cs.all, command{Command: c})
	}
	slices.SortFunc(cs.all, func(a, b command) int { return cmp.Compare(a.Name, b.Name) })
	for i := range cs.all {
		c := &cs.all[i]
		if cs.byName[c.Name] != nil {
			return nil, fmt.Errorf("acl: %s is there twice", c.Name)
		}
		cs.byName[c.Name] = c
		if container, _, ok := strings.Cut(c.Name, "|"); ok {
			if c.parent = cs.byName[container]; c.parent == nil {
				return nil, fmt.Errorf("acl: %s has no container", c.Name)
			}
			c.parent.subs = append(c.parent.subs, c)
		}
		for k := range categories {
			if c.Categories>>k&1 != 0 {
				cs.own[k].set(c.ID, true)
			}
		}
	}
	return cs, nil
}

// lookup finds a command by its full name in any case.
func (cs *Commands) lookup(name string) *command {
	if c := cs.byName[name]; c != nil {
		return c
	}
	return cs.byName[strings.ToLower(name)]
}

// In gives the names of the commands of a category, in order.
func (cs *Commands) In(cat Category) []string {
	var names []string
	for i := range cs.all {
		if cs.all[i].Categories&cat != 0 {
			names = append(names, cs.all[i].Name)
		}
	}
	return names
}
