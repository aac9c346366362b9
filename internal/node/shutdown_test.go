package node

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
)

// newKeeper is newTalk with an instance that keeps files in its folder.
func newKeeper(t *testing.T, set func(*config.Config)) *talk {
	t.Helper()
	cfg := inTemp(t)
	cfg.RedstartShards = 4
	cfg.EnableDebugCommand, cfg.EnableProtectedConfigs = config.ProtectYes, config.ProtectYes
	if set != nil {
		set(cfg)
	}
	n, err := Open(cfg, nil)
	return talkTo(t, n, err).keeps()
}

// send sends a command whose reply is not waited for.
func (k *talk) send(args ...string) {
	k.t.Helper()
	if _, err := k.nc.Write(resp.AppendCommandString(nil, args...)); err != nil {
		k.t.Fatal(err)
	}
}

// get reads one reply.
func (k *talk) get() string {
	k.t.Helper()
	k.nc.SetReadDeadline(time.Now().Add(time.Minute))
	v, err := resp.ReadValue(k.br, 64, 64<<20)
	if err != nil {
		k.t.Fatal(err)
	}
	return v.String()
}

// silent fails the test when something arrives.
func (k *talk) silent() {
	k.t.Helper()
	k.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if b, err := k.br.ReadByte(); err == nil {
		k.t.Errorf("something that begins with %q arrived", b)
	}
}

// ends wants the end of the instance, with no further byte for the client.
func (k *talk) ends() {
	k.t.Helper()
	select {
	case <-k.n.Done():
	case <-time.After(time.Minute):
		k.t.Fatal("it does not end")
	}
	if err := k.n.Close(); err != nil {
		k.t.Error(err)
	}
	k.nc.SetReadDeadline(time.Now().Add(time.Minute))
	if b, err := k.br.ReadByte(); err == nil {
		k.t.Errorf("a reply that begins with %q", b)
	}
}

func TestShutdownEnds(t *testing.T) {
	k := newTalk(t, nil)
	k.want("-ERR syntax error", "SHUTDOWN", "SAVE", "NOSAVE")
	k.want("-ERR syntax error", "SHUTDOWN", "ABORT", "NOW")
	k.want("-ERR No shutdown in progress.", "SHUTDOWN", "ABORT")
	k.want("+OK", "MULTI")
	k.want("-ERR Command not allowed inside a transaction", "SHUTDOWN", "NOSAVE")
	k.want("+OK", "DISCARD")
	k.want(`"This Redis command is not allowed from script"`, "EVAL", "return redis.pcall('SHUTDOWN')['err']:gsub('ERR ', '')", "0")
	select {
	case <-k.n.Done():
		t.Fatal("over before SHUTDOWN")
	default:
	}
	k.send("SHUTDOWN", "NOSAVE", "NOW")
	k.ends()
}

// replicas stands for replicas that lack something.
type replicas struct{ all, lagging atomic.Int32 }

func (r *replicas) of(n *Node) {
	n.ending.replicas = func() (all, lagging int) { return int(r.all.Load()), int(r.lagging.Load()) }
}

func TestShutdownWaitsForReplicas(t *testing.T) {
	var r replicas
	r.all.Store(2)
	r.lagging.Store(1)
	k := newTalk(t, nil)
	r.of(k.n)
	first, second, writer := k.another(), k.another(), k.another()
	id := strconv.FormatInt(first.do("CLIENT", "ID").Int, 10)
	first.send("SHUTDOWN")
	until(t, "the shutdown is under way", func() bool { return k.info("shutdown_in_milliseconds") != "" })
	second.send("SHUTDOWN", "NOW") // it joins the first
	until(t, "both wait", func() bool { return k.info("blocked_clients") == "2" })
	left, err := strconv.Atoi(k.info("shutdown_in_milliseconds"))
	if err != nil || left > 10000 || left < 5000 {
		t.Errorf("%d ms are left, %v", left, err)
	}
	k.want("nil$", "GET", "k") // readers are served
	writer.send("SET", "k", "v")
	writer.silent()
	first.silent()
	k.want("0", "CLIENT", "UNBLOCK", id)
	k.want("+OK", "SHUTDOWN", "ABORT")
	for _, c := range []*talk{first, second} {
		if got := c.get(); got != "-ERR Errors trying to SHUTDOWN. Check logs." {
			t.Errorf("got %s", got)
		}
	}
	if got := writer.get(); got != "+OK" {
		t.Errorf("the writer got %s", got)
	}
	if got := k.info("shutdown_in_milliseconds"); got != "" {
		t.Errorf("%s ms are left of what was aborted", got)
	}
	k.want("-ERR No shutdown in progress.", "SHUTDOWN", "ABORT")

	first.send("SHUTDOWN", "NOSAVE")
	until(t, "it waits again", func() bool { return k.n.ending.waiting.Load() })
	r.lagging.Store(0)
	first.ends()
}

