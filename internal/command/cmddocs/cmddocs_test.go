package cmddocs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The fixed orders in which Redis 7.0 prints the elements of sets. Categories
// are in the order of ACL CAT. The order of flags is pieced together from the
// commands: no_async_loading and those after it are seen with few others.
var (
	flagOrder = strings.Fields(`write readonly denyoom module admin pubsub noscript blocking loading stale
		skip_monitor skip_slowlog asking fast no_auth may_replicate no_mandatory_keys no_async_loading no_multi
		allow_busy movablekeys`)
	categoryOrder = strings.Fields(`keyspace read write set sortedset list hash string bitmap hyperloglog geo
		stream pubsub admin fast slow blocking dangerous connection transaction scripting`)
	keyFlagOrder = strings.Fields(`RW RO OW RM access update insert delete not_key incomplete variable_flags`)
	argFlagOrder = strings.Fields(`optional multiple multiple_token`)
)

// all returns every command and subcommand.
func all() []*Command {
	var list []*Command
	for _, name := range Names() {
		c, _ := Lookup(name)
		list = append(list, c)
	}
	return list
}

// walkArgs calls visit for every argument, parts included.
func walkArgs(args []Argument, visit func(*Argument)) {
	for i := range args {
		visit(&args[i])
		walkArgs(args[i].Args, visit)
	}
}

func TestOrder(t *testing.T) {
	check := func(name, what string, values, order []string) {
		last := -1
		for _, value := range values {
			rank := slices.Index(order, value)
			if rank < 0 {
				t.Errorf("%s: unknown %s %q", name, what, value)
			} else if rank <= last {
				t.Errorf("%s: %s are not in Redis's order: %v", name, what, values)
			}
			last = rank
		}
	}
	for _, c := range all() {
		check(c.Name, "flags", c.Flags, flagOrder)
		check(c.Name, "categories", c.Categories, categoryOrder)
		for _, k := range c.KeySpecs {
			check(c.Name, "key flags", k.Flags, keyFlagOrder)
		}
		walkArgs(c.Arguments, func(a *Argument) { check(c.Name, "argument flags", a.Flags, argFlagOrder) })
	}
}

func TestSummaries(t *testing.T) {
	for _, c := range all() {
		if c.Summary == "" || len(c.Summary) > 100 || strings.HasSuffix(c.Summary, ".") {
			t.Errorf("%s: bad summary %q", c.Name, c.Summary)
		}
	}
}

func TestFactsAgree(t *testing.T) {
	version := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	for _, c := range all() {
		has := func(flag string) bool { return slices.Contains(c.Flags, flag) }
		in := func(category string) bool { return slices.Contains(c.Categories, category) }
		if !version.MatchString(c.Since) || c.Arity == 0 {
			t.Errorf("%s: since %q, arity %d", c.Name, c.Since, c.Arity)
		}
		// A script may or may not write, so EVAL_RO and the like are flagged
		// readonly without being in a category.
		if in("write") && !has("write") || in("read") && !has("readonly") {
			t.Errorf("%s: flags %v do not go with categories %v", c.Name, c.Flags, c.Categories)
		}
		if has("fast") != in("fast") || in("fast") == in("slow") || has("blocking") != in("blocking") {
			t.Errorf("%s: flags %v do not go with categories %v", c.Name, c.Flags, c.Categories)
		}
		if (c.First != 0) != (c.Step != 0) || c.First != 0 && len(c.KeySpecs) == 0 {
			t.Errorf("%s: keys %d %d %d, keyspecs %v", c.Name, c.First, c.Last, c.Step, c.KeySpecs)
		}
		if len(c.KeySpecs) > 0 && c.KeySpecs[0].BeginSearch.Type == "index" && c.KeySpecs[0].FindKeys.Type == "range" &&
			c.First != c.KeySpecs[0].BeginSearch.Index {
			t.Errorf("%s: first key %d, keyspec %+v", c.Name, c.First, c.KeySpecs[0])
		}
		if slices.Contains(c.DocFlags, "deprecated") != (c.DeprecatedSince != "") || (c.ReplacedBy != "") != (c.DeprecatedSince != "") {
			t.Errorf("%s: %v, deprecated since %q, replaced by %q", c.Name, c.DocFlags, c.DeprecatedSince, c.ReplacedBy)
		}
		for _, h := range c.History {
			if !version.MatchString(h.Version) || h.Text == "" {
				t.Errorf("%s: history %q", c.Name, h)
			}
		}
		walkArgs(c.Arguments, func(a *Argument) { checkArgument(t, c, a) })
	}
}

