package commandtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
)

// flagNames are the flags that COMMAND INFO shows, but for movablekeys, which
// follows from the key specifications. MayReplicate is not among them.
var flagNames = [...]struct {
	flag command.Flag
	name string
}{
	{command.Write, "write"},
	{command.ReadOnly, "readonly"},
	{command.DenyOOM, "denyoom"},
	{command.Admin, "admin"},
	{command.PubSub, "pubsub"},
	{command.NoScript, "noscript"},
	{command.Blocking, "blocking"},
	{command.Loading, "loading"},
	{command.Stale, "stale"},
	{command.SkipMonitor, "skip_monitor"},
	{command.SkipSlowlog, "skip_slowlog"},
	{command.Fast, "fast"},
	{command.NoAuth, "no_auth"},
	{command.NoMulti, "no_multi"},
	{command.AllowBusy, "allow_busy"},
}

// CheckSpecs compares the rows of a family with what is documented of its
// commands: arity, flags and places of keys. If group is not empty the family
// must have all commands of that group.
func CheckSpecs(t *testing.T, specs []command.Spec, group string) {
	t.Helper()
	for i := range specs {
		s := &specs[i]
		d, ok := cmddocs.Lookup(s.Name)
		if !ok {
			t.Errorf("%s is not documented", s.Name)
			continue
		}
		if s.Arity != d.Arity || s.First != d.First || s.Last != d.Last || s.Step != d.Step {
			t.Errorf("%s: arity %d and keys %d %d %d, want %d and %d %d %d", s.Name,
				s.Arity, s.First, s.Last, s.Step, d.Arity, d.First, d.Last, d.Step)
		}
		var got, want []string
		for _, f := range flagNames {
			if s.Flags&f.flag != 0 {
				got = append(got, f.name)
			}
			if slices.Contains(d.Flags, f.name) {
				want = append(want, f.name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: flags %s, want %s", s.Name, strings.Join(got, " "), strings.Join(want, " "))
		}
		CheckSpecs(t, s.Subs, "")
	}
	for _, g := range cmddocs.Groups() {
		for _, d := range g.Commands {
			named := func(s command.Spec) bool { return s.Name == d.Name }
			if g.Name == group && !slices.ContainsFunc(specs, named) {
				t.Errorf("%s is missing", d.Name)
			}
		}
	}
}
