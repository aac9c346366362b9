// Package cmddocs describes every command and subcommand: what it is for, its
// arguments, key specifications, flags and history. COMMAND DOCS, the
// descriptive half of COMMAND INFO and the generated command reference are
// built from it.
//
// The descriptions are text files, one per group (text/*.txt, see parse.go for
// the format). They cost nothing until the first call of this package, which
// parses them all. Everything returned is shared and must not be modified.
//
// A description does not mean that the server has the command: entries are
// looked up by name, and the reply builders take a predicate that says which
// subcommands exist.
package cmddocs

import (
	"slices"
	"strings"
	"sync"
)

// Command describes a command or a subcommand. The order of elements in the
// slices is the order in which Redis prints them.
type Command struct {
	Name            string // lower case; a subcommand is "config|get"
	Summary         string // one line without a final period
	Since           string // the version of Redis that introduced it
	Group           string // "string", "sorted-set", ...
	Complexity      string // empty if it says nothing useful
	DeprecatedSince string // version, empty unless deprecated
	ReplacedBy      string // what to use instead, for people
	DocFlags        []string
	History         []Change
	Arguments       []Argument
	Arity           int      // counts the command's name; -n means at least n
	Flags           []string // as COMMAND INFO prints them, so with "movablekeys"
	Categories      []string // ACL categories without the @
	First           int      // position of the first key, 0 if there is none
	Last            int      // position of the last key, negative from the end
	Step            int      // distance between keys
	Tips            []string
	KeySpecs        []KeySpec
	Subcommands     []string // full names, in alphabetical order
}

// Change is one entry of a command's history.
type Change struct {
	Version string
	Text    string
}

// Argument describes one argument. Args holds the alternatives of a "oneof"
// and the parts of a "block".
type Argument struct {
	Name            string
	Type            string // "key", "string", "integer", "double", "pattern", "unix-time", "pure-token", "oneof" or "block"
	Token           string // the literal word that precedes the value, or is the value
	Since           string // empty if as old as the command
	DeprecatedSince string
	KeySpecIndex    int // index in Command.KeySpecs, -1 unless it is a key
	Flags           []string
	Args            []Argument
}

// The flags of an Argument, in the order in which they are printed.
const (
	ArgOptional      = "optional"
	ArgMultiple      = "multiple"
	ArgMultipleToken = "multiple_token" // each repetition repeats the token
)

// KeySpec says where a group of keys is among a command's arguments and what
// is done to them.
type KeySpec struct {
	Notes       string
	Flags       []string
	BeginSearch BeginSearch
	FindKeys    FindKeys
}

// BeginSearch says where the search for keys starts.
type BeginSearch struct {
	Type      string // "index", "keyword" or "unknown"
	Index     int    // index: position of the first key argument
	Keyword   string // keyword: the word before the keys
	StartFrom int    // keyword: where to begin to look for it, negative from the end
}

// FindKeys says how to go on from there.
type FindKeys struct {
	Type      string // "range", "keynum" or "unknown"
	LastKey   int    // range: relative to the start; negative from the end
	Limit     int    // range: if LastKey is -1, look at 1/Limit of the rest only
	KeyNumIdx int    // keynum: position of the count, relative to the start
	FirstKey  int    // keynum: position of the first key, relative to the start
	KeyStep   int    // both: distance between keys
}

// Group is a family of commands as the documentation arranges them.
type Group struct {
	Name     string
	Commands []*Command // without subcommands, in alphabetical order
}

type catalogue struct {
	byName map[string]*Command
	names  []string
	groups []Group
}

// shared parses the embedded texts once, on first use.
var shared = sync.OnceValue(loadCatalogue)

// Lookup returns the description of a command by its lower-case name, that of
// a subcommand by "command|subcommand".
func Lookup(name string) (*Command, bool) {
	c, ok := shared().byName[name]
	return c, ok
}

// Names returns the names of all commands and subcommands in alphabetical
// order.
func Names() []string { return shared().names }

// Groups returns all groups in alphabetical order.
func Groups() []Group { return shared().groups }

// Parent returns the name of the command that a subcommand belongs to, empty
// for a command that is not a subcommand.
func (c *Command) Parent() string {
	parent, _, ok := strings.Cut(c.Name, "|")
	if !ok {
		return ""
	}
	return parent
}

// Optional reports whether the argument may be left out.
func (a *Argument) Optional() bool { return slices.Contains(a.Flags, ArgOptional) }

// Multiple reports whether the argument may be repeated.
func (a *Argument) Multiple() bool { return slices.Contains(a.Flags, ArgMultiple) }
