package config

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
)

// glob stands in for the server's matcher.
func glob(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}

// badSets are refused, with the text of the error, as Redis 7.0 gives it.
var badSets = []struct {
	pairs [][2]string
	want  string
}{
	{[][2]string{{"nosuch", "1"}}, "Unknown option or number of arguments for CONFIG SET - 'nosuch'"},
	{[][2]string{{"rename-command", "x"}}, "Unknown option or number of arguments for CONFIG SET - 'rename-command'"},
	{[][2]string{{"list-max-ziplist-entries", "5"}}, "Unknown option or number of arguments for CONFIG SET - 'list-max-ziplist-entries'"},
	{[][2]string{{"hz", "1"}, {"HZ", "2"}}, "CONFIG SET failed (possibly related to argument 'HZ') - duplicate parameter"},
	{[][2]string{{"daemonize", "yes"}, {"hz", "1"}}, "CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config"},
	{[][2]string{{"slaveof", "a 1"}, {"nosuch", "1"}}, "CONFIG SET failed (possibly related to argument 'slaveof') - can't set immutable config"},
	{[][2]string{{"hz", "10"}, {"dir", "/tmp"}}, "CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"},
	{[][2]string{{"dbfilename", "x"}}, "CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config"},
	{[][2]string{{"DAEMONIZE", "yes"}}, "CONFIG SET failed (possibly related to argument 'DAEMONIZE') - can't set immutable config"},
	{[][2]string{{"SLAVE-priority", "x"}}, "CONFIG SET failed (possibly related to argument 'slave-priority') - argument couldn't be parsed into an integer"},
	{[][2]string{{"TIMEOUT", "x"}, {"hz", "y"}}, "CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer"},
	{[][2]string{{"maxmemory", "100mb"}, {"maxmemory-policy", "foo"}}, "CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction"},
	{[][2]string{{"save", "1  2"}}, "CONFIG SET failed (possibly related to argument 'save') - Invalid save parameters"},
	{[][2]string{{"shutdown-on-sigint", ""}}, "CONFIG SET failed (possibly related to argument 'shutdown-on-sigint') - argument(s) must be one of the following: default, save, nosave, now, force"},
	{[][2]string{{"oom-score-adj-values", ""}}, "CONFIG SET failed (possibly related to argument 'oom-score-adj-values') - wrong number of arguments"},
	{[][2]string{{"client-output-buffer-limit", "slave 1 2"}}, "CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Wrong number of arguments in buffer limit configuration."},
	{[][2]string{{"maxmemory-clients", "200%"}}, "CONFIG SET failed (possibly related to argument 'maxmemory-clients') - percentage argument must be less or equal to 100"},
}

func TestSetRefuses(t *testing.T) {
	for _, tt := range badSets {
		c := Default()
		err := c.Set(tt.pairs, func([]string) error { t.Errorf("%q: applied", tt.pairs); return nil })
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: %v", tt.pairs, err)
		}
		wantSame(t, c, Default())
	}
}

func wantSame(t *testing.T, got, want *Config) {
	t.Helper()
	for i := range table {
		if d := &table[i]; d.value(got, i) != d.value(want, i) {
			t.Errorf("%s is %q, want %q", d.name, d.value(got, i), d.value(want, i))
		}
	}
}

