package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// speedLoad is one call of redis-benchmark.
type speedLoad struct {
	name  string
	about string
	args  []string
	// requests of one run; an operation is a request.
	requests int
	// preload fills the keyspace that the load picks its keys from.
	preload bool
	fill    *filling // or other data
	server  []string // further arguments of the servers
}

const (
	speedKeys   = 1_000_000
	memoryKeys  = 2_000_000
	memoryHash  = 500_000
	connections = 50
)

func speedLoads() []speedLoad {
	const few, many = 500_000, 3_000_000
	return []speedLoad{
		{name: "get", about: "GET, no pipeline", args: []string{"-t", "get", "-d", "64"}, requests: few, preload: true},
		{name: "set", about: "SET, no pipeline", args: []string{"-t", "set", "-d", "64"}, requests: few, preload: true},
		{name: "get-p16", about: "GET, pipeline 16", args: []string{"-t", "get", "-d", "64", "-P", "16"}, requests: many, preload: true},
		{name: "set-p16", about: "SET, pipeline 16", args: []string{"-t", "set", "-d", "64", "-P", "16"}, requests: many, preload: true},
		{name: "incr-p16", about: "INCR, pipeline 16", args: []string{"-t", "incr", "-P", "16"}, requests: many, preload: false},
		{name: "mset-p16", about: "MSET of 10 keys, pipeline 16", args: []string{"-t", "mset", "-d", "64", "-P", "16"}, requests: many / 10, preload: true},
		{name: "ping-p16", about: "PING, pipeline 16", args: []string{"-t", "ping_mbulk", "-P", "16"}, requests: many, preload: false},
	}
}

// appendLoads are writes with an append only file. What "always" costs is the disk's
// more than the servers': the rate is what counts.
func appendLoads() []speedLoad {
	log := func(policy string) []string {
		return []string{"--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0"}
	}
	set := []string{"-t", "set", "-d", "64"}
	return []speedLoad{
		{name: "set-always", about: "SET, no pipeline, appendfsync always", args: set, requests: 100_000, preload: false, server: log("always")},
		{name: "set-everysec", about: "SET, no pipeline, appendfsync everysec", args: set, requests: 500_000, preload: true, server: log("everysec")},
		{name: "set-everysec-p16", about: "SET, pipeline 16, appendfsync everysec", args: []string{"-t", "set", "-d", "64", "-P", "16"}, requests: 2_000_000, preload: true, server: log("everysec")},
	}
}

// evictLoads are writes of new keys, each of which has one evicted. The run that is not
// counted fills the memory.
func evictLoads() (all []speedLoad) {
	for _, policy := range []string{"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl"} {
		args := []string{"-P", "16", "-r", "1000000000", "-t", "set", "-d", "64"}
		if policy == "volatile-ttl" {
			args = append(args[:4], "SET", "key:__rand_int__", strings.Repeat("x", 64), "EX", "100000")
		}
		all = append(all, speedLoad{name: "evict-" + policy, about: "SET of new keys, pipeline 16, " + policy, args: args, requests: 3_000_000,
			server: []string{"--maxmemory", "16mb", "--maxmemory-policy", policy}})
	}
	return all
}

// memoryLoad is a stream of commands, each of which adds an item.
type memoryLoad struct {
	name  string
	about string
	items int
	// command appends the words of the command that adds item n.
	command func(words []string, n int) []string
}

