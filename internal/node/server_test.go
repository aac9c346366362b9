package node

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// talk is a connection to an instance of the test's own.
type talk struct {
	t  *testing.T
	n  *Node
	nc net.Conn
	br *bufio.Reader
}

func newTalk(t *testing.T, set func(*config.Config)) *talk {
	t.Helper()
	cfg := inTemp(t)
	cfg.EnableDebugCommand = config.ProtectYes
	cfg.RedstartShards = 4
	if set != nil {
		set(cfg)
	}
	n, err := Open(cfg, nil)
	return talkTo(t, n, err)
}

// talkTo is a connection to an instance that was opened, and ends with the test.
func talkTo(t *testing.T, n *Node, err error) *talk {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return (&talk{t: t, n: n}).another()
}

// keeps has the instance keep files in its folder, and load what is there.
func (k *talk) keeps() *talk {
	k.t.Helper()
	k.n.KeepFiles()
	k.n.BeginLoad()
	if err := k.n.Load(); err != nil {
		k.t.Fatal(err)
	}
	return k
}

// another is a further connection to the same instance.
func (k *talk) another() *talk {
	k.t.Helper()
	nc, err := k.n.Dial()
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { nc.Close() })
	return &talk{k.t, k.n, nc, bufio.NewReader(nc)}
}

func (k *talk) do(args ...string) resp.Value {
	k.t.Helper()
	if _, err := k.nc.Write(resp.AppendCommandString(nil, args...)); err != nil {
		k.t.Fatal(err)
	}
	k.nc.SetReadDeadline(time.Now().Add(time.Minute))
	v, err := resp.ReadValue(k.br, 64, 64<<20)
	if err != nil {
		k.t.Fatalf("%q: %v", args, err)
	}
	return v
}

// want compares a reply, written as resp.Value.String does.
func (k *talk) want(want string, args ...string) {
	k.t.Helper()
	if got := k.do(args...).String(); got != want {
		k.t.Errorf("%q: got %s, want %s", args, got, want)
	}
}

