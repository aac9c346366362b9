package server

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
	"github.com/redstart-db/redstart/tests/peer"
)

// allCommands is a table of every command that there is a description of, with
// no handlers.
func allCommands(t *testing.T) *command.Table {
	t.Helper()
	var specs []command.Spec
	for _, name := range cmddocs.Names() {
		d, _ := cmddocs.Lookup(name)
		if d.Parent() != "" {
			continue
		}
		s := specOf(d)
		for _, sub := range d.Subcommands {
			d, _ := cmddocs.Lookup(sub)
			s.Subs = append(s.Subs, specOf(d))
		}
		specs = append(specs, s)
	}
	table, err := command.NewTable(nil, specs)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// specOf is a row of the table. The keys that SORT stores to are found as its
// handler would find them.
func specOf(d *cmddocs.Command) command.Spec {
	s := command.Spec{Name: d.Name, Arity: d.Arity, First: d.First, Last: d.Last, Step: d.Step}
	if d.Name == "sort" {
		s.Keys = func(args [][]byte, dst []int) []int {
			dst = append(dst, 1)
			store := 0
			for i := 2; i+1 < len(args); i++ {
				if command.EqualFold(args[i], "STORE") {
					store = i + 1
				}
			}
			if store > 0 {
				dst = append(dst, store)
			}
			return dst
		}
	}
	return s
}

// The answers are those of redis-server 7.0.15; flags follow a key in brackets.
func TestFindKeys(t *testing.T) {
	const (
		syntax = "ERR Invalid arguments specified for command"
		arity  = "ERR Invalid number of arguments specified for command"
		noKeys = "ERR The command has no key arguments"
		none   = "ERR Invalid command specified"
	)
	table := allCommands(t)
	for _, test := range []struct{ args, want string }{
		{"get k", "k[RO access]"},
		{"get a b", arity},
		{"nosuch k", none},
		{"config foo x", none},
		{"config get x", noKeys},
		{"publish c m", noKeys},
		{"ssubscribe a b", noKeys},
		{"set k v", "k[OW update]"},
		{"set k v ex 10 Get", "k[RW access update]"},
		{"set a b getx", "a[OW update]"},
		{"mset a 1 b", "a[OW update] b[OW update]"},
		{"copy a b db 3", "a[RO access] b[OW update]"},
		{"object freq", arity},
		{"memory usage k", "k[RO]"},
		{"lmove a b left right", "a[RW access delete] b[RW insert]"},
		{"blpop a b c 0", "a[RW access delete] b[RW access delete] c[RW access delete]"},
		{"sort k by w_* limit 0 10 store d", "k[RO access] d[OW update]"},
		{"sort k store", "k[RO access]"},
		{"sort k store d1 store d2", "k[RO access] d2[OW update]"},
		{"bitfield a", "a[RO access]"},
		{"bitfield a foo", "a[RW access update]"},
		{"bitfield a get u8", "a[RW access update]"},
		{"bitfield a overflow wrap get u8 0", "a[RO access]"},
		{"bitfield a get u8 0 incrby u8 0 1", "a[RW access update]"},
		{"eval x 2 a b c", "a[RW access update] b[RW access update]"},
		{"eval x 0", ""},
		{"eval x 5 a", ""},
		{"eval x -1 a", ""},
		{"eval x 9223372036854775807 a", ""},
		{"zunionstore d 2 a b weights 1 2", "d[OW update] a[RO access] b[RO access]"},
		{"zunionstore d 3 a b", syntax},
		{"zunionstore d 0 a", syntax},
		{"zunionstore d 99999999999999999999999999 a", syntax},
		{"zmpop -1 a left", syntax},
		{"sintercard 1x a", "a[RO access]"},
		{"bzmpop 0 2 a b min", "a[RW access delete] b[RW access delete]"},
		{"xread count 2 block 0 streams a b 0 0", "a[RO access] b[RO access]"},
		{"xread streams a b 0", "a[RO access]"},
		{"xread count 2 streams", syntax},
		{"xread block streams streams a 0 1 2", "streams[RO access] a[RO access]"},
		{"xread count 2", arity},
		{"xgroup create k g $", "k[RW insert]"},
	} {
		args := fields(test.args)
		keys, text := table.FindKeys(args)
		got := text
		for i, k := range keys {
			if i > 0 {
				got += " "
			}
			got += fmt.Sprintf("%s%v", args[k.At], k.Flags)
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.args, got, test.want)
		}
	}
}

func fields(s string) (args [][]byte) {
	for _, f := range strings.Fields(s) {
		args = append(args, []byte(f))
	}
	return args
}

// TestFindKeysOfNonsense looks for keys in arguments that make no sense.
func TestFindKeysOfNonsense(t *testing.T) {
	table := allCommands(t)
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	words := []string{"", "0", "1", "-1", "2", "3", "9223372036854775807", "-9223372036854775808", "18446744073709551617",
		"store", "storedist", "get", "streams", "keys", "auth", "k", "set", "incrby", "overflow", "\x00"}
	for _, s := range table.Specs() {
		for range 200 {
			args := fields(strings.ReplaceAll(s.Name, "|", " "))
			for range rnd.IntN(8) {
				args = append(args, []byte(words[rnd.IntN(len(words))]))
			}
			keys, _ := table.FindKeys(args)
			for _, k := range keys {
				if k.At < 1 || k.At >= len(args) {
					t.Fatalf("%q: a key at %d", args, k.At)
				}
			}
		}
	}
}

func TestHumanBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0B", 1023: "1023B", 1024: "1.00K", 916520: "895.04K", 25276510208: "23.54G", 1 << 20: "1.00M", 1 << 63: "8192.00P",
	} {
		if got := humanBytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestEqualFold(t *testing.T) {
	if !equalFold([]byte("cPu"), "CPU") || equalFold([]byte("cp["), "cp{") || equalFold([]byte("cp"), "cpu") {
		t.Error("words compared wrongly")
	}
	if !slices.Contains(Sections(), "Redstart") {
		t.Error("no section of our own")
	}
}
