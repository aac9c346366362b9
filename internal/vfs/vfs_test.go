package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWriteFileLeavesOldOrNew(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "data")
	if err := WriteFile(OS{}, name, ".tmp", []byte("old")); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		fail, reached := FailNth(n, func(op Op, _ string) bool { return op != OpRemove })
		err := WriteFile(&Faulty{FS: OS{}, Fail: fail}, name, ".tmp", []byte("new"))
		got, readErr := ReadFile(OS{}, name)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if reached() < n {
			if err != nil || string(got) != "new" {
				t.Fatalf("without a fault: %v, %q", err, got)
			}
			if n < 6 { // create, write, sync, close, rename, sync of the folder
				t.Fatalf("only %d operations", n-1)
			}
			break
		}
		if !errors.Is(err, ErrInjected) {
			t.Fatalf("operation %d failed, and the error is %v", n, err)
		}
		if s := string(got); s != "old" && s != "new" {
			t.Fatalf("operation %d failed and left %q", n, s)
		}
		if _, err := os.Stat(name + ".tmp"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("operation %d failed and left the other file: %v", n, err)
		}
		if err := WriteFile(OS{}, name, ".tmp", []byte("old")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLockIsForOne(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := OS{}.Lock(name, false)
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := (OS{}).Lock(name, false); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("a second lock: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OS{}.Lock(name, false)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	again.Close()
	if _, err := (OS{}).Lock(filepath.Join(name, "x", "y"), false); err == nil || errors.As(err, &locked) {
		t.Errorf("where there is no folder: %v", err)
	}
}

func TestSharedLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	take := func(shared bool) Lock {
		t.Helper()
		l, err := OS{}.Lock(name, shared)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	var locked *LockedError
	first, second := take(true), take(true)
	if _, err := (OS{}).Lock(name, false); !errors.As(err, &locked) {
		t.Errorf("what is shared was taken: %v", err)
	}
	if err := first.Exclusive(); !errors.As(err, &locked) {
		t.Errorf("what two share became that of one: %v", err)
	}
	second.Close()
	if _, err := (OS{}).Lock(name, false); !errors.As(err, &locked) {
		t.Errorf("the first is not shared any more: %v", err)
	}
	if err := first.Exclusive(); err != nil {
		t.Error(err)
	}
	if _, err := (OS{}).Lock(name, true); !errors.As(err, &locked) {
		t.Errorf("what one has was shared: %v", err)
	}
	first.Close()
	take(true).Close()
}

// Many take the lock in turns and remove the file each time: there is never more than
// one who has it.
func TestLockAndRemove(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	var holders, taken atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for taken.Load() < 100 {
				l, err := OS{}.Lock(name, false)
				if err != nil {
					var locked *LockedError
					if !errors.As(err, &locked) {
						t.Error(err)
					}
					continue
				}
				taken.Add(1)
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d have the lock", n)
				}
				runtime.Gosched()
				holders.Add(-1)
				if err := (OS{}).Remove(name); err != nil {
					t.Error(err)
				}
				l.Close()
			}
		})
	}
	wg.Wait()
}

func TestMapGivesTheContents(t *testing.T) {
	name := filepath.Join(t.TempDir(), "data")
	want := make([]byte, 100_000)
	for i := range want {
		want[i] = byte(i * 7)
	}
	if err := WriteFile(OS{}, name, ".tmp", want); err != nil {
		t.Fatal(err)
	}
	for _, fsys := range []FS{OS{}, &Faulty{FS: OS{}}} {
		f, err := fsys.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Map(f)
		f.Close()
		if err != nil || string(m.B) != string(want) {
			t.Fatalf("%T: %v", fsys, err)
		}
		m.Done(50_000) // also where the bytes are no mapping, which must not be given back
		if string(m.B) != string(want) {
			t.Fatalf("%T: what was done with cannot be read again", fsys)
		}
		m.Close()
	}
}
