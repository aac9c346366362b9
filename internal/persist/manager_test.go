package persist

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/snapshot"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/vfs"
)

// instance is as much of one as a Manager needs. It implements Host.
type instance struct {
	t       *testing.T
	st      *store.Store
	m       *Manager
	fs      *vfs.Faulty
	changes uint64
	refuses bool         // writes
	delay   atomic.Int64 // of a key that is saved, nanoseconds
}

func newInstance(t *testing.T) *instance {
	cfg := config.Default()
	cfg.Dir = t.TempDir()
	i := &instance{t: t, st: newStore(t), fs: &vfs.Faulty{FS: vfs.OS{}}}
	i.m = New(i, i.st, cfg, clock.New(), slog.New(slog.DiscardHandler))
	i.m.FS = i.fs
	i.m.Enable()
	t.Cleanup(i.m.Close)
	return i
}

func newStore(t testing.TB) *store.Store {
	st, err := store.New(store.Options{Shards: 2, Databases: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func (i *instance) Frozen(f func()) {
	i.st.Lock(i.st.All())
	defer i.st.Unlock(i.st.All())
	f()
}
func (i *instance) Changes() uint64          { return i.changes }
func (i *instance) ListPlain() int           { return 0 }
func (i *instance) SaveDelay() time.Duration { return time.Duration(i.delay.Load()) }
func (i *instance) UsedMemory() uint64       { return 1 << 20 }
func (i *instance) Functions() [][]byte      { return nil }
func (i *instance) SavesFail(fail bool)      { i.refuses = fail }
func (i *instance) Claim(dir, name string) (func(), error) {
	l, err := i.fs.Lock(LockName(dir, name), true)
	if err != nil {
		return nil, err
	}
	return func() { l.Close() }, nil
}
func (i *instance) ServerVersion() string { return "7.0.15" }
func (i *instance) Snapshot(compress bool, access snapshot.Access) (Snapshot, error) {
	s, err := snapshot.Begin(i.st, snapshot.Options{Compress: compress, Access: access})
	if err != nil {
		return nil, ErrBusy
	}
	return s, nil
}

func (i *instance) set(key, value string) {
	i.Frozen(func() { put(i.st, key, value) })
	i.changes++
}

// put stores a string; all shards are locked.
func put(st *store.Store, key, value string) {
	k := st.Key([]byte(key))
	ks := st.ShardOf(k.H).DB(0)
	ks.SetText(k, ks.Find(k), []byte(value), 0)
}

// save saves in the foreground or the background, and gives the error, or one.
func (i *instance) save(background bool) (err error) {
	if !background {
		i.Frozen(func() { err = i.m.Save() })
		return err
	}
	i.Frozen(func() { _, err = i.m.BackgroundSave(false, false) })
	i.m.wg.Wait()
	if err == nil && i.m.Status().Failed {
		err = errors.New("the background save failed")
	}
	return err
}

// loaded gives the value of a key in the file.
func (i *instance) loaded(key string) string {
	i.t.Helper()
	b, err := os.ReadFile(i.m.File())
	if err != nil {
		i.t.Fatal(err)
	}
	st := newStore(i.t)
	l := Loader{Store: st, Limits: serial.LimitsOf(i.m.cfg, 0), CheckSum: true}
	if _, err := l.Load(b); err != nil {
		i.t.Fatalf("the file cannot be loaded: %v", err)
	}
	k := st.Key([]byte(key))
	sh := st.ShardOf(k.H)
	sh.Lock()
	defer sh.Unlock()
	return string(sh.DB(0).Find(k).Bytes(nil))
}

// TestEachOperationFailsOnce has each operation on files fail in turn: a save says so,
// writes are refused when it was one in the background, what is left loads, and the next
// save mends everything.
func TestEachOperationFailsOnce(t *testing.T) {
	for _, background := range []bool{false, true} {
		t.Run(fmt.Sprintf("background=%v", background), func(t *testing.T) { failEach(t, background) })
	}
}

func failEach(t *testing.T, background bool) {
	i := newInstance(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 3<<20) // so that there are several writes, and a sync between them
	for at := range noise {
		noise[at] = byte(rnd.Uint32())
	}
	i.set("noise", string(noise))
	i.set("more", string(noise))
	i.set("k", "value 0")
	if err := i.save(background); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		old, now := fmt.Sprint("value ", n-1), fmt.Sprint("value ", n)
		i.set("k", now)
		fail, reached := vfs.FailNth(n, func(op vfs.Op, _ string) bool { return op != vfs.OpRemove })
		i.fs.Set(fail)
		err := i.save(background)
		i.fs.Set(nil)
		if reached() < n {
			if err != nil || i.loaded("k") != now {
				t.Fatalf("without a fault: %v", err)
			}
			if n < 8 { // create, writes, syncs, close, rename, sync of the folder
				t.Fatalf("only %d operations", n-1)
			}
			return
		}
		if err == nil || background != i.m.Status().Failed || background != i.refuses {
			t.Fatalf("operation %d failed: error %v, status %+v, writes refused: %v", n, err, i.m.Status(), i.refuses)
		}
		if i.m.Unsaved(i.changes) == 0 {
			t.Fatalf("operation %d failed, and all changes count as saved", n)
		}
		// The new one is right if only the sync of the folder failed.
		if got := i.loaded("k"); got != old && got != now {
			t.Fatalf("operation %d failed, and the file has %q", n, got)
		}
		left, err := filepath.Glob(filepath.Join(i.m.cfg.Dir, "temp-*"))
		if err != nil || len(left) > 0 {
			t.Fatalf("operation %d failed and left %q: %v", n, left, err)
		}
		if err := i.save(background); err != nil || i.refuses || i.m.Unsaved(i.changes) != 0 {
			t.Fatalf("after the fault: %v, writes refused: %v", err, i.refuses)
		}
	}
}

func TestCancelLeavesTheOldFile(t *testing.T) {
	i := newInstance(t)
	i.set("k", "old")
	if err := i.save(false); err != nil {
		t.Fatal(err)
	}
	i.delay.Store(int64(time.Minute))
	i.set("k", "new")
	i.Frozen(func() {
		if _, err := i.m.BackgroundSave(false, false); err != nil {
			t.Error(err)
		}
		if _, err := i.m.BackgroundSave(false, false); !errors.Is(err, ErrSaving) {
			t.Errorf("a second one: %v", err)
		}
		if err := i.m.Save(); !errors.Is(err, ErrSaving) {
			t.Errorf("SAVE beside it: %v", err)
		}
	})
	i.m.Cancel()
	i.m.wg.Wait()
	if s := i.m.Status(); s.Failed || s.InProgress || i.refuses || i.m.Unsaved(i.changes) != 1 {
		t.Errorf("%+v, %d changes not saved", s, i.m.Unsaved(i.changes))
	}
	if got := i.loaded("k"); got != "old" {
		t.Errorf("the file has %q", got)
	}
}

// saveSlowly begins a background save of a key, which waits for an hour or until the delay changes.
func (i *instance) saveSlowly(t *testing.T) {
	t.Helper()
	i.set("k", "v")
	i.delay.Store(int64(time.Hour))
	i.Frozen(func() {
		if _, err := i.m.BackgroundSave(false, false); err != nil {
			t.Error(err)
		}
	})
}

// A save that waits for its keys goes on when it is not to wait any longer.
func TestDelayChangesMeanwhile(t *testing.T) {
	i := newInstance(t)
	i.saveSlowly(t)
	time.Sleep(2 * slowStep)
	if s := i.m.Status(); !s.InProgress {
		t.Errorf("it has not waited: %+v", s)
	}
	i.delay.Store(0)
	i.m.wg.Wait()
	if s := i.m.Status(); s.Failed || s.InProgress {
		t.Errorf("%+v", s)
	}
	if got := i.loaded("k"); got != "v" {
		t.Errorf("the file has %q", got)
	}
}

func TestWithoutFilesNothingIsSaved(t *testing.T) {
	i := newInstance(t)
	i.m = New(i, i.st, i.m.cfg, clock.New(), slog.New(slog.DiscardHandler))
	i.set("k", "v")
	i.Frozen(func() {
		if err := i.m.Save(); !errors.Is(err, ErrNoFiles) {
			t.Error(err)
		}
		if _, err := i.m.BackgroundSave(true, false); !errors.Is(err, ErrNoFiles) {
			t.Error(err)
		}
		i.m.Flushed(0)
	})
	if names, err := vfs.OS.List(vfs.OS{}, i.m.cfg.Dir); err != nil || len(names) > 0 {
		t.Error(names, err)
	}
}

// TestLoadRefuses has files that must not be loaded.
func TestLoadRefuses(t *testing.T) {
	files := checkFiles()
	for name, want := range map[string]string{
		"twice": "duplicated key", "module": "module", "functions": "pre-release", "wrong sum": "CRC error",
		"cut": "unexpected end", "type 99": "unknown type", "version 99": "version 0099", "empty": "signature",
	} {
		l := Loader{Store: newStore(t), Limits: serial.LimitsOf(config.Default(), 0), CheckSum: true,
			Function: func([]byte) error { return nil }}
		if _, err := l.Load(files[name]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := Loader{Store: newStore(t), Limits: serial.LimitsOf(config.Default(), 0), CheckSum: true, Now: 1 << 34,
		Function: func(code []byte) error {
			if !bytes.HasPrefix(code, []byte("#!lua name=lib")) {
				t.Errorf("a library is %q", code)
			}
			return nil
		}}
	if res, err := l.Load(files["more behind"]); err != nil || res != (Loaded{Keys: 3, Expired: 1, Size: len(files["sound"])}) {
		t.Error(res, err)
	}
}

// FuzzLoad loads anything: it must end, and what it has taken up must survive being
// saved and loaded again. The tool that checks files must agree.
func FuzzLoad(f *testing.F) {
	for _, b := range checkFiles() {
		f.Add(b)
	}
	f.Add([]byte("REDIS0001\x02\x00\x00\xff")) // a set without members
	st, err := store.New(store.Options{Shards: 1, Databases: 16})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { st.Close() })
	lim := serial.LimitsOf(config.Default(), 0)
	function := func([]byte) error { return nil }
	f.Fuzz(func(t *testing.T, b []byte) {
		st.Lock(st.All())
		defer st.Unlock(st.All())
		empty(st)
		l := Loader{Store: st, Limits: lim, Held: true, CheckSum: true, Function: function}
		res, err := l.Load(b)
		c := Checker{Out: new(bytes.Buffer)}
		// As with Redis, collections without elements are left out by a start, and wrong to
		// the check.
		if _, ok := c.check("file", b); err == nil && ok != (res.Empty == 0) {
			t.Fatalf("loaded %+v, but: %s", res, c.Out)
		}
		if err != nil {
			return
		}
		out := AppendAll(nil, st)
		empty(st)
		again, err := l.Load(out)
		if err != nil || again.Keys != res.Keys {
			t.Fatalf("%+v, saved and loaded %+v: %v", res, again, err)
		}
	})
}

func empty(st *store.Store) {
	for db := range st.Databases() {
		st.Flush(db)
	}
}

// AppendAll appends a file of what the store has; all shards are locked.
func AppendAll(dst []byte, st *store.Store) []byte {
	src := Held(st, true, snapshot.NoAccess)
	h := Header{Version: "7.0.15"}
	b, done := h.append(nil, rdb.Version), false
	for !done {
		b, done = src.Next(b)
	}
	copy(b, fmt.Appendf(nil, "REDIS%04d", src.Version()))
	return append(dst, summed(append(b, 0xff))...)
}

// A save that is made to fail is one that failed; the next one makes up for it.
func TestBreakFailsASave(t *testing.T) {
	i := newInstance(t)
	i.saveSlowly(t)
	i.m.Break()
	i.m.wg.Wait()
	if s := i.m.Status(); !s.Failed || s.InProgress || s.Saves != 1 || !i.refuses {
		t.Errorf("%+v, writes are refused: %t", s, i.refuses)
	}
	i.m.Break() // there is nothing to break
	i.delay.Store(0)
	if err := i.save(true); err != nil || i.refuses {
		t.Errorf("%v, writes are refused: %t", err, i.refuses)
	}
}

// What was written so far is gone when the instance ends, whether or not whoever writes it
// has noticed.
func TestEndRemovesWhatIsWritten(t *testing.T) {
	i := newInstance(t)
	i.set("k", "v")
	i.delay.Store(int64(time.Hour))
	i.Frozen(func() {
		if _, err := i.m.BackgroundSave(false, false); err != nil {
			t.Error(err)
		}
		i.m.mu.Lock()
		temp := i.m.job.temp
		i.m.mu.Unlock()
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(temp); err == nil {
				break
			} else if time.Now().After(end) {
				t.Fatal(err)
			}
		}
		i.m.End()
		if _, err := os.Stat(temp); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file is still there: %v", err)
		}
	})
	i.m.wg.Wait()
	if _, err := os.Stat(i.m.File()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

// Within a transaction a save is scheduled: a snapshot of its middle would be of no moment.
func TestSaveIsScheduledForLater(t *testing.T) {
	i := newInstance(t)
	i.set("k", "v")
	i.Frozen(func() {
		if scheduled, err := i.m.BackgroundSave(false, true); !scheduled || err != nil || i.m.Status().InProgress {
			t.Errorf("%t, %v, in progress: %t", scheduled, err, i.m.Status().InProgress)
		}
	})
	i.m.Tick(i.changes)
	i.m.wg.Wait()
	if got := i.loaded("k"); got != "v" {
		t.Errorf("the file has %q", got)
	}
}
