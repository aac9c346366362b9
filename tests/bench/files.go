package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// fileData is data of which files are written and loaded.
type fileData struct {
	short, name string
	items       int
	// command appends the words of the command that adds item n.
	command func(words []string, n int) []string
}

// noise is what values are cut out of: bytes that cannot be compressed.
func noise() string {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return string(b)
}

func filesData() []fileData {
	pool := noise()
	value := func(n, size int) string {
		at := n * 7919 % (len(pool) - size)
		return pool[at : at+size]
	}
	const many = 3_000_000
	return []fileData{
		{"hash", "one hash of 3,000,000 fields", many, func(w []string, n int) []string {
			return append(w, "HSET", "h", fmt.Sprintf("field:%08d", n), fmt.Sprintf("value:%08d", n))
		}},
		{"set", "one set of 3,000,000 members", many, func(w []string, n int) []string {
			return append(w, "SADD", "s", fmt.Sprintf("member:%08d", n))
		}},
		{"zset", "one sorted set of 3,000,000 members", many, func(w []string, n int) []string {
			return append(w, "ZADD", "z", strconv.Itoa(n*7%1000003), fmt.Sprintf("player:%08d", n))
		}},
		{"list", "one list of 3,000,000 items", many, func(w []string, n int) []string {
			return append(w, "RPUSH", "l", fmt.Sprintf("item:%08d", n))
		}},
		{"stream", "one stream of 3,000,000 entries", many, func(w []string, n int) []string {
			return append(w, "XADD", "st", fmt.Sprintf("%d-0", n+1), "user_id", strconv.Itoa(n), "amount", "99.99")
		}},
		{"strings", "3,000,000 strings of 150 bytes", 3_000_000, func(w []string, n int) []string {
			return append(w, "SET", fmt.Sprintf("key:%012d", n), value(n, 150))
		}},
		// A third of the items are hashes of their own, the others elements of five
		// collections.
		{"5m", "5,000,000 strings of 170 bytes", 5_000_000, func(w []string, n int) []string {
			return append(w, "SET", fmt.Sprintf("key:%012d", n), value(n, 170))
		}},
		{"small", "1,500,000 keys of all types, small ones", 3_000_000, func(w []string, n int) []string {
			id := fmt.Sprintf("%08d", n/2)
			switch n / 2 % 6 {
			case 0:
				return append(w, "HSET", "user:"+id, "name", "John Doe "+id, "visits", strconv.Itoa(n))
			case 1:
				return append(w, "SADD", "tags:"+id, "tag:"+strconv.Itoa(n), "tag:"+strconv.Itoa(n*7), "common")
			case 2:
				return append(w, "ZADD", "board:"+id, strconv.Itoa(n%1000), "player:"+strconv.Itoa(n), "0.5", "nobody")
			case 3:
				return append(w, "RPUSH", "queue:"+id, "item:"+id, strconv.Itoa(n))
			case 4:
				return append(w, "SADD", "ids:"+id, strconv.Itoa(n), strconv.Itoa(n+1), strconv.Itoa(n*3))
			}
			return append(w, "SET", "counter:"+id, strconv.Itoa(n))
		}},
		{"collections", "500,000 hashes of 5 fields, five collections of 200,000 elements", 1_500_000, func(w []string, n int) []string {
			id := fmt.Sprintf("%08d", n)
			switch n % 15 {
			case 5, 6:
				return append(w, "HSET", "h", "field:"+id, "value:"+id)
			case 7, 8:
				return append(w, "SADD", "s", "member:"+id)
			case 9, 10:
				return append(w, "ZADD", "z", strconv.Itoa(n*7%1000003), "player:"+id)
			case 11, 12:
				return append(w, "RPUSH", "l", "item:"+id)
			case 13, 14:
				return append(w, "XADD", "st", fmt.Sprintf("%d-0", n+1), "user_id", strconv.Itoa(n), "amount", "99.99")
			}
			return append(w, "HSET", "user:"+id, "name", "John Doe "+id, "email", "john"+id+"@example.com",
				"age", strconv.Itoa(n%100), "city", "New York", "created", "2024-01-01")
		}},
	}
}

// fileTurn is one save, or one load.
type fileTurn struct{ wall, cpu time.Duration }

// A file is loaded, or saved, in one of these ways.
type fileTask struct {
	name string
	args []string // of the server that loads it
	log  bool     // it is the append only file
	save bool     // what was loaded is saved, and that is measured
}

var fileTasks = []fileTask{
	{name: "save RDB", save: true, args: []string{"--enable-protected-configs", "yes"}},
	{name: "load RDB"},
	{name: "load AOF", args: appendArgs, log: true},
}

var appendArgs = []string{
	"--appendonly", "yes", "--appendfsync", "no", "--aof-use-rdb-preamble", "no", "--auto-aof-rewrite-percentage", "0",
}

// fileLimit is how long loading may take.
const fileLimit = 3 * time.Minute

