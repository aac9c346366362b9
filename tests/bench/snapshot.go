package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// What a snapshot is measured with: the data, and writes that come at fixed times,
// whether the server keeps up or not, so that a stall counts for all that it delays.
const (
	snapshotKeys    = 2_000_000
	snapshotMembers = 1_000_000
	snapshotRate    = 10_000 // writes per second, of all connections together
	snapshotConns   = 10
	snapshotQuiet   = 8 * time.Second // measured before the snapshot
)

// snapshotResult is a server's.
type snapshotResult struct {
	resident, extra int64 // bytes
	took            time.Duration
	size            int64
	quiet, during   []time.Duration // latencies, sorted
	stolen          [2]float64      // share of all processor time that the hypervisor took in each, percent
}

// measureSnapshot runs it on each server. The writers are in this process, so it should be
// started on the processor of the load: taskset -c 1 bench -loads snapshot.
func (s settings) measureSnapshot(w io.Writer) error {
	fmt.Fprintf(w, "Snapshot: %d keys of 64 bytes and a sorted set of %d members, under %d writes per second on %d connections, a tenth of them to the set. "+
		"Latencies count from when a write was due. Extra is the largest growth of the resident memory of all processes. "+
		"Stolen is the time that the hypervisor gave to others.\n\n",
		snapshotKeys/s.divide, snapshotMembers/s.divide, snapshotRate, snapshotConns)
	fmt.Fprintln(w, "| server | save, s | file, MiB | resident, MiB | extra, MiB | extra, % | | p50, ms | p99, ms | p99.9, ms | most, ms | stolen, % |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, c := range s.contenders {
		r, err := s.snapshot(c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		row := func(when string, l []time.Duration, stolen float64) string {
			ms := func(q float64) float64 {
				return float64(l[min(int(q*float64(len(l))), len(l)-1)]) / float64(time.Millisecond)
			}
			return fmt.Sprintf("%s | %.2f | %.2f | %.2f | %.2f | %.1f |", when, ms(0.5), ms(0.99), ms(0.999), ms(1), stolen)
		}
		fmt.Fprintf(w, "| %s | | | | | | %s\n", c.name, row("before", r.quiet, r.stolen[0]))
		fmt.Fprintf(w, "| %s | %.1f | %.0f | %.0f | %.0f | %.1f | %s\n", c.name, r.took.Seconds(), float64(r.size)/(1<<20),
			float64(r.resident)/(1<<20), float64(r.extra)/(1<<20), 100*float64(r.extra)/float64(r.resident), row("during", r.during, r.stolen[1]))
	}
	fmt.Fprintln(w)
	return nil
}

func (s settings) snapshot(c contender) (r snapshotResult, err error) {
	server, err := s.start(c)
	if err != nil {
		return r, err
	}
	defer server.Stop()
	keys, members := snapshotKeys/s.divide, snapshotMembers/s.divide
	value := strings.Repeat("x", 64)
	if _, err := s.fill(server, func(words []string, i int) []string {
		return append(words, "SET", fmt.Sprintf("key:%012d", i), value)
	}, keys); err != nil {
		return r, err
	}
	if _, err := s.fill(server, func(words []string, i int) []string {
		return append(words, "ZADD", "lb", strconv.Itoa(i*7%1000003), fmt.Sprintf("player:%08d", i))
	}, members); err != nil {
		return r, err
	}
	if r.resident, err = settled(server.Pid); err != nil {
		return r, err
	}

	l := &writers{addr: fmt.Sprintf("127.0.0.1:%d", server.Port), keys: keys, members: members, stop: make(chan struct{})}
	since := processorTimes()
	l.begin()
	time.Sleep(snapshotQuiet)
	admin, err := peer.Dial(l.addr)
	if err != nil {
		return r, err
	}
	defer admin.Close()
	before := memoryOf(server.Pid)
	r.stolen[0] = since.stolen()
	since = processorTimes()
	start := time.Now()
	if reply, err := admin.Do("BGSAVE"); err != nil || strings.HasPrefix(reply.String(), "-") {
		return r, fmt.Errorf("BGSAVE: %v %v", reply, err)
	}
	for {
		time.Sleep(5 * time.Millisecond)
		r.extra = max(r.extra, memoryOf(server.Pid)-before)
		info, err := admin.Do("INFO", "persistence")
		if err != nil {
			return r, err
		}
		if strings.Contains(info.String(), "rdb_bgsave_in_progress:0") {
			if !strings.Contains(info.String(), "rdb_last_bgsave_status:ok") {
				return r, errors.New("BGSAVE has failed")
			}
			break
		}
		time.Sleep(45 * time.Millisecond)
	}
	end := time.Now()
	r.stolen[1] = since.stolen()
	r.took = end.Sub(start)
	if err := l.end(); err != nil {
		return r, err
	}
	for _, one := range l.all {
		switch {
		case one.due.Before(start):
			r.quiet = append(r.quiet, one.took)
		case one.due.Before(end):
			r.during = append(r.during, one.took)
		}
	}
	slices.Sort(r.quiet)
	slices.Sort(r.during)
	files, _ := filepath.Glob(filepath.Join(server.Dir, "*.rdb"))
	for _, f := range files {
		if fi, err := os.Stat(f); err == nil {
			r.size += fi.Size()
		}
	}
	return r, nil
}

// times is how long the processors did what, since the system began, in ticks.
type times struct{ all, steal uint64 }

func processorTimes() (t times) {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	for i, word := range strings.Fields(line) {
		// cpu user nice system idle iowait irq softirq steal guest guest_nice; the last two are in others
		n, _ := strconv.ParseUint(word, 10, 64)
		if i <= 8 {
			t.all += n
		}
		if i == 8 {
			t.steal = n
		}
	}
	return t
}

// stolen is the share of the time since t that the hypervisor gave to others, in percent.
func (t times) stolen() float64 {
	now := processorTimes()
	return 100 * float64(now.steal-t.steal) / float64(max(now.all-t.all, 1))
}

// memoryOf is the resident memory of a process and its children in bytes, what they share
// counted once.
func memoryOf(pid int) (sum int64) {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if len(children) == 0 {
		sum, _ = residentBytes(pid)
		return sum
	}
	for _, one := range append(strings.Fields(string(children)), strconv.Itoa(pid)) {
		b, _ := os.ReadFile("/proc/" + one + "/smaps_rollup")
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) >= 2 && f[0] == "Pss:" {
				kb, _ := strconv.ParseInt(f[1], 10, 64)
				sum += kb << 10
			}
		}
	}
	return sum
}

