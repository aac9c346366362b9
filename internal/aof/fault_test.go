package aof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/vfs"
)

// data is a data set of strings, as a target and as a source.
type data struct {
	mu   sync.Mutex
	keys map[string]string
}

// Run implements Target for SET and what stands around it.
func (d *data) Run(cmds [][][]byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range cmds {
		switch name := string(c[0]); {
		case name == "SET" && len(c) == 3:
			d.keys[string(c[1])] = string(c[2])
		case name != "SELECT" && name != "MULTI" && name != "EXEC":
			return i, fmt.Errorf("Unknown command '%s'", name)
		}
	}
	return len(cmds), nil
}

func (d *data) RDB([]byte) (int, error) { return 0, errors.New("no RDB here") }

// source gives the data as it is now.
func (d *data) source() Source {
	d.mu.Lock()
	defer d.mu.Unlock()
	keys := maps.Clone(d.keys)
	return func(f vfs.File, s *Settings, stop func() bool) error {
		w := NewBaseWriter(f, s.Sync, stop)
		for k, v := range keys {
			if _, err := io.WriteString(w, cmd("SET", k, v)); err != nil {
				return err
			}
		}
		return w.Finish()
	}
}

// voice is a logger that remembers whether anything was said.
type voice struct{ warnings atomic.Int64 }

func (v *voice) Enabled(context.Context, slog.Level) bool { return true }
func (v *voice) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		v.warnings.Add(1)
	}
	return nil
}
func (v *voice) WithAttrs([]slog.Attr) slog.Handler { return v }
func (v *voice) WithGroup(string) slog.Handler      { return v }

// instance is a server reduced to its append only file.
type instance struct {
	t       *testing.T
	a       *AOF
	oplog   *oplog.Log
	voice   *voice
	data    data
	acked   map[string]string // what a client was told is on disk
	fatal   atomic.Bool
	failing atomic.Bool
	sets    int
}

func open(t *testing.T, fs vfs.FS, dir string, p Policy, change func(*Settings)) *instance {
	in := &instance{t: t, oplog: new(oplog.Log), voice: new(voice), acked: map[string]string{}}
	in.data.keys = map[string]string{}
	s := Settings{Dir: dir, Sub: "aof", Prefix: "appendonly.aof", LoadCut: true, Sync: true}
	if change != nil {
		change(&s)
	}
	in.a = New(fs, slog.New(in.voice), clock.New(), func() Settings { return s }, Events{
		Synced:  func() {},
		Failing: func(err error) { in.failing.Store(err != nil) },
		Fatal:   func(error) { in.fatal.Store(true) },
	})
	in.a.SetPolicy(p)
	return in
}

// start loads and goes on.
func (in *instance) start() error {
	err := in.a.ReadManifest()
	if err == nil {
		_, err = in.a.Load(&in.data, new(stats.Progress))
	}
	if err == nil {
		err = in.a.Start(in.data.source(), in.oplog.Offset())
	}
	if err == nil {
		in.oplog.Attach(in.a)
	}
	return err
}

// set is a client's SET: it tells whether it was acknowledged.
func (in *instance) set(k, v string) bool {
	if in.failing.Load() || in.fatal.Load() {
		return false // MISCONF
	}
	in.data.mu.Lock()
	in.data.keys[k] = v
	in.data.mu.Unlock()
	in.oplog.Add(oplog.Effect{Count: 1, Cmds: []byte(cmd("SET", k, v))})
	mark := in.a.Mark()
	if in.sets++; mark != 0 && in.sets%2 == 0 {
		in.press(mark) // as an event loop does
	}
	if mark != 0 && !in.a.Wait(mark) {
		return false
	}
	in.acked[k] = v
	return true
}

// press does what an event loop does to have a mark reached, and no more if it takes
// long.
func (in *instance) press(mark uint64) {
	pressed := false
	for end := time.Now().Add(time.Second); !in.a.Reached(mark) && !in.fatal.Load() && time.Now().Before(end); {
		if !pressed {
			pressed, _ = in.a.Press()
		}
		in.a.Landed()
		runtime.Gosched()
	}
}

func (in *instance) rewrite() error {
	r, err := in.a.Reserve()
	if err != nil {
		return err
	}
	if err := r.Begin(); err != nil {
		return err
	}
	source := in.data.source()
	r.Turn(in.oplog.Offset())
	in.set("during", strconv.Itoa(len(in.acked)))
	return r.Write(source)
}

func (in *instance) close() error {
	in.oplog.Detach(in.a)
	err := in.a.Stop()
	in.a.Close()
	return err
}

