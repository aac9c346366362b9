package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/hits"
	"github.com/redstart-db/redstart/tests/peer"
)

const (
	hitKeys     = 200_000
	hitRequests = 1_000_000
	hitDrift    = 10_000 // requests between changes of popularity
	hitPipeline = 16
	hitValue    = 100 // bytes
)

// hitCase is a line of the table.
type hitCase struct {
	policy  string
	percent int // of the keys that there is room for
	samples int
	drift   bool
	exact   func(int) hits.Cache
}

func hitCases() (all []hitCase) {
	for _, samples := range []int{5, 10} {
		for _, percent := range []int{1, 5, 20} {
			all = append(all, hitCase{"allkeys-lru", percent, samples, false, hits.LRU}, hitCase{"allkeys-lfu", percent, samples, false, hits.LFU})
		}
	}
	return append(all,
		hitCase{"volatile-lru", 5, 5, false, hits.LRU}, hitCase{"volatile-lfu", 5, 5, false, hits.LFU},
		hitCase{"allkeys-lru", 5, 5, true, hits.LRU}, hitCase{"allkeys-lfu", 5, 5, true, hits.LFU})
}

// measureHits compares ratios of hits with those of exact caches of as many keys as the
// servers hold.
func (s settings) measureHits(w io.Writer) error {
	keys, requests, drift := hitKeys, hitRequests, hitDrift
	if s.divide > 1 { // with fewer keys small caches would be replaced within milliseconds
		requests, drift = requests/4, drift/4
	}
	warm := requests / 2
	fmt.Fprintf(w, "## Hits\n\n%d requests for %d keys by Zipf(0.99), the first %d not counted: GET in pipelines of %d, and SET of %d bytes "+
		"for what is missing. maxmemory is what a server takes with so many percent of the keys. With drift a thousandth of the keys changes "+
		"its popularity every %d requests. Hits in percent; behind them those of an exact cache of as many keys, and the difference.\n\n",
		requests, keys, warm, hitPipeline, hitValue, drift)
	fmt.Fprintln(w, "| policy | room for | samples | server | keys | hits | exact | difference | requests a second |\n|---|---|---|---|---|---|---|---|---|")
	steady := hits.Zipf(requests, keys, 0.99, 0, rand.New(rand.NewPCG(1, 2)))
	drifting := hits.Zipf(requests, keys, 0.99, drift, rand.New(rand.NewPCG(1, 2)))
	for _, c := range hitCases() {
		if c.samples != 5 && s.divide > 1 {
			continue
		}
		trace, name := steady, c.policy
		if c.drift {
			trace, name = drifting, name+", drift"
		}
		for _, contender := range s.contenders {
			r, err := s.hitRun(contender, c, keys*c.percent/100, trace, warm)
			if err != nil {
				return fmt.Errorf("%s: %w", contender.name, err)
			}
			exact := 100 * hits.Replay(c.exact(r.keys), trace, warm)
			fmt.Fprintf(w, "| %s | %d %% | %d | %s | %d | %.2f | %.2f | %+.2f | %.0f |\n", name, c.percent, c.samples, contender.name,
				r.keys, r.hits, exact, r.hits-exact, r.rate)
		}
	}
	return nil
}

// hitResult is what a server did.
type hitResult struct {
	keys int     // in the middle and at the end of the counted part, the mean
	hits float64 // percent
	rate float64 // requests a second
}

func (s settings) hitRun(c contender, h hitCase, room int, trace hits.Trace, warm int) (r hitResult, err error) {
	server, err := s.start(c, "--maxmemory-policy", h.policy, "--maxmemory-samples", strconv.Itoa(h.samples), "--appendonly", "no")
	if err != nil {
		return r, err
	}
	defer server.Stop()
	nc, err := net.DialTimeout("tcp", server.Addr, 10*time.Second)
	if err != nil {
		return r, err
	}
	defer nc.Close()
	f := &fetcher{nc: nc, br: bufio.NewReader(nc), value: bytes.Repeat([]byte("x"), hitValue), volatile: h.policy[0] == 'v'}
	for first := 0; first < room; first += hitPipeline {
		for n := range min(hitPipeline, room-first) {
			f.set(uint32(1<<31 + first + n))
		}
		if _, err := f.flush(); err != nil {
			return r, err
		}
	}
	control, err := peer.Dial(server.Addr)
	if err != nil {
		return r, err
	}
	defer control.Close()
	info, err := control.Do("INFO", "memory")
	if err != nil {
		return r, err
	}
	used := regexp.MustCompile(`(?m)^used_memory:(\d+)`).FindSubmatch(info.Str)
	if used == nil {
		return r, fmt.Errorf("no used_memory in %q", info.Str)
	}
	for _, words := range [][]string{{"FLUSHALL"}, {"CONFIG", "SET", "maxmemory", string(used[1])}} {
		if reply, err := control.Do(words...); err != nil || reply.IsError() {
			return r, fmt.Errorf("%q: %v %v", words, reply, err)
		}
	}
	return f.replay(control, trace, warm)
}

// fetcher asks a server for keys and stores what it lacks.
type fetcher struct {
	nc       net.Conn
	br       *bufio.Reader
	value    []byte
	volatile bool
	out      []byte
	sent     int // requests in out
}

func hitKey(key uint32) []byte { return fmt.Appendf(nil, "key:%012d", key) }

func (f *fetcher) set(key uint32) {
	words := [][]byte{[]byte("SET"), hitKey(key), f.value, []byte("EX"), []byte("100000")}
	if !f.volatile {
		words = words[:3]
	}
	f.out = resp.AppendCommand(f.out, words...)
	f.sent++
}

// flush sends what was gathered, and gives which replies were null.
func (f *fetcher) flush() (null []bool, err error) {
	if _, err := f.nc.Write(f.out); err != nil {
		return nil, err
	}
	for range f.sent {
		v, err := resp.ReadValue(f.br, 4, 1<<20)
		if err == nil && v.IsError() {
			err = fmt.Errorf("%v", v)
		}
		if err != nil {
			return nil, err
		}
		null = append(null, v.Null)
	}
	f.out, f.sent = f.out[:0], 0
	return null, nil
}

func (f *fetcher) replay(control *peer.Conn, trace hits.Trace, warm int) (r hitResult, err error) {
	found, counts := 0, []int{}
	began := time.Now()
	for at := 0; at < len(trace); at += hitPipeline {
		some := trace[at:min(at+hitPipeline, len(trace))]
		for _, key := range some {
			f.out = resp.AppendCommand(f.out, []byte("GET"), hitKey(key))
			f.sent++
		}
		missing, err := f.flush()
		if err != nil {
			return r, err
		}
		for i, key := range some {
			if missing[i] {
				f.set(key)
			} else if at >= warm {
				found++
			}
		}
		if _, err := f.flush(); err != nil {
			return r, err
		}
		if tenth := (len(trace) - warm) / 10 / hitPipeline * hitPipeline; at >= warm && at%tenth == 0 {
			reply, err := control.Do("DBSIZE")
			if err != nil {
				return r, err
			}
			counts = append(counts, int(reply.Int))
		}
	}
	r.rate = float64(len(trace)) / time.Since(began).Seconds()
	for _, n := range counts {
		r.keys += n
	}
	r.keys /= len(counts)
	r.hits = 100 * float64(found) / float64(len(trace)-warm)
	return r, nil
}
