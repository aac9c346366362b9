package server

import (
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
)

// keyArg is a key among the arguments of a command.
type keyArg struct {
	at    int
	flags []string // what is done to it, as COMMAND GETKEYSANDFLAGS prints it
}

// findKeys finds the keys of a command that is only talked about: args may be
// anything. Otherwise it gives the error.
func findKeys(t *command.Table, args [][]byte) (keys []keyArg, text string) {
	spec, ok := t.Resolve(args)
	if !ok {
		return nil, "ERR Invalid command specified"
	}
	doc, ok := cmddocs.Lookup(spec.Name)
	if !ok || !slices.ContainsFunc(doc.KeySpecs, isKey) {
		return nil, "ERR The command has no key arguments"
	}
	if len(args) != spec.Arity && (spec.Arity >= 0 || len(args) < -spec.Arity) {
		return nil, "ERR Invalid number of arguments specified for command"
	}
	if slices.ContainsFunc(doc.KeySpecs, isIncomplete) {
		keys = handlerKeys(spec, doc, args)
	} else {
		keys = specKeys(doc, args)
	}
	if len(keys) == 0 && !slices.Contains(doc.Flags, "no_mandatory_keys") {
		return nil, "ERR Invalid arguments specified for command"
	}
	return keys, ""
}

func isKey(k cmddocs.KeySpec) bool { return !slices.Contains(k.Flags, "not_key") }

func isIncomplete(k cmddocs.KeySpec) bool {
	return slices.Contains(k.Flags, "incomplete") || k.BeginSearch.Type == "unknown" || k.FindKeys.Type == "unknown"
}

// handlerKeys finds the keys of a command whose key specifications do not tell
// all: in the way in which they are found when the command runs. Those that the
// first specification does not cover have the flags of the last one.
func handlerKeys(spec *command.Spec, doc *cmddocs.Command, args [][]byte) []keyArg {
	first, last := &doc.KeySpecs[0], &doc.KeySpecs[len(doc.KeySpecs)-1]
	var keys []keyArg
	for _, at := range spec.KeyIndexes(args, nil) {
		k := last
		if at == first.BeginSearch.Index {
			k = first
		}
		keys = append(keys, keyArg{at, accessFlags(doc, k, args)})
	}
	return keys
}

// specKeys finds keys by the key specifications; none when the arguments do not
// fit one of them.
func specKeys(doc *cmddocs.Command, args [][]byte) []keyArg {
	var keys []keyArg
	for i := range doc.KeySpecs {
		k := &doc.KeySpecs[i]
		if !isKey(*k) {
			continue
		}
		begin, ok := searchStart(k.BeginSearch, args)
		if !ok {
			continue // an optional part of the command that is not there
		}
		first, last, step, ok := keyRange(k.FindKeys, begin, args)
		if !ok {
			return nil
		}
		flags := accessFlags(doc, k, args)
		for at := first; at <= last; at += step {
			keys = append(keys, keyArg{at, flags})
		}
	}
	return keys
}

// searchStart gives the argument from which on a specification looks for keys.
func searchStart(b cmddocs.BeginSearch, args [][]byte) (at int, ok bool) {
	if b.Type == "index" {
		return b.Index, b.Index < len(args)
	}
	// The keyword cannot be the name of the command, nor the last argument.
	if b.StartFrom >= 0 {
		for at = b.StartFrom; at < len(args)-1; at++ {
			if equalFold(args[at], b.Keyword) {
				return at + 1, true
			}
		}
		return 0, false
	}
	for at = len(args) + b.StartFrom; at > 1; at-- {
		if equalFold(args[at], b.Keyword) {
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
		n := leadingInt(args[begin+f.KeyNumIdx])
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

// leadingInt reads the number that b begins with, as atoi does; what is far
// larger than any number of arguments comes out as such.
func leadingInt(b []byte) int {
	n := 0
	for _, x := range b {
		if x < '0' || x > '9' || n > 1<<32 {
			break
		}
		n = 10*n + int(x-'0')
	}
	return n
}

// accessFlags gives the flags of a key specification, for the commands where
// they depend on the other arguments too.
func accessFlags(doc *cmddocs.Command, k *cmddocs.KeySpec, args [][]byte) []string {
	if slices.Contains(k.Flags, "variable_flags") {
		switch {
		case doc.Name == "set" && !hasWord(args[3:], "GET"):
			return []string{"OW", "update"}
		case doc.Name == "bitfield" && onlyGets(args[2:]):
			return []string{"RO", "access"}
		}
		return []string{"RW", "access", "update"}
	}
	return slices.DeleteFunc(slices.Clone(k.Flags), func(f string) bool { return f == "incomplete" })
}

func hasWord(args [][]byte, word string) bool {
	return slices.ContainsFunc(args, func(a []byte) bool { return command.EqualFold(a, word) })
}

// onlyGets tells whether a BITFIELD changes nothing; one that is not understood
// may.
func onlyGets(ops [][]byte) bool {
	for len(ops) > 0 {
		switch n := len(ops); {
		case n >= 3 && command.EqualFold(ops[0], "GET"):
			ops = ops[3:]
		case n >= 2 && command.EqualFold(ops[0], "OVERFLOW"):
			ops = ops[2:]
		default:
			return false
		}
	}
	return true
}