// session is what happens in a test: it tells whether all went well.
func (in *instance) session() bool {
	ok := in.start() == nil
	if !ok {
		in.a.Close()
		return false
	}
	for round := range 3 {
		for i := range 5 {
			ok = in.set(fmt.Sprint("k", i), fmt.Sprint(round, "-", i)) && ok
		}
		ok = in.rewrite() == nil && ok
	}
	// What failed once works again when it is tried again.
	in.a.everySecond()
	in.a.everySecond()
	if in.failing.Load() && !in.fatal.Load() {
		in.t.Error("writes are refused although the disk works again")
	}
	ok = in.set("last", "1") && ok
	return in.close() == nil && ok
}

// TestEveryOperationFails has each operation on the files fail once. Whatever it is,
// somebody is told, and what was acknowledged is there after the next start.
func TestEveryOperationFails(t *testing.T) {
	for _, p := range []Policy{Always, Everysec, No} {
		for n := 1; ; n++ {
			dir := t.TempDir()
			fail, reached := vfs.FailNth(n, nil)
			failed := ""
			faulty := &vfs.Faulty{FS: vfs.OS{}, Fail: func(op vfs.Op, name string) error {
				err := fail(op, name)
				if err != nil {
					failed = err.Error()
				}
				return err
			}}
			in := open(t, faulty, dir, p, nil)
			ok := in.session()
			if reached() < n {
				if !ok {
					t.Fatalf("policy %d: something went wrong without a fault", p)
				}
				t.Logf("policy %d: %d operations", p, reached())
				break
			}
			if ok && in.voice.warnings.Load() == 0 && !harmless(failed) {
				t.Errorf("policy %d, %s: nobody was told", p, failed)
			}
			again := open(t, vfs.OS{}, dir, p, nil)
			if err := again.start(); err != nil {
				t.Errorf("policy %d, %s: the next start fails: %v", p, failed, err)
				again.a.Close()
				continue
			}
			for k, v := range in.acked {
				// What was not acknowledged may be there or not.
				if got := again.data.keys[k]; got != v && got != in.data.keys[k] {
					t.Errorf("policy %d, %s: %s is %q, want %q", p, failed, k, got, v)
				}
			}
			again.close()
		}
	}
}

// harmless tells whether an operation may fail without a word: what it was to do is
// done some other time, or is only for statistics.
func harmless(failed string) bool {
	for _, op := range []vfs.Op{vfs.OpStat, vfs.OpList, vfs.OpClose} {
		if len(failed) > len(op) && failed[:len(op)] == string(op) {
			return true
		}
	}
	return false
}

// TestDiskFullFor has all writes fail for a while.
func TestDiskFullFor(t *testing.T) {
	dir := t.TempDir()
	faulty := &vfs.Faulty{FS: vfs.OS{}}
	in := open(t, faulty, dir, Everysec, nil)
	if err := in.start(); err != nil {
		t.Fatal(err)
	}
	in.set("a", "1")
	faulty.Set(func(op vfs.Op, name string) error {
		if op == vfs.OpWrite {
			return vfs.ErrInjected
		}
		return nil
	})
	in.set("b", "2") // found out with this one
	if in.set("c", "3") || !in.failing.Load() {
		t.Error("a write is taken although the disk is full")
	}
	if err := in.rewrite(); err == nil {
		t.Error("a rewrite succeeds although the disk is full")
	}
	if info := in.a.Info(); !info.Failing || info.Stats.LastOK {
		t.Errorf("INFO tells nothing: %+v", info)
	}
	faulty.Set(nil)
	in.a.everySecond()
	if in.failing.Load() {
		t.Error("writes are refused although there is room again")
	}
	in.set("d", "4")
	in.close()
	again := open(t, vfs.OS{}, dir, Everysec, nil)
	if err := again.start(); err != nil {
		t.Fatal(err)
	}
	defer again.close()
	if fmt.Sprint(again.data.keys) != fmt.Sprint(in.data.keys) {
		t.Errorf("after the next start there is %v, want %v", again.data.keys, in.data.keys)
	}
}

// TestGroupCommit has many clients write with Always.
func TestGroupCommit(t *testing.T) {
	in := open(t, vfs.OS{}, t.TempDir(), Always, nil)
	if err := in.start(); err != nil {
		t.Fatal(err)
	}
	defer in.close()
	var wg sync.WaitGroup
	begin := time.Now()
	for c := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 20 {
				end := in.oplog.Add(oplog.Effect{Count: 1, Cmds: []byte(cmd("SET", fmt.Sprint("c", c), fmt.Sprint(i)))})
				if mark := in.a.Mark(); mark != 0 && !in.a.Wait(mark) {
					t.Error("it is never on disk")
				}
				if !in.a.Has(end, nil) {
					t.Error("Wait came back before it was on disk")
				}
			}
		}()
	}
	wg.Wait()
	t.Logf("400 writes in %v", time.Since(begin))
}