// measureFiles has the last of the contenders write the files, and all load and save
// them: with the processor of the server alone, and with that of the load as well.
//
// load is "files" for all data, or "files-" and the short name of one.
func (s settings) measureFiles(w io.Writer, load string) error {
	all := filesData()
	if load != "files" {
		short := strings.TrimPrefix(load, "files-")
		all = slices.DeleteFunc(all, func(d fileData) bool { return d.short != short })
		if len(all) == 0 {
			return fmt.Errorf("no load %q", load)
		}
	}
	fmt.Fprintf(w, "Files: written by %s and loaded by all from the same place, in the cache of the system. Seconds for each GB (10^9 bytes) of the file, "+
		"until PING is answered, and until SAVE has replied, and seconds of the processor until then. Medians of %d turns, in which the servers alternate.\n\n",
		s.contenders[len(s.contenders)-1].name, s.repeats)
	last := s.contenders[len(s.contenders)-1].name
	fmt.Fprintf(w, "| data | task | file, MB | processors | server | s/GB | to %s | processor, s/GB | to %s |\n", last, last)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, data := range all {
		if err := s.files(w, data); err != nil {
			return fmt.Errorf("%s: %w", data.name, err)
		}
	}
	fmt.Fprintln(w)
	return nil
}

func (s settings) files(w io.Writer, data fileData) error {
	dir, err := os.MkdirTemp("", "redstart-files-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := s.writeFiles(dir, data); err != nil {
		return err
	}
	for _, task := range fileTasks {
		size, err := fileSizes(dir, task)
		if err != nil {
			return err
		}
		for _, cpus := range []string{s.serverCPU, s.serverCPU + "," + s.loadCPU} {
			turns := make([][]fileTurn, len(s.contenders))
			for range s.repeats {
				for i, c := range s.contenders {
					t, err := fileTurnOf(c, dir, cpus, task)
					if err != nil {
						return fmt.Errorf("%s: %s: %w", task.name, c.name, err)
					}
					turns[i] = append(turns[i], t)
				}
			}
			per := func(i int, f func(fileTurn) time.Duration) float64 {
				var all []float64
				for _, t := range turns[i] {
					all = append(all, f(t).Seconds()/(float64(size)/1e9))
				}
				return spreadOf(all).median
			}
			wall := func(t fileTurn) time.Duration { return t.wall }
			cpu := func(t fileTurn) time.Duration { return t.cpu }
			peer := len(turns) - 1
			for i, c := range s.contenders {
				fmt.Fprintf(w, "| %s | %s | %.0f | %s | %s | %.2f | %.2f | %.2f | %.2f |\n", data.name, task.name, float64(size)/1e6, cpus, c.name,
					per(i, wall), per(i, wall)/per(peer, wall), per(i, cpu), per(i, cpu)/per(peer, cpu))
			}
		}
	}
	return nil
}

// writeFiles has the last contender write an append only file and an RDB file.
func (s settings) writeFiles(dir string, data fileData) error {
	server, err := peer.Launch(s.contenders[len(s.contenders)-1].bin, peer.Options{
		Prefix: []string{"taskset", "-c", s.serverCPU}, Dir: dir,
		Args: append([]string{"--enable-protected-configs", "yes"}, appendArgs...),
	})
	if err != nil {
		return err
	}
	defer server.Stop()
	if failed, err := s.fill(server, data.command, data.items/s.divide); err != nil || failed > 0 {
		return fmt.Errorf("%d commands failed: %w", failed, err)
	}
	return save(server, "dump.rdb")
}

func save(server *peer.Server, file string) error {
	conn, err := peer.Dial(server.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetWait(fileLimit)
	for _, cmd := range [][]string{{"CONFIG", "SET", "dbfilename", file}, {"SAVE"}} {
		if r, err := conn.Do(cmd...); err != nil || r.IsError() {
			return fmt.Errorf("%s: %v %w", cmd[0], r, err)
		}
	}
	return nil
}

func fileSizes(dir string, t fileTask) (size int64, err error) {
	pattern := "dump.rdb"
	if t.log {
		pattern = filepath.Join("appendonlydir", "*.aof")
	}
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	if size == 0 {
		return 0, fmt.Errorf("no file %s", pattern)
	}
	return size, nil
}

func fileTurnOf(c contender, dir, cpus string, task fileTask) (t fileTurn, err error) {
	start := time.Now()
	server, err := peer.Launch(c.bin, peer.Options{
		Prefix: []string{"taskset", "-c", cpus}, Dir: dir, Args: task.args, Limit: fileLimit,
	})
	if err != nil {
		return t, err
	}
	defer server.Kill() // what it has is in the files
	t.wall = time.Since(start)
	if t.cpu, err = cpuTime(server.Pid); err != nil || !task.save {
		return t, err
	}
	before, start := t.cpu, time.Now()
	if err := save(server, "saved.rdb"); err != nil {
		return t, err
	}
	t.wall = time.Since(start)
	t.cpu, err = cpuTime(server.Pid)
	t.cpu -= before
	return t, err
}