func memoryLoads() []memoryLoad {
	value64 := strings.Repeat("x", 64)
	key := func(n int) string { return fmt.Sprintf("key:%012d", n) }
	return []memoryLoad{
		{"string-64", "string, 64 B", memoryKeys, func(w []string, n int) []string {
			return append(w, "SET", key(n), value64)
		}},
		{"string-int", "string, integer", memoryKeys, func(w []string, n int) []string {
			return append(w, "SET", key(n), strconv.Itoa(n))
		}},
		{"string-ttl", "string, 64 B, with expiry", memoryKeys, func(w []string, n int) []string {
			return append(w, "SET", key(n), value64, "EX", "100000")
		}},
		{"hash-small", "hash of 5 fields (per hash)", memoryHash, func(w []string, n int) []string {
			return append(w, "HSET", fmt.Sprintf("user:%08d", n), "name", fmt.Sprintf("John Doe %d", n),
				"email", fmt.Sprintf("john%d@example.com", n), "age", strconv.Itoa(n%100), "city", "New York", "created", "2024-01-01")
		}},
		{"hash-big", "one hash (per field)", memoryKeys, func(w []string, n int) []string {
			return append(w, "HSET", "h", fmt.Sprintf("field:%08d", n), fmt.Sprintf("value:%08d", n))
		}},
		{"set-big", "one set (per member)", memoryKeys, func(w []string, n int) []string {
			return append(w, "SADD", "s", fmt.Sprintf("member:%08d", n))
		}},
		{"zset-big", "one sorted set (per member)", memoryKeys, func(w []string, n int) []string {
			return append(w, "ZADD", "lb", strconv.Itoa(n*7%1000003), fmt.Sprintf("player:%08d", n))
		}},
		{"list-big", "one list (per item)", memoryKeys, func(w []string, n int) []string {
			return append(w, "RPUSH", "l", fmt.Sprintf("item:%08d", n))
		}},
		{"stream-big", "one stream (per entry)", memoryKeys, func(w []string, n int) []string {
			return append(w, "XADD", "st", fmt.Sprintf("%d-0", n+1), "user_id", strconv.Itoa(n), "action", "purchase", "amount", "99.99")
		}},
	}
}

func allSpeedLoads() []speedLoad {
	return slices.Concat(speedLoads(), typeLoads(), singleLoads(), appendLoads(), evictLoads(), scriptLoads())
}

func listLoads(w io.Writer) {
	for _, l := range allSpeedLoads() {
		fmt.Fprintf(w, "%-18s %s\n", l.name, l.about)
	}
	fmt.Fprintf(w, "%-18s %s\n", "hits", "ratios of hits under eviction, beside exact caches; by itself only")
	fmt.Fprintf(w, "%-18s %s\n", "snapshot", "BGSAVE under a steady load of writes; by itself only")
	fmt.Fprintf(w, "%-18s %s\n", "fragments", "memory after values have been replaced by others; by itself only")
	fmt.Fprintf(w, "%-18s %s\n", "pubsub", "one publisher, a thousand subscribers; by itself only")
	fmt.Fprintf(w, "%-18s %s\n", "files", "time to save and to load RDB files, and to load append only files; by itself only. Or only one of:")
	for _, d := range filesData() {
		fmt.Fprintf(w, "%-18s %s\n", "files-"+d.short, d.name)
	}
	for _, l := range memoryLoads() {
		fmt.Fprintf(w, "%-18s %s\n", l.name, l.about)
	}
}

// selectLoads returns the loads that a list of names and groups means.
func selectLoads(list string) (speed []speedLoad, memory []memoryLoad, err error) {
	wanted := map[string]bool{}
	for _, name := range strings.Split(list, ",") {
		wanted[name] = true
	}
	known := map[string]bool{"all": true, "speed": true, "types": true, "one": true, "append": true, "evict": true, "scripts": true, "memory": true, "strings": true}
	for _, g := range []struct {
		name  string
		loads []speedLoad
	}{{"speed", speedLoads()}, {"types", typeLoads()}, {"one", singleLoads()}, {"append", appendLoads()}, {"evict", evictLoads()}, {"scripts", scriptLoads()}} {
		for _, l := range g.loads {
			known[l.name] = true
			if wanted["all"] || wanted[g.name] || wanted[l.name] {
				speed = append(speed, l)
			}
		}
	}
	for _, l := range memoryLoads() {
		known[l.name] = true
		if wanted["all"] || wanted["memory"] || wanted[l.name] || wanted["strings"] && strings.HasPrefix(l.name, "string-") {
			memory = append(memory, l)
		}
	}
	for name := range wanted {
		if !known[name] {
			return nil, nil, fmt.Errorf("no load %q; see -list", name)
		}
	}
	return speed, memory, nil
}
