package command

import (
	"fmt"
	"slices"
	"sort"

	"github.com/redstart-db/redstart/internal/acl"
)

// Table is all commands by name. It is frozen when the server starts.
type Table struct {
	specs  []*Spec // by ID
	byName map[string]*Spec
	names  []string // top-level, sorted

	described   func() []described
	aclCommands func() *acl.Commands
}

// NewTable makes the table of all families. Renames maps command names to new
// ones; an empty new name removes the command (rename-command).
func NewTable(renames map[string]string, families ...[]Spec) (*Table, error) {
	t := &Table{byName: make(map[string]*Spec, 512)}
	for _, family := range families {
		for i := range family {
			s := &family[i]
			if t.byName[s.Name] != nil {
				return nil, fmt.Errorf("command: %q is in the table twice", s.Name)
			}
			t.add(s, nil)
			t.byName[s.Name] = s
			s.Called = s.Name
		}
	}
	for from, to := range renames {
		from = string(lower(nil, []byte(from)))
		s := t.byName[from]
		if s == nil {
			return nil, fmt.Errorf("No such command in rename-command")
		}
		delete(t.byName, from)
		s.Called = ""
		if to == "" {
			continue
		}
		to = string(lower(nil, []byte(to)))
		if t.byName[to] != nil {
			return nil, fmt.Errorf("Target command name already exists")
		}
		t.byName[to] = s
		s.Called = to
	}
	for name := range t.byName {
		t.names = append(t.names, name)
	}
	sort.Strings(t.names)
	t.described, t.aclCommands = newDescribed(t.specs), newACLCommands(t)
	return t, nil
}

func (t *Table) add(s, parent *Spec) {
	s.ID = len(t.specs)
	s.Parent = parent
	s.Single = s.Keys == nil && s.Wide == nil && s.First == 1 && s.Last == 1 && s.Flags&(Exclusive|AllShards|NoLock) == 0
	s.setBrief()
	t.specs = append(t.specs, s)
	if len(s.Subs) == 0 {
		return
	}
	s.subs = make(map[string]*Spec, len(s.Subs))
	for i := range s.Subs {
		sub := &s.Subs[i]
		name := sub.Name[len(s.Name)+1:]
		t.add(sub, s)
		s.subs[name] = sub
	}
}

// Lookup finds a command by its name in any case; a container command is not
// resolved to its subcommand.
func (t *Table) Lookup(name []byte) *Spec {
	var buf [64]byte
	if len(name) > len(buf) {
		return nil
	}
	return t.byName[string(lower(buf[:0], name))]
}

// Resolve finds the command that args name, a subcommand where there is one.
// ok is false when the subcommand does not exist; spec is then the container.
func (t *Table) Resolve(args [][]byte) (spec *Spec, ok bool) {
	s := t.Lookup(args[0])
	if s == nil || s.subs == nil || len(args) == 1 {
		return s, s != nil
	}
	if sub := s.Sub(args[1]); sub != nil {
		return sub, true
	}
	return s, false
}

// Named finds a command by its full name in lower case, as "client|list".
func (t *Table) Named(full string) *Spec {
	i := slices.IndexFunc(t.specs, func(s *Spec) bool { return s.Name == full })
	if i < 0 {
		return nil
	}
	return t.specs[i]
}

// Specs gives all commands and subcommands by ID. The slice is not to be
// changed.
func (t *Table) Specs() []*Spec { return t.specs }

// Names gives the names of all commands without their subcommands, sorted.
func (t *Table) Names() []string { return t.names }

// Len is the number of commands without their subcommands.
func (t *Table) Len() int { return len(t.names) }