func checkArgument(t *testing.T, c *Command, a *Argument) {
	switch a.Type {
	case "oneof", "block":
		if len(a.Args) == 0 {
			t.Errorf("%s: %s has no parts", c.Name, a.Name)
		}
	case "key", "string", "integer", "double", "pattern", "unix-time", "pure-token":
		if len(a.Args) != 0 {
			t.Errorf("%s: %s has parts", c.Name, a.Name)
		}
	default:
		t.Errorf("%s: %s has unknown type %q", c.Name, a.Name, a.Type)
	}
	if a.KeySpecIndex >= len(c.KeySpecs) {
		t.Errorf("%s: %s is of keyspec %d of %d", c.Name, a.Name, a.KeySpecIndex, len(c.KeySpecs))
	}
}

func TestLookup(t *testing.T) {
	c, ok := Lookup("config|set")
	if !ok || c.Name != "config|set" || c.Group != "server" || c.Parent() != "config" || c.Arity != -4 {
		t.Errorf("config|set: %+v", c)
	}
	parent, ok := Lookup("config")
	if !ok || parent.Parent() != "" || !slices.IsSorted(parent.Subcommands) || !slices.Contains(parent.Subcommands, "config|set") {
		t.Errorf("config: %+v", parent)
	}
	for _, name := range []string{"", "nosuch", "CONFIG", "config|nosuch", "config|"} {
		if _, ok := Lookup(name); ok {
			t.Errorf("there is a %q", name)
		}
	}
	if !slices.IsSorted(Names()) {
		t.Error("names are not sorted")
	}
	total := 0
	for _, g := range Groups() {
		for _, c := range g.Commands {
			if c.Group != g.Name {
				t.Errorf("%s of group %s is in group %s", c.Name, c.Group, g.Name)
			}
			total += 1 + len(c.Subcommands)
		}
	}
	if total != len(Names()) {
		t.Errorf("%d commands in groups, %d in all", total, len(Names()))
	}
}

func TestParse(t *testing.T) {
	commands, err := parseGroup("g", `
# a comment
command a|b
  summary  One  two
  keyspec  RO access; keyword K -2; keynum 0 1 2
  note     N
  arg      x block optional multiple token=T since=1.2.3 deprecated=2.0.0
    arg    y key keyspec=0
      arg  z integer
  arg      w string
`)
	if err != nil || len(commands) != 1 {
		t.Fatal(commands, err)
	}
	c := commands[0]
	x := c.Arguments[0]
	if c.Name != "a|b" || c.Summary != "One  two" || len(c.Arguments) != 2 || x.Token != "T" || x.Since != "1.2.3" ||
		x.DeprecatedSince != "2.0.0" || !x.Optional() || !x.Multiple() || x.KeySpecIndex != -1 || x.Args[0].KeySpecIndex != 0 ||
		x.Args[0].Args[0].Name != "z" || c.Arguments[1].Name != "w" {
		t.Errorf("%+v", c)
	}
	k := c.KeySpecs[0]
	if !slices.Equal(k.Flags, []string{"RO", "access"}) || k.Notes != "N" ||
		k.BeginSearch != (BeginSearch{Type: "keyword", Keyword: "K", StartFrom: -2}) ||
		k.FindKeys != (FindKeys{Type: "keynum", KeyNumIdx: 0, FirstKey: 1, KeyStep: 2}) {
		t.Errorf("%+v", k)
	}
}

func TestParseRejects(t *testing.T) {
	for _, text := range []string{
		"  summary x", "summary x", "command", "command a\n   summary x", "command a\n    summary x", "command a\n  summary",
		"command a\n  nosuch x", "command a\n  arity x", "command a\n  keys 1 1", "command a\n  note x",
		"command a\n  keyspec RO", "command a\n  keyspec RO; index; range 0 1 0", "command a\n  keyspec RO; index 1; range 0 1",
		"command a\n  keyspec RO; nosuch; unknown", "command a\n  keyspec RO; unknown; nosuch", "command a\n  keyspec RO; unknown 1; unknown",
		"command a\n  arg x", "command a\n  arg x string nosuch", "command a\n  arg x string token=", "command a\n  arg x string nosuch=1",
		"command a\n  arg x key keyspec=x", "command a\n    arg x string",
	} {
		if _, err := parseGroup("g", text); err == nil || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
