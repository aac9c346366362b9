package node

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/persist"
	"github.com/redstart-db/redstart/internal/vfs"
)

// keeperOn is newKeeper with an append only file in a file system.
func keeperOn(t *testing.T, fs vfs.FS, cfg *config.Config) *talk {
	t.Helper()
	cfg.AppendOnly = true
	cfg.RedstartShards = 4
	n, err := open(cfg, nil, 1, 0, fs)
	return talkTo(t, n, err).keeps()
}

// While the disk is full writes are refused, and reads are not; when there is room again
// writes go on, and what was acknowledged is there after a start.
func TestAppendFileOnAFullDisk(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpWrite, vfs.OpSync} {
		t.Run(string(op), func(t *testing.T) {
			cfg := inTemp(t)
			fs := &vfs.Faulty{FS: vfs.OS{}}
			k := keeperOn(t, fs, cfg)
			k.want("+OK", "SET", "k", "before")
			fs.Set(func(o vfs.Op, name string) error {
				if o == op && strings.Contains(name, ".incr.") {
					return syscall.ENOSPC
				}
				return nil
			})
			k.do("SET", "k", "while") // this one is told of, as everysec does not promise more
			until(t, "writes are refused", func() bool { return strings.HasPrefix(string(k.do("SET", "x", "1").Str), "MISCONF") })
			k.want("-MISCONF Errors writing to the AOF file: No space left on device", "INCR", "n")
			k.want(`"MISCONF Errors writing to the AOF file: No space left on device"`, "EVAL", "return redis.pcall('SET', 'x', 1)['err']", "0")
			k.want(`"while"`, "GET", "k")
			k.wantInfo("err", "aof_last_write_status")
			fs.Set(nil)
			until(t, "writes go on", func() bool { return string(k.do("SET", "after", "1").Str) == "OK" })
			k.wantInfo("ok", "aof_last_write_status")
			k.want("nil$", "GET", "n")
			if err := k.n.Close(); err != nil {
				t.Fatal(err)
			}
			k = keeperOn(t, vfs.OS{}, cfg)
			k.want(`"while"`, "GET", "k")
			k.want(`"1"`, "GET", "after")
			k.want("nil$", "GET", "n")
		})
	}
}

// WAITAOF waits for the disk; what it told of is there although the process ends.
func TestWaitForTheAppendFile(t *testing.T) {
	none := newKeeper(t, nil)
	none.want("-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.", "WAITAOF", "1", "0", "0")
	none.want("[0, 0]", "WAITAOF", "0", "0", "0")
	for _, policy := range []config.AppendFsync{config.FsyncAlways, config.FsyncEverysec} {
		cfg := inTemp(t)
		cfg.AppendFsync = policy
		fs := &vfs.Faulty{FS: vfs.OS{}}
		k := keeperOn(t, fs, cfg)
		k.want("+OK", "SET", "k", "v")
		k.want("[1, 0]", "WAITAOF", "1", "0", "0")
		k.want("-ERR value is out of range, must be between 0 and 1", "WAITAOF", "2", "0", "0")
		k.want("[1, 0]", "WAITAOF", "1", "1", "10") // there is no replica
		if policy == config.FsyncAlways {
			continue
		}
		failing := func(o vfs.Op, name string) error {
			if o == vfs.OpSync {
				return syscall.EIO
			}
			return nil
		}
		fs.Set(failing)
		k.want("+OK", "SET", "k", "w")
		k.want("[0, 0]", "WAITAOF", "1", "0", "50")
		k.want("+OK", "MULTI")
		k.want("+QUEUED", "WAITAOF", "1", "0", "0")
		k.want("[[0, 0]]", "EXEC")
		other := k.another()
		other.send("WAITAOF", "1", "0", "0")
		if got := other.get(); got != "[1, 0]" { // it has written nothing
			t.Errorf("another client: %s", got)
		}
		k.send("WAITAOF", "1", "0", "0")
		k.silent()
		fs.Set(nil)
		if got := k.get(); got != "[1, 0]" {
			t.Errorf("when the disk is well again: %s", got)
		}

		// Who waits for a replica in vain is told how things are in the end, not how they
		// were when it began.
		fs.Set(failing)
		k.want("+OK", "SET", "k", "x")
		id := fmt.Sprint(k.do("CLIENT", "ID").Int)
		k.send("WAITAOF", "1", "1", "0")
		k.silent()
		fs.Set(nil)
		other.want("+OK", "SET", "k", "y")
		other.want("[1, 0]", "WAITAOF", "1", "0", "0")
		other.want("1", "CLIENT", "UNBLOCK", id)
		if got := k.get(); got != "[1, 0]" {
			t.Errorf("after waiting for a replica: %s", got)
		}
	}
}

