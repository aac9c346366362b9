package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// cpuTime returns the CPU time, user and system, that a process has used in all
// its threads. The clock of a process is named by the complement of its id above
// three bits, of which 2 means what the scheduler has counted: clock_getcpuclockid(3).
func cpuTime(pid int) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// residentBytes returns VmRSS of a process.
func residentBytes(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}

// sample is one run of a speed load.
type sample struct {
	cpu  float64 // microseconds of the server per operation
	rate float64 // operations per second
	busy float64 // share of one processor that the server used
}

// racer is a server under a speed load.
type racer struct {
	contender
	*peer.Server
	samples []sample
}

func (s settings) start(c contender, args ...string) (*peer.Server, error) {
	return peer.Launch(c.bin, peer.Options{Args: args, Prefix: []string{"taskset", "-c", s.serverCPU}})
}

// onLoadCPU returns a command that runs beside the server.
func (s settings) onLoadCPU(name string, args ...string) *exec.Cmd {
	return exec.Command("taskset", append([]string{"-c", s.loadCPU, name}, args...)...)
}

// race runs one speed load on all contenders.
func (s settings) race(l speedLoad) ([]racer, error) {
	var racers []racer
	defer func() {
		for _, r := range racers {
			syscall.Kill(r.Pid, syscall.SIGCONT)
			r.Stop()
		}
	}()
	for _, c := range s.contenders {
		server, err := s.start(c, l.server...)
		if err != nil {
			return nil, err
		}
		racers = append(racers, racer{contender: c, Server: server})
		if l.preload {
			if _, err := s.fill(server, memoryLoads()[0].command, speedKeys/s.divide); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if f := l.fill; f != nil {
			n := f.commands
			if f.divisible {
				n /= s.divide
			}
			failed, err := s.fill(server, f.command, n)
			if err == nil && failed > 0 {
				err = fmt.Errorf("%d commands that fill it failed", failed)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if _, err := s.benchmark(server, l); err != nil { // This warms it up.
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if err := syscall.Kill(server.Pid, syscall.SIGSTOP); err != nil {
			return nil, err
		}
	}
	for turn := range s.repeats {
		order := slices.Clone(indexes(len(racers)))
		if turn%2 == 1 {
			slices.Reverse(order)
		}
		for _, i := range order {
			sample, err := s.turn(racers[i].Server, l)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", racers[i].name, err)
			}
			racers[i].samples = append(racers[i].samples, sample)
		}
	}
	return racers, nil
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// turn lets one server run while the others are stopped.
func (s settings) turn(server *peer.Server, l speedLoad) (sample, error) {
	if err := syscall.Kill(server.Pid, syscall.SIGCONT); err != nil {
		return sample{}, err
	}
	// What its timers had to catch up with is over by then.
	time.Sleep(300 * time.Millisecond)
	got, err := s.benchmark(server, l)
	if err != nil {
		return sample{}, err
	}
	return got, syscall.Kill(server.Pid, syscall.SIGSTOP)
}

// benchmark runs redis-benchmark once.
func (s settings) benchmark(server *peer.Server, l speedLoad) (sample, error) {
	requests := l.requests / s.divide
	args := append([]string{"-p", strconv.Itoa(server.Port), "-n", strconv.Itoa(requests), "-c", strconv.Itoa(connections),
		"-r", strconv.Itoa(speedKeys / s.divide), "--csv"}, l.args...)
	cmd := s.onLoadCPU("redis-benchmark", args...)
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	before, err := cpuTime(server.Pid)
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("redis-benchmark %s: %w\n%s%s", strings.Join(args, " "), err, &out, &failure)
	}
	took := time.Since(began)
	after, err := cpuTime(server.Pid)
	if err != nil {
		return sample{}, err
	}
	rate, err := parseRate(out.String())
	if err != nil {
		return sample{}, err
	}
	used := after - before
	return sample{
		cpu:  float64(used.Nanoseconds()) / 1000 / float64(requests),
		rate: rate,
		busy: used.Seconds() / took.Seconds(),
	}, nil
}

// parseRate reads the operations per second of the one test in the output of
// redis-benchmark --csv: a line of titles, then one of values. The first value is the
// command as it was given, quotes and lines included, so it counts from the end.
func parseRate(out string) (float64, error) {
	titles, values, _ := strings.Cut(strings.TrimSpace(out), "\n")
	names, row := strings.Split(titles, `","`), strings.Split(strings.TrimSuffix(values, `"`), `","`)
	at := slices.Index(names, "rps") - len(names) + len(row)
	if slices.Contains(names, "rps") && at >= 1 {
		if rate, err := strconv.ParseFloat(row[at], 64); err == nil {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("unexpected output of redis-benchmark: %q", out)
}

// fill sends n commands through redis-cli --pipe and returns how many of them
// failed.
func (s settings) fill(server *peer.Server, command func([]string, int) []string, n int) (failed int, err error) {
	cmd := s.onLoadCPU("redis-cli", "-p", strconv.Itoa(server.Port), "--pipe")
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	writeErr := writeCommands(in, command, n)
	if err := cmd.Wait(); err != nil && !strings.Contains(out.String(), "errors: ") {
		return 0, fmt.Errorf("redis-cli --pipe: %w\n%s", err, &out)
	}
	if writeErr != nil {
		return 0, writeErr
	}
	m := regexp.MustCompile(`errors: (\d+), replies: (\d+)`).FindStringSubmatch(out.String())
	if m == nil || m[2] != strconv.Itoa(n) {
		return 0, fmt.Errorf("redis-cli --pipe had no %d replies:\n%.1000s", n, &out)
	}
	return strconv.Atoi(m[1])
}

func writeCommands(in io.WriteCloser, command func([]string, int) []string, n int) error {
	w := bufio.NewWriterSize(in, 1<<20)
	var words []string
	var buf []byte
	for i := range n {
		words = command(words[:0], i)
		buf = resp.AppendCommandString(buf[:0], words...)
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return in.Close()
}

// footprint is the result of a memory load.
type footprint struct {
	perItem  float64 // resident bytes
	resident int64   // at the end, in bytes
	empty    int64   // before the load
	failed   bool    // the server does not know the command
}

// weigh loads a fresh server and returns what it then holds.
func (s settings) weigh(c contender, l memoryLoad) (footprint, error) {
	server, err := s.start(c)
	if err != nil {
		return footprint{}, err
	}
	defer server.Stop()
	items := l.items / s.divide
	empty, err := settled(server.Pid)
	if err != nil {
		return footprint{}, err
	}
	failed, err := s.fill(server, l.command, items)
	if err != nil {
		return footprint{}, err
	}
	if failed > 0 {
		return footprint{failed: true}, nil
	}
	full, err := settled(server.Pid)
	if err != nil {
		return footprint{}, err
	}
	return footprint{perItem: float64(full-empty) / float64(items), resident: full, empty: empty}, nil
}

// settled returns the resident bytes of a process once they hardly change any
// more.
func settled(pid int) (int64, error) {
	const pause, tries = 500 * time.Millisecond, 20
	last := int64(-1)
	for range tries {
		time.Sleep(pause)
		now, err := residentBytes(pid)
		if err != nil {
			return 0, err
		}
		if max(now-last, last-now) <= now/1000 {
			return now, nil
		}
		last = now
	}
	return last, nil
}
