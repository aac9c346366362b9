// Package command defines what a command is: its row in the table (Spec), the
// context its handler works with (Ctx), how arguments are read and what errors
// say. The handlers themselves live in the packages below this one, one per
// family.
package command

import "math"

import "github.com/redstart-db/redstart/internal/acl"

// Handler runs a command. The shards of its keys are locked; it reads c.Args,
// works on the store and appends exactly one reply.
//
// A handler parses all arguments before it touches data, and takes the memory
// it needs before it changes anything: when an arena is exhausted the store
// panics with mem.ErrExhausted, the executor unwinds the handler, and what was
// there must still be whole.
type Handler func(c *Ctx)

// Flag is a property of a command.
type Flag uint32

// Flags that Redis has too; COMMAND INFO shows them.
const (
	Write Flag = 1 << iota
	ReadOnly
	DenyOOM // may take more memory
	Admin
	PubSub
	NoScript
	Blocking
	Loading // allowed while the data is being loaded
	Stale   // allowed on a replica that has lost its master
	SkipMonitor
	SkipSlowlog
	Fast
	NoAuth       // allowed before login
	MayReplicate // may have effects although it is not a write command
	NoMulti      // not allowed inside a transaction
	MovableKeys
	AllowBusy // allowed while a script runs too long
	Protected // needs enable-debug-command and the like
)

// Flags of our own.
const (
	// Exclusive commands run with every worker stopped and all shards
	// locked: they may look at and change everything.
	Exclusive Flag = 1 << (iota + 24)
	// AllShards commands touch keys that their arguments do not name.
	AllShards
	// NoLock commands take the locks of shards by themselves, through
	// Ctx.EachShard.
	NoLock
	// Immediate commands run at once inside MULTI instead of being queued.
	Immediate
	// Subscribed commands are allowed for RESP2 subscribers.
	Subscribed
	// Script commands run scripts: all workers stop, and shards are locked as
	// the script needs them.
	Script
	surveys
	// Brief commands take little time whatever the arguments of a small request are,
	// as do those that are Fast and have no more arguments than they need.
	Brief
)

// Survey commands look at workers and shards, but are content to see one after the
// other: they lock them by themselves, through Ctx.EachShard and what the executor has
// for workers. In a transaction, and for a script, they are Exclusive.
const Survey = surveys | Exclusive

// Spec is a row of the command table.
type Spec struct {
	Name  string // lower case; a subcommand is "client|list"
	Arity int    // number of arguments with the name; negative: at least
	Flags Flag
	// First, Last and Step tell where the keys are, as in COMMAND INFO:
	// Last counts from the end when negative. First 0: no keys.
	First, Last, Step int
	// Keys finds the keys of commands for which three numbers do not say
	// it. It appends their indexes in args to dst; nil means bad syntax.
	Keys func(args [][]byte, dst []int) []int
	// Channels tells which arguments are channels that a user needs permission for.
	Channels acl.Channels
	// Wide tells whether a call touches keys that its arguments do not name, for
	// commands that do so only with some arguments; see AllShards.
	Wide func(args [][]byte) bool
	// Call gives the flags of a call in place of Flags, for commands that run
	// what may have flags of its own.
	Call func(args [][]byte) Flag
	// Elem is the argument that names the element of a collection which a call is
	// about, 0 if there is none: what it leads to can be fetched from memory before
	// the command runs.
	Elem int
	// Lands is the argument that the command stores as the value of its single key, 0 if
	// there is none: a large one is received into the key's shard.
	Lands int
	Run   Handler
	Subs  []Spec // of a container command, such as CLIENT

	// Filled in by NewTable.
	ID     int    // dense index, for statistics
	Parent *Spec  // of a subcommand
	Called string // the name clients use now (rename-command); "" for subcommands
	Single bool   // its only key is its first argument
	least  int    // arguments of a brief call; see IsBrief
	extra  uint   // how many more it may have
	subs   map[string]*Spec
}

// Has tells whether all of the given flags are set.
func (s *Spec) Has(f Flag) bool { return s.Flags&f == f }

// briefSize is the size of a request, in bytes, from which on no command is brief.
const briefSize = 1024

// IsBrief tells whether a call, whose request has so many bytes, has the right number of
// arguments, works on a single key, and takes so little time that several may be timed,
// and hold a shard, as one.
func (s *Spec) IsBrief(args [][]byte, size int) bool {
	return uint(len(args)-s.least) <= s.extra && size < briefSize
}

// setBrief decides what IsBrief tells.
func (s *Spec) setBrief() {
	s.least, s.extra = max(s.Arity, -s.Arity), 0
	switch {
	case !s.Single || s.Call != nil || s.Flags&(Blocking|Protected|NoMulti) != 0 || s.Flags&(Fast|Brief) == 0:
		s.least = math.MaxInt
	case s.Flags&Brief != 0 && s.Arity < 0:
		s.extra = math.MaxInt
	}
}

// Takes tells whether a call may have n arguments, its name included.
func (s *Spec) Takes(n int) bool { return n == s.Arity || s.Arity < 0 && n >= -s.Arity }

// FlagsOf gives the flags of a call with these arguments.
func (s *Spec) FlagsOf(args [][]byte) Flag {
	if s.Wide != nil && s.Wide(args) {
		return s.Flags | AllShards
	}
	return s.Flags
}

// Sub finds a subcommand by its name in any case.
func (s *Spec) Sub(name []byte) *Spec {
	var buf [64]byte
	if len(name) > len(buf) {
		return nil
	}
	return s.subs[string(lower(buf[:0], name))]
}

// KeyIndexes appends the indexes of the keys in args to dst. It gives nil when
// the arguments are malformed.
func (s *Spec) KeyIndexes(args [][]byte, dst []int) []int {
	if s.Keys != nil {
		return s.Keys(args, dst)
	}
	if s.First == 0 {
		return dst
	}
	last := s.Last
	if last < 0 {
		last += len(args)
	}
	for i := s.First; i <= last && i < len(args); i += s.Step {
		dst = append(dst, i)
	}
	return dst
}

func lower(dst, b []byte) []byte {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
