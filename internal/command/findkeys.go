package command

import (
	"slices"
	"sync"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
)

// KeyArg is a key among the arguments of a command.
type KeyArg struct {
	At    int
	Flags []string // what is done to it, as COMMAND GETKEYSANDFLAGS prints it; shared
}

// described is what the descriptions of a command say of its keys and categories.
type described struct {
	doc    *cmddocs.Command
	keys   []cmddocs.KeySpec // those that are keys
	flags  [][]string        // of keys, without "incomplete"
	access []acl.Access      // the same for permissions
	// incomplete: the specifications do not tell all.
	incomplete bool
	// variable: what is done to the keys depends on the other arguments.
	variable bool
}

// describe gives the descriptions of all commands by ID. They are read when somebody
// asks for the first time.
func (t *Table) describe() []described { return t.described() }

func newDescribed(specs []*Spec) func() []described {
	return sync.OnceValue(func() []described {
		all := make([]described, len(specs))
		for i, s := range specs {
			doc, ok := cmddocs.Lookup(s.Name)
			if !ok {
				continue
			}
			d := &all[i]
			d.doc = doc
			for _, k := range doc.KeySpecs {
				d.incomplete = d.incomplete || slices.Contains(k.Flags, "incomplete") ||
					k.BeginSearch.Type == "unknown" || k.FindKeys.Type == "unknown"
				if slices.Contains(k.Flags, "not_key") {
					continue
				}
				d.variable = d.variable || slices.Contains(k.Flags, "variable_flags")
				flags := slices.DeleteFunc(slices.Clone(k.Flags), func(f string) bool { return f == "incomplete" })
				d.keys = append(d.keys, k)
				d.flags = append(d.flags, flags)
				d.access = append(d.access, accessOf(flags))
			}
		}
		return all
	})
}

// accessOf tells what permission flags of a key specification ask for.
func accessOf(flags []string) (a acl.Access) {
	for _, f := range flags {
		switch f {
		case "access":
			a |= acl.Read
		case "insert", "delete", "update":
			a |= acl.Write
		}
	}
	return a
}

// FindKeys finds the keys of a command that is only talked about: args may be anything.
// Otherwise it gives the error.
func (t *Table) FindKeys(args [][]byte) (keys []KeyArg, text string) {
	spec, ok := t.Resolve(args)
	if !ok {
		return nil, "ERR Invalid command specified"
	}
	d := &t.describe()[spec.ID]
	if len(d.keys) == 0 {
		return nil, "ERR The command has no key arguments"
	}
	if !spec.Takes(len(args)) {
		return nil, "ERR Invalid number of arguments specified for command"
	}
	fits := d.each(spec, args, func(at, k int) {
		flags := d.flags[k]
		if d.variable {
			flags = variableFlags(d.doc.Name, args)
		}
		keys = append(keys, KeyArg{at, flags})
	})
	if !fits {
		keys = nil
	}
	if len(keys) == 0 && !slices.Contains(d.doc.Flags, "no_mandatory_keys") {
		return nil, "ERR Invalid arguments specified for command"
	}
	return keys, ""
}

// AppendAccess appends the keys of a call to dst, with what it does to them. A key that
// the call would use but the descriptions do not tell of is asked all permissions for:
// XREADGROUP COUNT 1 GROUP streams c STREAMS k > has such a key, as its description looks
// for the word.
func (t *Table) AppendAccess(dst []acl.Key, spec *Spec, args [][]byte) []acl.Key {
	d := &t.describe()[spec.ID]
	n := len(dst)
	fits := d.each(spec, args, func(at, k int) {
		access := d.access[k]
		if d.variable {
			access = accessOf(variableFlags(d.doc.Name, args))
		}
		dst = append(dst, acl.Key{At: at, Access: access})
	})
	if !fits {
		dst = dst[:n]
	}
	if d.doc != nil && len(d.keys) == 0 {
		return dst // what looks like keys are channels
	}
	var room [16]int
	for _, at := range spec.KeyIndexes(args, room[:0]) {
		if !slices.ContainsFunc(dst[n:], func(k acl.Key) bool { return k.At == at }) {
			dst = append(dst, acl.Key{At: at, Access: acl.Read | acl.Write})
		}
	}
	return dst
}