// writers write at fixed times.
type writers struct {
	addr          string
	keys, members int
	stop          chan struct{}
	wg            sync.WaitGroup
	mu            sync.Mutex
	all           []timed
	err           error
}

// timed is a write: when it was due, and how long after that its reply came.
type timed struct {
	due  time.Time
	took time.Duration
}

func (l *writers) begin() {
	start := time.Now()
	for i := range snapshotConns {
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			all, err := l.write(i, start)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.all = append(l.all, all...)
			l.err = errors.Join(l.err, err)
		}()
	}
}

func (l *writers) write(id int, start time.Time) (all []timed, err error) {
	c, err := peer.Dial(l.addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	rnd := rand.New(rand.NewPCG(uint64(id), 1))
	value := strings.Repeat("y", 64)
	const period = time.Second * snapshotConns / snapshotRate
	for due := start.Add(period * time.Duration(id) / snapshotConns); ; due = due.Add(period) {
		select {
		case <-l.stop:
			return all, nil
		default:
		}
		time.Sleep(time.Until(due))
		if rnd.IntN(10) == 0 {
			_, err = c.Do("ZADD", "lb", strconv.Itoa(rnd.IntN(1000003)), fmt.Sprintf("player:%08d", rnd.IntN(l.members)))
		} else {
			_, err = c.Do("SET", fmt.Sprintf("key:%012d", rnd.IntN(l.keys)), value)
		}
		if err != nil {
			return all, err
		}
		all = append(all, timed{due, time.Since(due)})
	}
}

func (l *writers) end() error {
	close(l.stop)
	l.wg.Wait()
	return l.err
}