// DEBUG LOADAOF begins with no functions, as with no keys: those of the base and those
// that were loaded since come from the file.
func TestAppendFileLoadedAgain(t *testing.T) {
	cfg := inTemp(t)
	cfg.EnableDebugCommand = config.ProtectYes
	k := keeperOn(t, vfs.OS{}, cfg)
	library := func(name, value string) string {
		return "#!lua name=" + name + "\nredis.register_function('" + name + "', function() return " + value + " end)"
	}
	k.want(`"one"`, "FUNCTION", "LOAD", library("one", "1"))
	k.do("SET", "k", "v")
	k.do("BGREWRITEAOF")
	until(t, "the file is rewritten", func() bool {
		return k.info("aof_rewrite_in_progress") == "0" && k.info("aof_rewrite_scheduled") == "0"
	})
	k.want(`"two"`, "FUNCTION", "LOAD", library("two", "2"))
	for range 2 {
		k.want("+OK", "DEBUG", "LOADAOF")
		k.want("1", "FCALL", "one", "0")
		k.want("2", "FCALL", "two", "0")
		k.want(`"v"`, "GET", "k")
	}
	k.do("FUNCTION", "DELETE", "one")
	k.want("+OK", "DEBUG", "LOADAOF")
	k.want("-ERR Function not found", "FCALL", "one", "0")
}

// What is acknowledged after DEBUG RELOAD NOSAVE is as durable as ever: the new base that it
// needs is there before. Where that cannot be written at once, and in a transaction, a rewrite
// makes it.
func TestAppendFileAfterReload(t *testing.T) {
	for _, how := range []string{"at once", "after a failure", "in a transaction"} {
		cfg := inTemp(t)
		cfg.EnableDebugCommand, cfg.AppendFsync = config.ProtectYes, config.FsyncAlways
		fs := &vfs.Faulty{FS: vfs.OS{}}
		k := keeperOn(t, fs, cfg)
		k.want("+OK", "SET", "k", "old")
		k.want("+OK", "SAVE")
		k.want("+OK", "SET", "k", "new")
		refused := "temp-rewriteaof-bg"
		if how != "at once" {
			refused = "temp-rewriteaof-start"
		}
		fs.Set(func(o vfs.Op, name string) error {
			if o == vfs.OpCreate && strings.Contains(name, refused) {
				return syscall.EIO
			}
			return nil
		})
		begun := k.info("aof_rewrites")
		if how == "in a transaction" {
			k.want("+OK", "MULTI")
			k.want("+QUEUED", "SET", "k", "between")
			k.want("+QUEUED", "DEBUG", "RELOAD", "NOSAVE")
			k.want("[+OK, +OK]", "EXEC")
		} else {
			k.want("+OK", "DEBUG", "RELOAD", "NOSAVE")
		}
		if how != "at once" {
			until(t, "the file is rewritten", func() bool {
				return k.info("aof_rewrites") != begun && k.info("aof_rewrite_in_progress") == "0" && k.info("aof_rewrite_scheduled") == "0"
			})
		}
		k.want("+OK", "SET", "x", "1")
		// What the process would leave behind if it was killed now.
		left := inTemp(t)
		if err := os.CopyFS(left.Dir, os.DirFS(cfg.Dir)); err != nil {
			t.Fatal(err)
		}
		after := keeperOn(t, vfs.OS{}, left)
		for _, k := range []*talk{k, after} {
			k.want(`"old"`, "GET", "k")
			k.want(`"1"`, "GET", "x")
		}
	}
}

