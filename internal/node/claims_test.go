package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/vfs"
)

// keeper starts an instance that keeps files and claims them, on a file system, or says
// why not.
func keeper(t *testing.T, dir string, fs vfs.FS, set func(*config.Config)) (*Node, error) {
	t.Helper()
	cfg := config.Default()
	cfg.Dir, cfg.DirByChance, cfg.RedstartShards = dir, false, 1
	cfg.EnableProtectedConfigs = config.ProtectYes
	if set != nil {
		set(cfg)
	}
	n, err := Open(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	if fs != nil {
		n.claims.fs = fs
	}
	n.KeepFiles()
	if err := n.Claim(0); err != nil {
		return n, err
	}
	n.BeginLoad()
	return n, n.Load()
}

func mustKeep(t *testing.T, dir string, set func(*config.Config)) *talk {
	t.Helper()
	n, err := keeper(t, dir, nil, set)
	if err != nil {
		t.Fatal(err)
	}
	return (&talk{t: t, n: n}).another()
}

// inUse wants a start to be refused, and nothing in the folder to change by it.
func inUse(t *testing.T, dir, name string, set func(*config.Config)) {
	t.Helper()
	before := names(t, dir)
	n, err := keeper(t, dir, nil, set)
	var claimed *ClaimError
	if !errors.As(err, &claimed) || claimed.Name != name || claimed.PID != os.Getpid() {
		t.Fatalf("got %v, want %s to be in use", err, name)
	}
	if !strings.Contains(err.Error(), dir) {
		t.Errorf("the folder is not named: %v", err)
	}
	n.Close()
	if after := names(t, dir); after != before {
		t.Errorf("there was:\n%s\nthere is:\n%s", before, after)
	}
}

// names lists all that is below a folder.
func names(t *testing.T, dir string) string {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil {
			info, _ := d.Info()
			fmt.Fprintln(&b, path, info.Size())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func noSave(c *config.Config)     { c.Save = nil }
func appendOnly(c *config.Config) { c.Save, c.AppendOnly = nil, true }

// Whoever is started where he happens to be, and finds no data there, may not be alone: as
// with redis-server, each saves whole files there.
func TestFilesByChance(t *testing.T) {
	dir := t.TempDir()
	byChance := func(c *config.Config) { c.DirByChance = true }
	k := mustKeep(t, dir, byChance)
	other := mustKeep(t, dir, byChance)
	inUse(t, dir, "dump.rdb", nil) // one that names the folder
	k.want("+OK", "SET", "k", "v")
	k.want("+OK", "SAVE")
	other.want("+OK", "SAVE")
	k.want("+OK", "SAVE")
	inUse(t, dir, "dump.rdb", byChance) // it would begin with the data of k
	k.want("+OK", "CONFIG", "SET", "appendonly", "yes")
	other.wantError("in use", "CONFIG", "SET", "appendonly", "yes")
	k.n.Close()
	other.n.Close()
	again := mustKeep(t, dir, byChance)
	inUse(t, dir, "dump.rdb", byChance)
	again.want("+OK", "SAVE")
}

func TestFilesAreForOne(t *testing.T) {
	dir := t.TempDir()
	k := mustKeep(t, dir, nil)
	k.want("+OK", "SET", "k", "v")
	inUse(t, dir, "dump.rdb", nil)
	// Whoever writes other files, or none, may share the folder.
	other := mustKeep(t, dir, func(c *config.Config) { c.DBFilename = "other.rdb" })
	log := mustKeep(t, dir, appendOnly)
	inUse(t, filepath.Join(dir, "appendonlydir"), "appendonly.aof", func(c *config.Config) { c.Dir = dir; appendOnly(c) })
	mustKeep(t, dir, func(c *config.Config) { appendOnly(c); c.AppendFilename = "other.aof" })
	mustKeep(t, dir, func(c *config.Config) { appendOnly(c); c.AppendDirname = "other" })
	none := mustKeep(t, dir, noSave)
	none.wantError("in use", "SAVE")
	none.wantError("in use", "BGSAVE")
	none.wantError("possibly related to argument 'save'", "CONFIG", "SET", "save", "3600 1")
	none.wantError("possibly related to argument 'appendonly'", "CONFIG", "SET", "appendonly", "yes")
	none.want(`["appendonly", "no"]`, "CONFIG", "GET", "appendonly")
	none.want(`["save", ""]`, "CONFIG", "GET", "save")
	none.want("+OK", "CONFIG", "SET", "dbfilename", "third.rdb")
	none.want("+OK", "SAVE") // nobody else does
	k.want("+OK", "SAVE")
	log.wantError("in use", "SAVE") // it has an append only file, and this one belongs to k
	log.wantError("possibly related to argument 'appendonly'", "CONFIG", "SET", "appendonly", "no", "save", "900 1")
	k.n.Close()
	// Two that keep append only files may also write the same RDB file.
	log.want("+OK", "SAVE")
	log.want("+OK", "CONFIG", "SET", "save", "900 1")
	mustKeep(t, dir, func(c *config.Config) { c.AppendOnly, c.AppendFilename = true, "other2.aof" }).want("+OK", "SAVE")
	log.want("+OK", "CONFIG", "SET", "save", "")
	mustKeep(t, dir, nil).n.Close()
	log.n.Close()
	mustKeep(t, dir, appendOnly)
	other.n.Close()
}

func (k *talk) wantError(part string, args ...string) {
	k.t.Helper()
	if got := k.do(args...).String(); !strings.HasPrefix(got, "-") || !strings.Contains(got, part) {
		k.t.Errorf("%q: got %s, want an error with %q", args, got, part)
	}
}

func TestClaimsFollowTheConfiguration(t *testing.T) {
	dir, next := t.TempDir(), t.TempDir()
	k := mustKeep(t, dir, nil)
	other := mustKeep(t, next, nil)
	k.wantError("possibly related to argument 'dir'", "CONFIG", "SET", "dir", next)
	k.want(`["dir", "`+dir+`"]`, "CONFIG", "GET", "dir")
	inUse(t, dir, "dump.rdb", nil)
	other.n.Close()
	k.want("+OK", "CONFIG", "SET", "dir", next)
	inUse(t, next, "dump.rdb", nil)
	mustKeep(t, dir, nil).n.Close()
	k.want("+OK", "CONFIG", "SET", "dbfilename", "d")
	inUse(t, next, "d", func(c *config.Config) { c.DBFilename = "d" })
	mustKeep(t, next, nil).n.Close()
	k.want("+OK", "CONFIG", "SET", "save", "")
	mustKeep(t, next, func(c *config.Config) { c.DBFilename = "d" }).n.Close()

	// An append only file goes on in its folder until it is turned off.
	k.want("+OK", "CONFIG", "SET", "appendonly", "yes")
	until(t, "the first base is there", func() bool { return k.info("aof_rewrite_in_progress") == "0" })
	k.want("+OK", "CONFIG", "SET", "dir", dir)
	for _, d := range []string{dir, next} {
		inUse(t, filepath.Join(d, "appendonlydir"), "appendonly.aof", func(c *config.Config) { c.Dir = d; appendOnly(c) })
	}
	k.want("+OK", "CONFIG", "SET", "appendonly", "no")
	for _, d := range []string{dir, next} {
		mustKeep(t, d, appendOnly).n.Close()
	}
	k.n.Close()
	for _, d := range []string{dir, next} {
		if got := names(t, d); strings.Contains(got, ".lock") {
			t.Errorf("locks are left:\n%s", got)
		}
	}
}

// Each operation on locks fails once. Where locks are impossible the instance runs all
// the same; other errors stop it, or the command.
func TestLocksFail(t *testing.T) {
	for n := 1; ; n++ {
		dir := t.TempDir()
		fail, reached := vfs.FailNth(n, nil)
		faulty := &vfs.Faulty{FS: vfs.OS{}, Fail: fail}
		node, err := keeper(t, dir, faulty, func(c *config.Config) { c.AppendOnly = true })
		if reached() < n {
			if err != nil || n < 3 { // a lock and a folder
				t.Fatalf("without a fault: %v, after %d operations", err, n-1)
			}
			faulty.Set(func(op vfs.Op, _ string) error {
				if op == vfs.OpRemove {
					return vfs.ErrInjected
				}
				return nil
			})
			node.Close()
			if _, err := keeper(t, dir, nil, func(c *config.Config) { c.AppendOnly = true }); err != nil {
				t.Errorf("after a lock that could not be removed: %v", err)
			}
			break
		}
		if !errors.Is(err, vfs.ErrInjected) {
			t.Fatalf("operation %d failed, and the error is %v", n, err)
		}
		node.Close()
		if got := names(t, dir); strings.Contains(got, ".lock ") {
			t.Fatalf("operation %d failed and left:\n%s", n, got)
		}
	}
	impossible := &vfs.Faulty{FS: vfs.OS{}, Fail: func(op vfs.Op, _ string) error {
		if op == vfs.OpLock {
			return fmt.Errorf("%w: no", vfs.ErrNoLocks)
		}
		return nil
	}}
	node, err := keeper(t, t.TempDir(), impossible, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := (&talk{t: t, n: node}).another()
	k.want("+OK", "SET", "k", "v")
	k.want("+OK", "SAVE")

	faulty := &vfs.Faulty{FS: vfs.OS{}}
	node, err = keeper(t, t.TempDir(), faulty, nil)
	if err != nil {
		t.Fatal(err)
	}
	k = (&talk{t: t, n: node}).another()
	next := t.TempDir()
	faulty.Set(func(op vfs.Op, _ string) error {
		if op == vfs.OpLock {
			return vfs.ErrInjected
		}
		return nil
	})
	k.wantError("can't lock", "CONFIG", "SET", "dir", next)
	faulty.Set(nil)
	k.want("+OK", "CONFIG", "SET", "dir", next)
}

// Claim waits for an instance that is about to leave.
func TestClaimIsPatient(t *testing.T) {
	dir := t.TempDir()
	first := mustKeep(t, dir, nil)
	second, err := keeper(t, dir, nil, nil)
	if err == nil {
		t.Fatal("two have the files")
	}
	go func() {
		time.Sleep(60 * time.Millisecond)
		first.n.Close()
	}()
	if err := second.Claim(10 * time.Second); err != nil {
		t.Error(err)
	}
}
