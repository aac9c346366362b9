package server

import (
	"bytes"
	"slices"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
	"github.com/redstart-db/redstart/internal/glob"
)

// emitter writes descriptions into a reply.
type emitter struct{ *command.Ctx }

func (e emitter) Bulk(s string) { e.Str(s) }

// lookup finds a command by what clients call it now, a subcommand by
// "container|subcommand".
func lookup(t *command.Table, name []byte) *command.Spec {
	container, sub, ok := bytes.Cut(name, []byte("|"))
	s := t.Lookup(container)
	if s == nil || !ok {
		return s
	}
	return s.Sub(sub)
}

// described are the commands of the table with their descriptions, by name.
func described(t *command.Table) []*cmddocs.Command {
	docs := make([]*cmddocs.Command, 0, t.Len())
	for _, name := range t.Names() {
		if d, ok := cmddocs.Lookup(t.Lookup([]byte(name)).Name); ok {
			docs = append(docs, d)
		}
	}
	return docs
}

// describe finds the descriptions of commands that a client names; those that
// do not exist are nil.
func describe(t *command.Table, names [][]byte) []*cmddocs.Command {
	docs := make([]*cmddocs.Command, len(names))
	for i, name := range names {
		if s := lookup(t, name); s != nil {
			docs[i], _ = cmddocs.Lookup(s.Name)
		}
	}
	return docs
}

// known tells which subcommands are in the table.
func known(t *command.Table) func(name string) bool {
	return func(name string) bool { return t.Named(name) != nil }
}

func commandAll(c *command.Ctx) { emitInfo(c, described(c.Table)) }

func commandInfo(c *command.Ctx) {
	if len(c.Args) == 2 {
		commandAll(c)
		return
	}
	emitInfo(c, describe(c.Table, c.Args[2:]))
}

func emitInfo(c *command.Ctx, docs []*cmddocs.Command) {
	has := known(c.Table)
	c.Array(len(docs))
	for _, d := range docs {
		if d == nil {
			c.Null()
			continue
		}
		cmddocs.EmitInfo(emitter{c}, d, has)
	}
}

func commandDocs(c *command.Ctx) {
	docs := described(c.Table)
	if len(c.Args) > 2 {
		docs = describe(c.Table, c.Args[2:])
		docs = slices.DeleteFunc(docs, func(d *cmddocs.Command) bool { return d == nil })
	}
	has := known(c.Table)
	c.Map(len(docs))
	for _, d := range docs {
		c.Str(d.Name)
		cmddocs.EmitDocs(emitter{c}, d, has)
	}
}

func commandCount(c *command.Ctx) { c.Int(int64(c.Table.Len())) }

func commandList(c *command.Ctx) {
	keep := func(*command.Spec) bool { return true }
	if len(c.Args) > 2 {
		if keep = listFilter(c); keep == nil {
			c.Err(command.ErrSyntax)
			return
		}
	}
	m, n := c.Defer(), 0
	for _, name := range c.Table.Names() {
		s := c.Table.Lookup([]byte(name))
		if keep(s) {
			c.Str(s.Name)
			n++
		}
		for i := range s.Subs {
			if keep(&s.Subs[i]) {
				c.Str(s.Subs[i].Name)
				n++
			}
		}
	}
	c.End(m, n)
}

// listFilter reads the filter of COMMAND LIST; nil is a syntax error.
func listFilter(c *command.Ctx) func(*command.Spec) bool {
	if len(c.Args) != 5 || !c.Is(2, "FILTERBY") {
		return nil
	}
	by := c.Args[4]
	switch {
	case c.Is(3, "MODULE"):
		return func(*command.Spec) bool { return false }
	case c.Is(3, "ACLCAT"):
		category := strings.ToLower(string(by))
		return func(s *command.Spec) bool {
			d, ok := cmddocs.Lookup(s.Name)
			return ok && slices.Contains(d.Categories, category)
		}
	case c.Is(3, "PATTERN"):
		return func(s *command.Spec) bool { return glob.Match(by, []byte(s.Name), true) }
	}
	return nil
}

func commandGetKeys(c *command.Ctx) {
	keys, text := c.Table.FindKeys(c.Args[2:])
	if text != "" {
		c.Err(text)
		return
	}
	c.Array(len(keys))
	for _, k := range keys {
		c.Bulk(c.Args[2+k.At])
	}
}

func commandGetKeysAndFlags(c *command.Ctx) {
	keys, text := c.Table.FindKeys(c.Args[2:])
	if text != "" {
		c.Err(text)
		return
	}
	c.Array(len(keys))
	for _, k := range keys {
		c.Array(2)
		c.Bulk(c.Args[2+k.At])
		c.Set(len(k.Flags))
		for _, f := range k.Flags {
			c.Simple(f)
		}
	}
}

func commandHelp(c *command.Ctx) {
	c.Help(
		"(no subcommand)",
		"    Describe all commands.",
		"COUNT",
		"    Count the commands.",
		"LIST",
		"    List the names of the commands.",
		"INFO [<command-name> ...]",
		"    Describe the given commands to programs: arity, flags, keys.",
		"    All commands are described",
		"    when none is given.",
		"DOCS [<command-name> ...]",
		"    Describe the given commands to people: purpose, arguments, history.",
		"    All commands are described",
		"    when none is given.",
		"GETKEYS <full-command>",
		"    Find the keys among the arguments of a command.",
		"GETKEYSANDFLAGS <full-command>",
		"    Find the keys, and what is done to them.",
	)
}