// A rewrite that meets a snapshot under way waits for its end, which is no failure.
func TestRewriteWaitsForASnapshot(t *testing.T) {
	k := keeperOn(t, vfs.OS{}, inTemp(t))
	var snap persist.Snapshot
	k.n.stopped(func() {
		var err error
		if snap, err = (files{k.n}).Snapshot(false, 0); err != nil {
			t.Fatal(err)
		}
	})
	for range 2 {
		k.do("BGREWRITEAOF")
		until(t, "it waits", func() bool {
			return k.info("aof_rewrite_in_progress") == "0" && k.info("aof_rewrite_scheduled") == "1"
		})
	}
	snap.Close()
	until(t, "the file is rewritten", func() bool {
		if got := k.info("aof_last_bgrewrite_status") + k.info("aof_rewrites_consecutive_failures"); got != "ok0" {
			t.Fatal(got)
		}
		return k.info("aof_rewrites") == "1" && k.info("aof_rewrite_in_progress") == "0" && k.info("aof_rewrite_scheduled") == "0"
	})
}

// A key that the base of the file has with a deadline, and that was made to last since,
// is there after a start at a time behind that deadline.
func TestAppendFileBaseKeepsWhatLastsLonger(t *testing.T) {
	cfg := inTemp(t)
	k := keeperOn(t, vfs.OS{}, cfg)
	var deadline time.Time
	for ttl := 100 * time.Millisecond; ; ttl *= 2 {
		ms := strconv.Itoa(int(ttl / time.Millisecond))
		deadline = time.Now().Add(ttl)
		k.do("SET", "lasts", "1", "PX", ms)
		k.do("SET", "ends", "1", "PX", ms)
		k.do("BGREWRITEAOF")
		until(t, "the file is rewritten", func() bool {
			return k.info("aof_rewrite_in_progress") == "0" && k.info("aof_rewrite_scheduled") == "0"
		})
		if k.do("PERSIST", "lasts").Int == 1 {
			break // in time
		}
	}
	time.Sleep(time.Until(deadline) + 10*time.Millisecond)
	if err := k.n.Close(); err != nil {
		t.Fatal(err)
	}
	k = keeperOn(t, vfs.OS{}, cfg)
	k.want(`"1"`, "GET", "lasts")
	k.want("-1", "TTL", "lasts")
	k.want("nil$", "GET", "ends")
}

// DEBUG is let through while data is loaded, but not what would load other data beside it.
func TestLoadsDoNotMix(t *testing.T) {
	cfg := inTemp(t)
	cfg.EnableDebugCommand = config.ProtectYes
	k := keeperOn(t, vfs.OS{}, cfg)
	k.want("+OK", "SET", "k", "v")
	k.n.stopped(k.n.Exec.BeginLoading)
	k.want("-LOADING Redis is loading the dataset in memory", "DEBUG", "LOADAOF")
	k.want("-LOADING Redis is loading the dataset in memory", "DEBUG", "RELOAD")
	k.n.stopped(k.n.Exec.EndLoading)
	k.want(`"v"`, "GET", "k")
}

// While data is loaded nothing changes it but what is loaded, and its files stay as they
// are: whatever was queued before, waits for a key, or is due.
func TestLoadingIsLeftAlone(t *testing.T) {
	k := newKeeper(t, func(c *config.Config) { c.AppendOnly = true })
	waiting, queued := k.another(), k.another()
	queued.want("+OK", "MULTI")
	queued.want("+QUEUED", "SET", "k", "v")
	waiting.send("BLPOP", "l", "0")
	until(t, "one waits", func() bool { return k.info("blocked_clients") == "1" })
	k.n.stopped(k.n.Exec.BeginLoading)
	queued.want("-EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory", "EXEC")
	r := k.n.Exec.NewReplay()
	if _, err := r.Run([][][]byte{{[]byte("RPUSH"), []byte("l"), []byte("1"), []byte("2")}}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	queued.want("+OK", "WATCH", "l") // which holds the shard
	time.Sleep(2 * expireTick)
	k.want("-LOADING Redis is loading the dataset in memory", "CONFIG", "SET", "appendonly", "yes")
	k.want("+OK", "CONFIG", "SET", "aof-disable-auto-gc", "yes")
	k.n.aof.Schedule()
	time.Sleep(2 * sampleTick)
	k.wantInfo("1", "aof_rewrite_scheduled")
	k.n.stopped(func() {
		if n := k.n.store.Len(0); n != 1 {
			t.Errorf("%d keys", n)
		}
		k.n.Exec.EndLoading()
	})
	if got := waiting.get(); got != `["l", "1"]` {
		t.Errorf("who waited: %s", got)
	}
	k.want(`["2"]`, "LRANGE", "l", "0", "-1")
}
