package acl_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
)

// rules has the commands of Redis 7.0: with later ones other categories fit best.
func rules(t testing.TB) acl.Rules {
	var list []acl.Command
	for i, name := range cmddocs.Names() {
		d, _ := cmddocs.Lookup(name)
		if d.Since >= "7.2" {
			continue
		}
		c := acl.Command{Name: name, ID: i}
		for _, cat := range d.Categories {
			bit := acl.CategoryNamed(cat)
			if bit == 0 {
				t.Fatalf("%s is of an unknown category %s", name, cat)
			}
			c.Categories |= bit
		}
		list = append(list, c)
	}
	cs, err := acl.NewCommands(list)
	if err != nil {
		t.Fatal(err)
	}
	return acl.Rules{Commands: func() *acl.Commands { return cs }}
}

// TestRules has rules and what redis-server 7.0.15 makes of them after a reset: the line
// of ACL LIST, or the error.
func TestRules(t *testing.T) {
	r := rules(t)
	const none = "off sanitize-payload resetchannels -@all"
	const allKeys = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
	for _, tc := range []struct{ rules, want string }{
		{"%R~foo", "off sanitize-payload %R~foo resetchannels -@all"},
		{"%WR~x", "off sanitize-payload ~x resetchannels -@all"},
		{"%r~low", "off sanitize-payload %R~low resetchannels -@all"},
		{"%R~foo %W~foo %RW~bar", "off sanitize-payload ~foo ~bar resetchannels -@all"},
		{"%RR~x", "Syntax error"}, {"%X~a", "Syntax error"}, {"%", "Syntax error"}, {"%~", "Syntax error"},
		{"%RW", "off sanitize-payload ~ resetchannels -@all"},
		{"%RW~* ~foo", "off sanitize-payload ~* ~foo resetchannels -@all"},
		{"~* ~foo", allKeys},
		{"ALLKEYS", "off sanitize-payload ~* resetchannels -@all"},
		{"&foo &bar", "off sanitize-payload resetchannels &foo &bar -@all"},
		{"&*", "off sanitize-payload &* -@all"},
		{">p", "off sanitize-payload #148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940 resetchannels -@all"},
		{"<p", "The password you are trying to remove from the user does not exist"},
		{"#aa", "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"},
		{"bogus", "Syntax error"}, {")", "Syntax error"}, {"(reset)", "Syntax error"}, {"((+get))", "Syntax error"},
		{"()", none + " (resetchannels -@all)"},
		{"(+get ~a) (+set ~b)", none + " (~a resetchannels -@all +get) (~b resetchannels -@all +set)"},
		{"(%R~x %W~x ~x)", none + " (~x resetchannels -@all)"},
		{`(~a"b )`, none + " (resetchannels -@all)"},
		{`("~\x42")`, none + " (~B resetchannels -@all)"},
		{"+@all -@all +@hash +@string", none + " +@string +@hash"},
		{"+@all -client +client|id +client|setname", "off sanitize-payload resetchannels +@all -client +client|id +client|setname"},
		{"+@all -client|kill", "off sanitize-payload resetchannels +@all -client|kill"},
		{"+config -config|set", none + " +config -config|set"},
		{"+select|0 +select|1 -select", none}, {"+select|0 +select", none + " +select"},
		{"+client -client|id +client|id", none + " +client"},
		{"+@connection +@keyspace +@connection", none + " +@connection +@keyspace"},
		{"+@all -@slow", "off sanitize-payload resetchannels +@all -@slow"},
		{"+get|foo|bar", "Unknown command or category name in ACL"},
		{"+config|get|x", "Allowing first-arg of a subcommand is not supported"},
		{"-select|0", "Unknown command or category name in ACL"},
		{"+client|", "Syntax error"}, {"+", "Unknown command or category name in ACL"},
	} {
		u := r.NewUser("u")
		merged, unmatched := acl.MergeSelectors(strings.Fields(tc.rules))
		if unmatched >= 0 {
			t.Errorf("%q: a selector does not close", tc.rules)
			continue
		}
		got := ""
		for _, rule := range append([]string{"reset"}, merged...) {
			if err := r.Apply(u, rule); err != nil {
				got = err.Error()
				break
			}
		}
		if got == "" {
			got = string(u.Append(nil, r.Commands()))
		}
		if got != tc.want {
			t.Errorf("%q:\n got %q\nwant %q", tc.rules, got, tc.want)
		}
	}
}

// FuzzRules: what a user is described with makes the same user again.
func FuzzRules(f *testing.F) {
	r := rules(f)
	for _, seed := range []string{"on +@all -@dangerous ~a* &b", "(+get ~x", `(~"a b`, "+select|0 %R~k", "+@read -@string (%W~x)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u := r.NewUser("u")
		merged, _ := acl.MergeSelectors(strings.Split(text, "\x01"))
		for _, rule := range merged {
			_ = r.Apply(u, rule) // a refused rule changes nothing
		}
		line := string(u.Append([]byte("user u "), r.Commands()))
		if strings.ContainsAny(line, "\"'\\") {
			return // as in Redis, quotes in a selector are read again as quotes
		}
		if parts := strings.SplitAfter(line, ") "); slices.ContainsFunc(parts[1:], func(p string) bool { return !strings.HasPrefix(p, "(") }) {
			return // as in Redis, a pattern that ends in a parenthesis ends its selector when that is read again
		}
		again, errs := r.Parse(line, "f")
		if errs != "" {
			t.Fatalf("%q: %s", line, errs)
		}
		if got := string(again.Get([]byte("u")).Append([]byte("user u "), r.Commands())); got != line {
			t.Fatalf("got %q\nwant %q", got, line)
		}
	})
}

// TestLog: equal denials are one entry that moves to the front, what is long is cut, and
// no more are kept than asked for.
func TestLog(t *testing.T) {
	var l acl.Log
	add := func(object string, time int64) {
		l.Add(acl.Entry{Reason: acl.DeniedKey, Object: object, User: "u", Time: time}, 3)
	}
	objects := func() (s string) {
		for _, e := range l.Last(10) {
			s += e.Object + strings.Repeat("+", int(e.Count)-1) + " "
		}
		return s
	}
	for i, o := range []string{"a", "b", "a", "c", "d"} {
		add(o, int64(i))
	}
	if got := objects(); got != "d c a+ " {
		t.Errorf("got %q", got)
	}
	add("c", 70_000)
	if got := objects(); got != "c d c " {
		t.Errorf("a denial of long ago is counted with a new one: %q", got)
	}
	add(strings.Repeat("x", 1<<20), 70_001)
	if got := l.Last(1)[0].Object; len(got) > 5000 || !strings.HasSuffix(got, "xxx... (1044480 more bytes)") {
		t.Errorf("kept %d bytes: …%s", len(got), got[max(0, len(got)-40):])
	}
	if n := len(l.Last(0)); n != 0 {
		t.Errorf("%d entries instead of none", n)
	}
	l.Reset()
	if got := objects(); got != "" {
		t.Errorf("got %q after a reset", got)
	}
}