func TestShutdownWaitsNoLongerThanItMay(t *testing.T) {
	var r replicas
	r.all.Store(1)
	r.lagging.Store(1)
	k := newTalk(t, func(c *config.Config) { c.ShutdownTimeout = 1 })
	r.of(k.n)
	begin := time.Now()
	k.send("SHUTDOWN", "NOSAVE")
	k.ends()
	if took := time.Since(begin); took < time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestShutdownNowWaitsForNobody(t *testing.T) {
	var r replicas
	r.all.Store(1)
	r.lagging.Store(1)
	k := newTalk(t, nil)
	r.of(k.n)
	k.send("SHUTDOWN", "NOW")
	k.ends()
}

// Where the file cannot be written everything goes on, unless FORCE is given.
func TestShutdownThatCannotSave(t *testing.T) {
	k := newKeeper(t, nil)
	if err := os.Mkdir(filepath.Join(k.n.Config.Dir, "dump.rdb"), 0o755); err != nil {
		t.Fatal(err)
	}
	k.want("+OK", "SET", "k", "v")
	k.want("-ERR Errors trying to SHUTDOWN. Check logs.", "SHUTDOWN")
	k.want("-ERR Errors trying to SHUTDOWN. Check logs.", "SHUTDOWN", "SAVE", "NOW")
	k.want("+OK", "SET", "k", "w")
	k.n.AskShutdown(Interrupt)
	until(t, "the signal has failed, too", func() bool { return !k.n.Asked() })
	k.want(`"w"`, "GET", "k")
	k.send("SHUTDOWN", "FORCE")
	k.ends()
	names, err := filepath.Glob(filepath.Join(k.n.Config.Dir, "temp*"))
	if err != nil || len(names) > 0 {
		t.Errorf("%v, %v are left", err, names)
	}
}

func TestShutdownByFirstBase(t *testing.T) {
	k := newKeeper(t, nil)
	k.want("+OK", "SET", "k", "v")
	k.want("+OK", "CONFIG", "SET", "rdb-key-save-delay", "4000000")
	k.want("+OK", "CONFIG", "SET", "appendonly", "yes")
	until(t, "the first base is written", k.n.aof.Rewriting)
	k.want("-ERR Errors trying to SHUTDOWN. Check logs.", "SHUTDOWN", "NOSAVE")
	k.want(`"v"`, "GET", "k")
	k.send("SHUTDOWN", "NOSAVE", "FORCE")
	k.ends()
}

// What SHUTDOWN SAVE has saved is all that anybody was told of.
func TestNothingIsAcknowledgedAfterTheLastSave(t *testing.T) {
	for range 20 {
		k := newKeeper(t, nil)
		done := make(chan int)
		for range 3 {
			w := k.another()
			key := "n" + strconv.FormatInt(w.do("CLIENT", "ID").Int, 10)
			go func() {
				acked := 0
				defer func() { done <- acked }()
				for {
					if _, err := w.nc.Write(resp.AppendCommandString(nil, "RPUSH", key, "x")); err != nil {
						return
					}
					v, err := resp.ReadValue(w.br, 64, 1<<20)
					if err != nil {
						return
					}
					acked = int(v.Int)
				}
			}()
		}
		time.Sleep(2 * time.Millisecond)
		k.send("SHUTDOWN", "SAVE")
		k.ends()
		acked := 0
		for range 3 {
			acked += <-done
		}
		again := newKeeper(t, func(c *config.Config) { c.Dir = k.n.Config.Dir })
		saved := 0
		for _, key := range again.do("KEYS", "*").Elems {
			saved += int(again.do("LLEN", string(key.Str)).Int)
		}
		if saved < acked || saved > acked+3 {
			t.Fatalf("%d were acknowledged and %d are in the file", acked, saved)
		}
		again.n.Close()
	}
}

func TestSignals(t *testing.T) {
	k := newKeeper(t, func(c *config.Config) {
		c.ShutdownOnSigint = config.ShutdownNoSave | config.ShutdownNow
		c.ShutdownOnSigterm = config.ShutdownSave
		c.Save = nil
	})
	file := k.n.persist.File()
	k.want("+OK", "SET", "k", "v")
	k.want("+OK", "DEBUG", "PAUSE-CRON", "1")
	k.n.AskShutdown(Interrupt)
	time.Sleep(30 * time.Millisecond)
	if !k.n.Asked() {
		t.Error("the signal is forgotten")
	}
	k.want("+OK", "SHUTDOWN", "ABORT")
	k.want("-ERR No shutdown in progress.", "SHUTDOWN", "ABORT")
	k.want("+OK", "DEBUG", "PAUSE-CRON", "0")
	time.Sleep(30 * time.Millisecond)
	k.want("+PONG", "PING")
	k.n.AskShutdown(Interrupt)
	k.ends()
	if _, err := os.Stat(file); err == nil {
		t.Error("it has saved all the same")
	}

	k = newKeeper(t, func(c *config.Config) { c.ShutdownOnSigterm, c.Save = config.ShutdownSave, nil })
	file = k.n.persist.File()
	k.n.AskShutdown(Terminate)
	k.ends()
	if _, err := os.Stat(file); err != nil {
		t.Error("it has not saved: ", err)
	}
}

// A signal does not wait for a MIGRATE that waits for the other side. If the end is called off
// others can migrate.
func TestSignalEndsMigrate(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, silentPort, _ := net.SplitHostPort(silent.Addr().String())
	_, port := newListening(t, nil)
	k := newKeeper(t, nil)
	k.want("+OK", "MSET", "a", "1", "b", "2", "c", "3")
	k.want("+OK", "MIGRATE", "127.0.0.1", port, "a", "0", "60000")
	migrate := func() {
		k.send("MIGRATE", "127.0.0.1", silentPort, "b", "0", "600000")
		nc, err := silent.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
	}
	failed := func() {
		if got := k.get(); !strings.HasPrefix(got, "-IOERR ") {
			t.Errorf("MIGRATE replied %s", got)
		}
	}
	k.n.self.cronPaused.Store(true)
	migrate()
	k.n.AskShutdown(Terminate)
	failed()
	k.want("+OK", "SHUTDOWN", "ABORT")
	k.n.self.cronPaused.Store(false)
	k.want("+OK", "MIGRATE", "127.0.0.1", port, "c", "0", "60000")
	migrate()
	k.n.AskShutdown(Terminate)
	failed()
	k.ends()
}

// Neither a signal nor SHUTDOWN NOSAVE waits for a script that never ends, of the file that
// DEBUG LOADAOF loads.
func TestShutdownEndsLoading(t *testing.T) {
	testEndOfLoading(t, func(k *talk) { k.n.AskShutdown(Terminate) })
	testEndOfLoading(t, func(k *talk) { k.another().send("SHUTDOWN", "NOSAVE") })
}

func testEndOfLoading(t *testing.T, end func(*talk)) {
	t.Helper()
	k := newKeeper(t, func(c *config.Config) { c.AppendOnly, c.BusyReplyThreshold = true, 1 })
	k.want("+OK", "SET", "k", "v")
	names, err := filepath.Glob(filepath.Join(k.n.Config.Path(k.n.Config.AppendDirname), "*.incr.aof"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	f, err := os.OpenFile(names[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(resp.AppendCommandString(nil, "EVAL", "while true do end", "0"))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	k.another().send("DEBUG", "LOADAOF") // which may still be replied to
	until(t, "the script runs", func() bool { return k.n.Exec.RunningScript() != nil })
	end(k)
	k.ends()
}

// A save that is given up must not replace the newer file of the one that comes after.
func TestSaveBesideTheLast(t *testing.T) {
	k := newKeeper(t, nil)
	for i := range 20 {
		k.want("+OK", "SET", "k"+strconv.Itoa(i), "old")
	}
	k.want("+OK", "CONFIG", "SET", "rdb-key-save-delay", "20000")
	k.want("+Background saving started", "BGSAVE")
	k.want("+OK", "CONFIG", "SET", "rdb-key-save-delay", "0")
	k.want("+OK", "SET", "k0", "new")
	k.send("SHUTDOWN", "SAVE")
	k.ends()
	names, err := os.ReadDir(k.n.Config.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		if strings.HasPrefix(e.Name(), "temp") {
			t.Errorf("%s is left", e.Name())
		}
	}
	again := newKeeper(t, func(c *config.Config) { c.Dir = k.n.Config.Dir })
	again.want(`"new"`, "GET", "k0")
}