// each calls f for every key, with the number of its specification. It is false when
// the arguments do not fit one of them.
func (d *described) each(spec *Spec, args [][]byte, f func(at, k int)) bool {
	if len(d.keys) == 0 {
		return true
	}
	if d.incomplete {
		d.eachOfHandler(spec, args, f)
		return true
	}
	for k := range d.keys {
		begin, ok := searchStart(d.keys[k].BeginSearch, args)
		if !ok {
			continue // an optional part of the command that is not there
		}
		first, last, step, ok := keyRange(d.keys[k].FindKeys, begin, args)
		if !ok {
			return false
		}
		for at := first; at <= last; at += step {
			f(at, k)
		}
	}
	return true
}

// eachOfHandler finds the keys of a command whose key specifications do not tell all: in
// the way in which they are found when the command runs. Those that the first
// specification does not cover have the flags of the last one.
func (d *described) eachOfHandler(spec *Spec, args [][]byte, f func(at, k int)) {
	for _, at := range spec.KeyIndexes(args, nil) {
		k := len(d.keys) - 1
		if at == d.keys[0].BeginSearch.Index {
			k = 0
		}
		f(at, k)
	}
}

// searchStart gives the argument from which on a specification looks for keys.
func searchStart(b cmddocs.BeginSearch, args [][]byte) (at int, ok bool) {
	if b.Type == "index" {
		return b.Index, b.Index < len(args)
	}
	// The keyword cannot be the name of the command, nor the last argument.
	if b.StartFrom >= 0 {
		for at = b.StartFrom; at < len(args)-1; at++ {
			if EqualFold(args[at], b.Keyword) {
				return at + 1, true
			}
		}
		return 0, false
	}
	for at = len(args) + b.StartFrom; at > 1; at-- {
		if EqualFold(args[at], b.Keyword) {
			return at + 1, true
		}
	}
	return 0, false
}

// keyRange gives the arguments that are keys: all in args.
func keyRange(f cmddocs.FindKeys, begin int, args [][]byte) (first, last, step int, ok bool) {
	step = max(f.KeyStep, 1)
	if f.Type == "keynum" {
		if begin+f.KeyNumIdx >= len(args) {
			return 0, 0, 0, false
		}
		n := LeadingInt(args[begin+f.KeyNumIdx])
		first = begin + f.FirstKey
		if n <= 0 || n > len(args) {
			return 0, 0, 0, false
		}
		last = first + (n-1)*step
		return first, last, step, last < len(args)
	}
	switch {
	case f.LastKey >= 0:
		last = begin + f.LastKey
	case f.Limit > 1:
		last = begin + (len(args)-begin)/f.Limit + f.LastKey
	default:
		last = len(args) + f.LastKey
	}
	return begin, last, step, last < len(args)
}

// LeadingInt reads the number that b begins with, as atoi does; what is far
// larger than any number of arguments comes out as such.
func LeadingInt(b []byte) int {
	n := 0
	for _, x := range b {
		if x < '0' || x > '9' || n > 1<<32 {
			break
		}
		n = 10*n + int(x-'0')
	}
	return n
}

// variableFlags gives the flags of the keys of the commands where they depend on the
// other arguments.
func variableFlags(name string, args [][]byte) []string {
	switch {
	case name == "set" && !hasWord(args[min(3, len(args)):], "GET"):
		return []string{"OW", "update"}
	case name == "bitfield" && onlyGets(args[min(2, len(args)):]):
		return []string{"RO", "access"}
	}
	return []string{"RW", "access", "update"}
}

func hasWord(args [][]byte, word string) bool {
	return slices.ContainsFunc(args, func(a []byte) bool { return EqualFold(a, word) })
}

// onlyGets tells whether a BITFIELD changes nothing; one that is not understood
// may.
func onlyGets(ops [][]byte) bool {
	for len(ops) > 0 {
		switch n := len(ops); {
		case n >= 3 && EqualFold(ops[0], "GET"):
			ops = ops[3:]
		case n >= 2 && EqualFold(ops[0], "OVERFLOW"):
			ops = ops[2:]
		default:
			return false
		}
	}
	return true
}