// goodSets are accepted; after each, name has the value want.
var goodSets = []struct {
	pairs      [][2]string
	name, want string
}{
	{[][2]string{{"maxmemory", "10k"}, {"Maxmemory-Policy", "ALLKEYS-LRU"}}, "maxmemory-policy", "allkeys-lru"},
	{[][2]string{{"slave-read-only", "no"}, {"replica-read-only", "yes"}}, "slave-read-only", "yes"},
	{[][2]string{{"save", "1 2 3 4"}}, "save", "1 2 3 4"},
	{[][2]string{{"save", ""}}, "save", ""},
	{[][2]string{{"client-output-buffer-limit", "slave 1 2 3"}}, "client-output-buffer-limit", "normal 0 0 0 slave 1 2 3 pubsub 33554432 8388608 60"},
	{[][2]string{{"client-output-buffer-limit", ""}}, "client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
	{[][2]string{{"hz", "1000"}}, "hz", "500"},
	{[][2]string{{"repl-backlog-size", "1"}}, "repl-backlog-size", "16384"},
	{[][2]string{{"key-load-delay", "-1"}}, "key-load-delay", "-1"},
	{[][2]string{{"oom-score-adj-values", "3 2 1"}}, "oom-score-adj-values", "3 2 1"},
	{[][2]string{{"notify-keyspace-events", "tdeg"}}, "notify-keyspace-events", "getd"},
	{[][2]string{{"latency-tracking-info-percentiles", "50.5 99.99999 100 0"}}, "latency-tracking-info-percentiles", "50.5 99.99999 100 0"},
	{[][2]string{{"maxmemory-clients", "10%"}}, "maxmemory-clients", "10%"},
	{[][2]string{{"shutdown-on-sigint", "force nosave"}}, "shutdown-on-sigint", "nosave force"},
	{[][2]string{{"jemalloc-bg-thread", "no"}}, "jemalloc-bg-thread", "no"},
}

func TestSet(t *testing.T) {
	for _, tt := range goodSets {
		c := Default()
		if err := c.Set(tt.pairs, nil); err != nil {
			t.Errorf("%q: %v", tt.pairs, err)
		}
		if got, _ := c.Value(tt.name); got != tt.want {
			t.Errorf("%q: %s is %q, want %q", tt.pairs, tt.name, got, tt.want)
		}
	}
}

func TestSetAppliesWhatChanged(t *testing.T) {
	c := Default()
	var got []string
	apply := func(changed []string) error {
		got = changed
		return nil
	}
	pairs := [][2]string{{"port", "6379"}, {"SLAVE-priority", "5"}, {"timeout", "3"}, {"tls-cert-file", ""}}
	if err := c.Set(pairs, apply); err != nil || !slices.Equal(got, []string{"replica-priority", "timeout", "tls-cert-file"}) {
		t.Error(err, got)
	}
	for _, events := range []string{"KEAn", "KEA"} { // which look the same
		if got = nil; c.Set([][2]string{{"notify-keyspace-events", events}}, apply) != nil || len(got) != 1 {
			t.Error(events, got)
		}
	}
	got = []string{"not called"}
	if err := c.Set([][2]string{{"port", "6379"}}, apply); err != nil || got[0] != "not called" {
		t.Error(err, got)
	}
}

func TestSetRollsBack(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&SetError{Name: "bind", Msg: "Failed to bind to specified addresses."}, "CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses."},
		{errors.New("no"), "CONFIG SET failed - no"},
	} {
		c := Default()
		var seen []string
		err := c.Set([][2]string{{"bind", "1.1.1.1"}, {"save", "1 1"}, {"activerehashing", "no"}}, func([]string) error {
			seen = append(seen, strings.Join(c.Bind, " "))
			return tt.err
		})
		if err == nil || err.Error() != tt.want {
			t.Error(err)
		}
		if !slices.Equal(seen, []string{"1.1.1.1", "* -::*"}) {
			t.Errorf("apply saw %q", seen)
		}
		wantSame(t, c, Default())
	}
}

func TestProtectedDirectives(t *testing.T) {
	for _, tt := range []struct {
		enable string
		local  bool
		ok     bool
	}{{"no", true, false}, {"local", false, false}, {"local", true, true}, {"yes", false, true}} {
		c := Default()
		if err := c.Load(strings.NewReader("enable-protected-configs "+tt.enable), ""); err != nil {
			t.Fatal(err)
		}
		err := c.SetFrom(Setter{Local: tt.local}, [][2]string{{"dbfilename", "x"}}, nil)
		if (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestGet(t *testing.T) {
	for _, tt := range []struct {
		patterns []string
		want     [][2]string
	}{
		{[]string{"PORT"}, [][2]string{{"PORT", "6379"}}},
		{[]string{"PO?T", "port", "Port"}, [][2]string{{"port", "6379"}}},
		{[]string{"nosuch", "[", "user", "us*"}, nil},
		{[]string{"*of"}, [][2]string{{"replicaof", ""}, {"slaveof", ""}}},
		{[]string{"key-load-d*"}, nil},
		{[]string{"key-load-delay"}, [][2]string{{"key-load-delay", "0"}}},
	} {
		if got := Default().Get(tt.patterns, glob); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q", tt.patterns, got)
		}
	}
}