// info gives a field of INFO.
func (k *talk) info(field string) string {
	k.t.Helper()
	text := string(k.do("INFO", "everything").Str)
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(field) + `:(.*)\r$`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

func (k *talk) wantInfo(want string, fields ...string) {
	k.t.Helper()
	for _, f := range fields {
		if got := k.info(f); got != want {
			k.t.Errorf("INFO %s: got %q, want %q", f, got, want)
		}
	}
}

// flagNames are the flags of a Spec that COMMAND INFO prints.
func flagNames(f command.Flag) []string {
	var names []string
	for _, p := range [...]struct {
		f    command.Flag
		name string
	}{
		{command.Write, "write"}, {command.ReadOnly, "readonly"}, {command.DenyOOM, "denyoom"}, {command.Admin, "admin"},
		{command.PubSub, "pubsub"}, {command.NoScript, "noscript"}, {command.Blocking, "blocking"}, {command.Loading, "loading"},
		{command.Stale, "stale"}, {command.SkipMonitor, "skip_monitor"}, {command.SkipSlowlog, "skip_slowlog"},
		{command.Fast, "fast"}, {command.NoAuth, "no_auth"},
		{command.NoMulti, "no_multi"}, {command.AllowBusy, "allow_busy"},
	} {
		if f&p.f != 0 {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}

// TestTableAgreesWithDescriptions compares what the executor goes by with what
// clients are told.
func TestTableAgreesWithDescriptions(t *testing.T) {
	k := newTalk(t, nil)
	for _, s := range k.n.env.Table.Specs() {
		d, ok := cmddocs.Lookup(s.Name)
		if !ok {
			t.Errorf("%s has no description", s.Name)
			continue
		}
		arity := s.Arity
		if s.Name == "zrank" || s.Name == "zrevrank" {
			arity = 3 // WITHSCORE, of 7.2, is taken but not described: clients of 7.0 are told of theirs
		}
		if arity != d.Arity {
			t.Errorf("%s: arity %d, described as %d", s.Name, s.Arity, d.Arity)
		}
		if s.First != d.First || s.Last != d.Last || s.Step != d.Step {
			t.Errorf("%s: keys %d %d %d, described as %d %d %d", s.Name, s.First, s.Last, s.Step, d.First, d.Last, d.Step)
		}
		want := slices.DeleteFunc(slices.Clone(d.Flags), func(f string) bool {
			switch f {
			case "movablekeys", "no_mandatory_keys", "no_async_loading", "asking":
				return true // said by other means, or not at all
			}
			return false
		})
		slices.Sort(want)
		if got := flagNames(s.Flags); !slices.Equal(got, want) && len(s.Subs) == 0 {
			t.Errorf("%s: flags %v, described as %v", s.Name, got, want)
		}
	}
}

func TestInfoSections(t *testing.T) {
	k := newTalk(t, nil)
	headers := func(args ...string) string {
		text := string(k.do(append([]string{"INFO"}, args...)...).Str)
		return strings.Join(regexp.MustCompile(`(?m)^# \w+`).FindAllString(text, -1), " ")
	}
	const def = "# Server # Clients # Memory # Persistence # Stats # Replication # CPU # Modules # Errorstats # Cluster # Keyspace # Redstart"
	const all = "# Server # Clients # Memory # Persistence # Stats # Replication # CPU # Modules # Commandstats # Errorstats " +
		"# Latencystats # Cluster # Keyspace # Redstart"
	for args, want := range map[string]string{
		"":                       def,
		"default":                def,
		"DeFault nosuch":         def,
		"all":                    all,
		"everything cpu":         all,
		"cpu SERVER cpu":         "# Server # CPU",
		"commandstats default":   strings.Replace(def, "# Errorstats", "# Commandstats # Errorstats", 1),
		"nosuch":                 "",
		"module_list":            "# Modules",
		"keyspace latencystats ": "# Latencystats # Keyspace",
	} {
		if got := headers(strings.Fields(args)...); got != want {
			t.Errorf("INFO %s: got %q, want %q", args, got, want)
		}
	}
}

func TestInfoCounters(t *testing.T) {
	k := newTalk(t, nil)
	k.do("CONFIG", "RESETSTAT")
	k.do("SET", "a", "1")
	k.do("GET", "a")
	k.do("GET", "b")
	k.do("GET", "b", "c")
	k.do("INCR", "a")
	k.do("SET", "s", "x")
	k.do("INCR", "s")
	k.do("NOSUCH")
	k.do("SET", "v", "x", "PX", "100000")
	k.wantInfo("1", "keyspace_hits", "keyspace_misses")
	k.wantInfo("4", "rdb_changes_since_last_save")
	k.wantInfo("count=3", "errorstat_ERR")
	k.wantInfo("3", "total_error_replies")
	if got := k.info("cmdstat_get"); !regexp.MustCompile(`^calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0$`).MatchString(got) {
		t.Errorf("cmdstat_get: %q", got)
	}
	if got := k.info("cmdstat_incr"); !strings.HasSuffix(got, ",rejected_calls=0,failed_calls=1") {
		t.Errorf("cmdstat_incr: %q", got)
	}
	if got := k.info("latency_percentiles_usec_config|resetstat"); !strings.HasPrefix(got, "p50=") {
		t.Errorf("latency percentiles: %q", got)
	}
	m := regexp.MustCompile(`^keys=3,expires=1,avg_ttl=(\d+)$`).FindStringSubmatch(k.info("db0"))
	if m == nil {
		t.Fatalf("db0: %q", k.info("db0"))
	}
	if ttl, _ := strconv.Atoi(m[1]); ttl <= 50000 || ttl > 100000 {
		t.Errorf("avg_ttl %d", ttl)
	}
	k.wantInfo("1", "connected_clients")
	k.do("CONFIG", "RESETSTAT")
	k.wantInfo("0", "keyspace_hits", "total_error_replies")
	k.wantInfo("", "cmdstat_get", "errorstat_ERR")
}

func TestExpiredKeysAreCounted(t *testing.T) {
	k := newTalk(t, nil)
	k.do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	k.do("SET", "a", "1", "PX", "1")
	k.do("SET", "b", "1", "PX", "1")
	time.Sleep(50 * time.Millisecond)
	k.wantInfo("0", "expired_keys")
	k.want("nil$", "GET", "a")
	k.wantInfo("1", "expired_keys")
	k.wantInfo("0", "expire_lag_count")
	k.do("DEBUG", "SET-ACTIVE-EXPIRE", "1")
	for end := time.Now().Add(time.Minute); k.info("expired_keys") != "2"; {
		if time.Now().After(end) {
			t.Fatalf("expired_keys: %s", k.info("expired_keys"))
		}
		time.Sleep(5 * time.Millisecond)
	}
	k.wantInfo("1", "expire_lag_count")
}

func TestMaxMemory(t *testing.T) {
	k := newTalk(t, nil)
	k.do("CONFIG", "SET", "maxmemory", "1")
	k.want("-"+command.ErrOOM, "SET", "a", "1")
	k.want("nil$", "GET", "a")
	k.do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	if k.n.store.LFU.On {
		t.Error("use counters without an LFU policy")
	}
	k.do("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu", "lfu-log-factor", "3")
	if l := k.n.store.LFU; !l.On || l.LogFactor != 3 || l.Decay != 1 {
		t.Errorf("LFU %+v", l)
	}
	k.do("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
	k.want("+OK", "SET", "a", "1")
	if k.n.Exec.Alerted(exec.AlertMemory) {
		t.Error("alert without a limit")
	}
}

func TestConfigSetIsRedacted(t *testing.T) {
	k := newTalk(t, nil)
	k.do("CONFIG", "SET", "slowlog-log-slower-than", "0")
	k.do("CONFIG", "SET", "masterauth", "secret", "hz", "11", "masteruser", "who")
	log := k.do("SLOWLOG", "GET", "1").String()
	if strings.Contains(log, "secret") || strings.Contains(log, "who") || strings.Count(log, "(redacted)") != 2 || !strings.Contains(log, `"11"`) {
		t.Error(log)
	}
}

func TestLatencyTracking(t *testing.T) {
	k := newTalk(t, func(c *config.Config) { c.LatencyTracking = false })
	k.do("SET", "a", "1")
	k.want("[]", "LATENCY", "HISTOGRAM")
	k.do("CONFIG", "SET", "latency-tracking", "yes")
	k.do("SET", "a", "1")
	if got := k.do("LATENCY", "HISTOGRAM", "set", "nosuch", "config").String(); !strings.Contains(got, `"set"`) || !strings.Contains(got, `"config|set"`) {
		t.Error(got)
	}
}

// TestExpireCycleLatency lets many keys expire within one cycle.
func TestExpireCycleLatency(t *testing.T) {
	const keys = 40000 // some milliseconds
	k := newTalk(t, func(c *config.Config) { c.LatencyMonitorThreshold = 1 })
	k.do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	var load []byte
	for i := range keys {
		load = resp.AppendCommandString(load, "SET", fmt.Sprintf("key:%d", i), "v", "PX", "1")
	}
	go k.nc.Write(append(load, "PING\r\n"...)) // a failure shows at the reader
	k.nc.SetReadDeadline(time.Now().Add(time.Minute))
	for range keys + 1 {
		if _, err := resp.ReadValue(k.br, 1, 64); err != nil {
			t.Fatal(err)
		}
	}
	k.do("LATENCY", "RESET")
	k.want("[]", "LATENCY", "HISTORY", "expire-cycle")
	k.do("DEBUG", "SET-ACTIVE-EXPIRE", "1")
	for end := time.Now().Add(time.Minute); len(k.do("LATENCY", "HISTORY", "expire-cycle").Elems) == 0; {
		if time.Now().After(end) {
			t.Fatalf("no expire-cycle event; %s keys expired", k.info("expired_keys"))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// The digests were recorded from redis-server 7.0.15.
func TestDigest(t *testing.T) {
	k := newTalk(t, nil)
	const zero = "+0000000000000000000000000000000000000000"
	k.want(zero, "DEBUG", "DIGEST")
	k.do("SET", "a", "1")
	k.want("+943d800368fb9c0e951138f1bc0e313ac769d91f", "DEBUG", "DIGEST")
	k.do("SET", "b", "1")
	k.want("+21b05463fdcee4e7798054b2699fee7ee895c243", "DEBUG", "DIGEST")
	k.do("SELECT", "3")
	k.do("SET", "b", "12.5", "EX", "1000")
	k.want("+a3482b6a7fef399d5cc3320e33276d899e7691d9", "DEBUG", "DIGEST")
	k.want("[+837be03e42597636a4abbffa7a5e50ec26cd5896, "+zero+"]", "DEBUG", "DIGEST-VALUE", "b", "nosuch")
}

func TestDebugObject(t *testing.T) {
	k := newTalk(t, nil)
	k.do("SET", "n", "20000")
	before := string(k.do("DEBUG", "OBJECT", "n").Str)
	k.do("INCR", "n")
	after := string(k.do("DEBUG", "OBJECT", "n").Str)
	re := regexp.MustCompile(`^Value at:(0x[0-9a-f]+) refcount:1 encoding:int serializedlength:3 lru:\d+ lru_seconds_idle:0$`)
	a, b := re.FindStringSubmatch(before), re.FindStringSubmatch(after)
	if a == nil || b == nil || a[1] != b[1] {
		t.Errorf("%q, then %q", before, after)
	}
}

func TestSleepStopsEveryone(t *testing.T) {
	k := newTalk(t, nil)
	other := k.another()
	var longest time.Duration
	for tries := 0; longest < 200*time.Millisecond; tries++ { // as often as it takes for one to come at the begin of a sleep
		if tries == 20 {
			t.Fatalf("another client has waited for no more than %v", longest)
		}
		k.send("DEBUG", "SLEEP", "0.3")
		for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
			begin := time.Now()
			other.do("PING")
			longest = max(longest, time.Since(begin))
		}
		if got := k.get(); got != "+OK" {
			t.Fatal(got)
		}
	}
}

func TestRewriteAll(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(file, []byte("# kept\nport 0\nsave 900 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := inTemp(t)
	cfg.EnableDebugCommand = config.ProtectYes
	if err := cfg.LoadFile(file); err != nil {
		t.Fatal(err)
	}
	k := newTalk(t, func(c *config.Config) { *c = *cfg })
	k.want("+OK", "CONFIG", "SET", "maxmemory", "100mb", "requirepass", "")
	k.want("+OK", "DEBUG", "CONFIG-REWRITE-FORCE-ALL")
	again := config.Default()
	if err := again.LoadFile(file); err != nil {
		t.Fatal(err)
	}
	for _, row := range config.Reference() {
		a, _ := cfg.Value(row.Name)
		b, ok := again.Value(row.Name)
		if row.Name == "maxmemory" {
			a = "104857600"
		}
		if ok && a != b {
			t.Errorf("%s: %q became %q", row.Name, a, b)
		}
	}
	if text, _ := os.ReadFile(file); !strings.HasPrefix(string(text), "# kept\n") || !strings.Contains(string(text), "\nhz 10\n") {
		t.Errorf("%s", text)
	}
}

// TestGetKeysOfAnything asks for the keys of nonsense.
func TestGetKeysOfAnything(t *testing.T) {
	k := newTalk(t, nil)
	seed := peer.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 0))
	words := []string{"", "0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "store", "get",
		"streams", "keys", "k", "limit", "by", "weights", "\x00", "incrby", "set", "overflow", "match", "ex"}
	for _, s := range k.n.env.Table.Specs() {
		for range 30 {
			args := append([]string{"COMMAND", "GETKEYSANDFLAGS"}, strings.Split(s.Name, "|")...)
			for range rnd.IntN(7) {
				args = append(args, words[rnd.IntN(len(words))])
			}
			if v := k.do(args...); v.Kind != resp.KindArray && !v.IsError() {
				t.Fatalf("%q: %v", args, v)
			}
		}
	}
}

// TestInfoWhileWorking has INFO and others look at everything while commands run.
func TestInfoWhileWorking(t *testing.T) {
	k := newTalk(t, nil)
	done := make(chan struct{})
	for i := range 3 {
		w := k.another()
		go func() {
			defer func() { done <- struct{}{} }()
			for j := range 300 {
				key := fmt.Sprint("k", i, j)
				w.do("SET", key, "v", "PX", fmt.Sprint(1+j%50))
				w.do("GET", key)
			}
		}()
	}
	for range 20 {
		k.do("INFO", "everything")
		k.do("MEMORY", "STATS")
		k.do("LATENCY", "HISTOGRAM")
		k.do("CONFIG", "SET", "maxmemory", "1gb")
		k.do("MEMORY", "PURGE")
	}
	for range 3 {
		<-done
	}
}

// TestTouchOfAClientThatMakesNoUse has TOUCH be a use of a key after CLIENT NO-TOUCH ON.
func TestTouchOfAClientThatMakesNoUse(t *testing.T) {
	k := newTalk(t, nil)
	k.do("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu", "lfu-log-factor", "0")
	k.do("SET", "a", "1")
	k.do("CLIENT", "NO-TOUCH", "ON")
	k.want("5", "OBJECT", "FREQ", "a")
	k.do("GET", "a")
	k.want("5", "OBJECT", "FREQ", "a")
	k.want("1", "TOUCH", "a", "b")
	k.want("6", "OBJECT", "FREQ", "a")
}

// TestHashesWithDeadlinesAreCounted tells of them only where there are any.
func TestHashesWithDeadlinesAreCounted(t *testing.T) {
	k := newTalk(t, nil)
	k.do("HSET", "h", "a", "1", "b", "2")
	k.wantInfo("keys=1,expires=0,avg_ttl=0", "db0")
	k.do("HEXPIRE", "h", "100", "FIELDS", "1", "a")
	k.do("HSET", "i", "a", "1")
	k.do("HEXPIRE", "i", "100", "FIELDS", "1", "a")
	k.wantInfo("keys=2,expires=0,avg_ttl=0,subexpiry=2", "db0")
	k.do("HPERSIST", "h", "FIELDS", "1", "a")
	k.wantInfo("keys=2,expires=0,avg_ttl=0,subexpiry=1", "db0")
}
