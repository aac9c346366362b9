package aof

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/vfs"
	"golang.org/x/sys/unix"
)

// faults is how many pages the system has had to find for this thread.
func faults(t *testing.T) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return int64(u.Minflt)
}

// To append costs the same where a chunk begins, although nothing is written meanwhile: whoever
// appends a hundred bytes takes a page or two from the system, not the chunk. How long it takes
// is told, but depends on what else the machine does.
func TestLongestAppend(t *testing.T) {
	in := open(t, vfs.OS{}, t.TempDir(), Everysec, nil)
	if err := in.start(); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := in.a.Log
	effects := []oplog.Effect{{Count: 1, Cmds: []byte(cmd("SET", "key", strings.Repeat("x", 100)))}}
	const appends = 50_000 // some chunks
	took := make([]time.Duration, appends)
	most := int64(0)
	l.fileMu.Lock() // the disk is slow
	for i := range took {
		before, begin := faults(t), time.Now()
		l.Append(in.oplog.Offset()+uint64(i)+1, effects)
		took[i] = time.Since(begin)
		most = max(most, faults(t)-before)
	}
	l.fileMu.Unlock()
	slices.Sort(took)
	t.Logf("median %v, 99.9 %% %v, the longest %v, with %d pages", took[appends/2], took[appends*999/1000], took[appends-10:], most)
	// A chunk has 256. The race detector takes some of its own for each page that it watches.
	if most > 64 {
		t.Errorf("an append took %d pages from the system", most)
	}
	if err := in.close(); err != nil {
		t.Fatal(err)
	}
}
