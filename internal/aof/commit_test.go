package aof

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/vfs"
)

// Several loops press while rewrites turn the log to new files: every mark is reached
// without the syncer's tick, and what was reached is there after a start.
func TestPressTogether(t *testing.T) {
	dir := t.TempDir()
	in := open(t, vfs.OS{}, dir, Always, nil)
	if err := in.start(); err != nil {
		t.Fatal(err)
	}
	const loops, each = 4, 300
	var wg sync.WaitGroup
	var order sync.Mutex // the lock of a shard
	for l := range loops {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				k, v := fmt.Sprint("k", l), fmt.Sprint(i)
				order.Lock()
				in.data.mu.Lock()
				in.data.keys[k] = v
				in.data.mu.Unlock()
				in.oplog.Add(oplog.Effect{Count: 1, Cmds: []byte(cmd("SET", k, v))})
				order.Unlock()
				mark := in.a.Mark()
				for begin := time.Now(); !in.a.Reached(mark); runtime.Gosched() {
					in.a.Press()
					in.a.Landed()
					if time.Since(begin) > 20*time.Second {
						t.Errorf("loop %d has waited for %d in vain", l, mark)
						return
					}
				}
			}
		}()
	}
	stop := make(chan struct{})
	rewriter := make(chan struct{})
	go func() {
		defer close(rewriter)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
			}
			r, err := in.a.Reserve()
			if err == nil && r.Begin() == nil {
				order.Lock()
				source := in.data.source()
				r.Turn(in.oplog.Offset())
				order.Unlock()
				r.Write(source)
			}
		}
	}()
	wg.Wait()
	close(stop)
	<-rewriter
	// The process ends here: nothing is brought to disk any more.
	again := open(t, vfs.OS{}, dir, Always, nil)
	if err := again.start(); err != nil {
		t.Fatal(err)
	}
	for l := range loops {
		if got := again.data.keys[fmt.Sprint("k", l)]; got != fmt.Sprint(each-1) {
			t.Errorf("k%d is %q, %d was acknowledged", l, got, each-1)
		}
	}
	for _, i := range []*instance{in, again} {
		i.a.Stop()
		i.a.Close()
	}
}

// While syncs take longer than to serve all clients, those that were told of the last
// one are waited for, but not for ever; and not when it is the other way round.
func TestGather(t *testing.T) {
	in := open(t, vfs.OS{}, t.TempDir(), Always, nil)
	if err := in.start(); err != nil {
		t.Fatal(err)
	}
	defer in.a.Close()
	defer in.a.Stop()
	l := in.a.Log
	add := func(n int) {
		for range n {
			in.oplog.Add(oplog.Effect{Count: 1, Cmds: []byte(cmd("SET", "k", "v"))})
		}
	}
	add(1)
	for _, c := range []struct {
		took time.Duration // of syncs of 10 commands
		want bool
	}{{20 * perCommand, false}, {10 * perCommand, true}} {
		l.mu.Lock()
		l.gather.took = int64(c.took)
		l.mu.Unlock()
		l.measure(l.clock.Nano()-int64(c.took), 10)
		l.mu.Lock()
		l.gather.until += int64(time.Hour)
		l.mu.Unlock()
		if l.ripe() != c.want {
			t.Errorf("after %v: ripe is %v", c.took, !c.want)
		}
	}
	l.measure(l.clock.Nano()-int64(time.Second), 10)
	add(9)
	if l.ripe() {
		t.Error("ripe with 10 of 11")
	}
	add(1)
	if !l.ripe() {
		t.Error("not ripe with all 11")
	}
	l.measure(l.clock.Nano()-int64(time.Millisecond), 100)
	l.mu.Lock()
	l.gather.until = l.clock.Nano() - 1
	l.mu.Unlock()
	if !l.ripe() {
		t.Error("it waits for ever")
	}
}

// What waits for a disk lies in chunks: it is counted while it waits, written in its order, and
// nothing of it stays.
func TestChunks(t *testing.T) {
	dir := t.TempDir()
	in := open(t, vfs.OS{}, dir, Everysec, nil)
	if err := in.start(); err != nil {
		t.Fatal(err)
	}
	l := in.a.Log
	value := strings.Repeat("x", 100_000)
	add := func(n int) {
		for i := range n {
			l.Append(in.oplog.Offset()+uint64(i)+1, []oplog.Effect{{Count: 1, Cmds: []byte(cmd("SET", fmt.Sprint("k", i), value))}})
		}
	}
	l.fileMu.Lock() // the disk is slow
	add(35)
	l.mu.Lock()
	chunks := len(l.full)
	l.mu.Unlock()
	if n := l.Memory(); chunks < 3 || n < 3_500_000 || n > 5_500_000 {
		t.Errorf("%d bytes in %d chunks", n, chunks)
	}
	before := l.size.Load()
	l.fileMu.Unlock()
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if n := l.Memory(); n > 3*chunkSize {
		t.Errorf("%d bytes are kept", n)
	}
	b, err := os.ReadFile(l.file.(interface{ Name() string }).Name())
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for i := range 35 {
		want += cmd("SET", fmt.Sprint("k", i), value)
	}
	if !strings.HasSuffix(string(b), want) || int64(len(b)) != l.size.Load() || before == l.size.Load() {
		t.Errorf("the file has %d bytes, %d before", len(b), before)
	}
}

// slowFile is a file whose Sync says that it has begun, and takes until end is closed.
type slowFile struct {
	vfs.File
	began, end chan struct{}
}

func (f slowFile) Sync() error {
	select {
	case f.began <- struct{}{}:
	default:
	}
	<-f.end
	return f.File.Sync()
}

// While the syncer syncs, no more waits for that to end than pileMost: who appends more writes.
func TestPile(t *testing.T) {
	in := open(t, vfs.OS{}, t.TempDir(), Everysec, nil)
	if err := in.start(); err != nil {
		t.Fatal(err)
	}
	l := in.a.Log
	l.fileMu.Lock()
	slow := slowFile{l.file, make(chan struct{}, 1), make(chan struct{})}
	l.file = slow
	l.fileMu.Unlock()
	in.set("a", "1")
	<-slow.began
	value, most := strings.Repeat("x", 100_000), 0
	for i := range 3 * pileMost / len(value) {
		in.set(fmt.Sprint("k", i%100), value)
		most = max(most, l.Memory())
	}
	if waits := l.buffered(); waits > pileMost || most > pileMost+5*chunkSize {
		t.Errorf("%d bytes wait for a sync, and at most %d were in memory", waits, most)
	}
	close(slow.end)
	if err := in.close(); err != nil {
		t.Fatal(err)
	}
}
