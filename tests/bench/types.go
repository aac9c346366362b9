package main

import (
	"fmt"
	"strconv"
)

// What the loads of the data types need: before the runs, commands fill the
// server.
const (
	typeRequests = 1_000_000
	poppable     = 8_000_000 // elements for those that take them away
	perCommand   = 100       // elements that one filling command adds
	members      = 1_000_000
	smallHashes  = 10_000
	setMembers   = 10_000
)

// filling is how a server is filled before a load. It shrinks with the loads when
// divisible is set.
type filling struct {
	commands  int
	divisible bool
	command   func(words []string, n int) []string
}

// many gives a command that adds perCommand elements to a key.
func many(total int, command, key, format string) filling {
	return filling{total / perCommand, true, func(w []string, n int) []string {
		w = append(w, command, key)
		for i := range perCommand {
			w = append(w, fmt.Sprintf(format, n*perCommand+i))
		}
		return w
	}}
}

func typeLoads() []speedLoad {
	p16 := func(words ...string) []string { return append([]string{"-P", "16"}, words...) }
	list := many(1000, "RPUSH", "mylist", "item:%08d")
	list.divisible = false
	board := filling{members / perCommand, true, func(w []string, n int) []string {
		w = append(w, "ZADD", "lb")
		for i := range perCommand {
			m := n*perCommand + i
			w = append(w, strconv.Itoa(m*7%1_000_003), fmt.Sprintf("player:%012d", m))
		}
		return w
	}}
	hashes := filling{smallHashes, false, func(w []string, n int) []string {
		w = append(w, "HSET", fmt.Sprintf("user:%012d", n))
		for i := range 20 {
			w = append(w, fmt.Sprintf("field:%02d", i), fmt.Sprintf("value:%08d", n+i))
		}
		return w
	}}
	stream := filling{100_000, false, func(w []string, n int) []string {
		return append(w, "XADD", "st", fmt.Sprintf("%d-0", n+1), "user_id", strconv.Itoa(n), "action", "purchase", "amount", "99.99")
	}}
	sets := filling{2 * setMembers / perCommand, false, func(w []string, n int) []string {
		key, first := "s1", n*perCommand
		if first >= setMembers {
			key, first = "s2", first-setMembers/2 // half of them in both
		}
		w = append(w, "SADD", key)
		for i := range perCommand {
			w = append(w, fmt.Sprintf("member:%08d", first+i))
		}
		return w
	}}
	load := func(name, about string, requests int, fill *filling, args ...string) speedLoad {
		return speedLoad{name: name, about: about, args: args, requests: requests, fill: fill}
	}
	pushed := many(poppable, "RPUSH", "mylist", "item:%08d")
	added := many(poppable/2, "SADD", "myset", "element:%012d")
	return []speedLoad{
		load("lpush-p16", "LPUSH", 2*typeRequests, nil, p16("-t", "lpush")...),
		load("rpop-p16", "RPOP", typeRequests, &pushed, p16("-t", "rpop")...),
		load("lrange-p16", "LRANGE of 100", typeRequests/10, &list, p16("LRANGE", "mylist", "0", "99")...),
		load("sadd-p16", "SADD", 2*typeRequests, nil, p16("-t", "sadd")...),
		load("spop-p16", "SPOP", typeRequests/2, &added, p16("-t", "spop")...),
		load("hset-p16", "HSET", 2*typeRequests, nil, p16("-t", "hset")...),
		load("hgetall-p16", "HGETALL of 20 fields", typeRequests/4, &hashes,
			p16("-r", strconv.Itoa(smallHashes), "HGETALL", "user:__rand_int__")...),
		load("zadd-p16", "ZADD", typeRequests, nil, p16("ZADD", "lb", "__rand_int__", "player:__rand_int__")...),
		load("zrange-p16", "ZRANGE of 100 with scores", typeRequests/10, &board, p16("ZRANGE", "lb", "5000", "5099", "WITHSCORES")...),
		load("zrank-p16", "ZRANK in 1M", typeRequests, &board, p16("ZRANK", "lb", "player:__rand_int__")...),
		load("zrangebyscore-p16", "ZRANGEBYSCORE of 10", typeRequests/2, &board,
			p16("ZRANGEBYSCORE", "lb", "__rand_int__", "+inf", "LIMIT", "0", "10")...),
		load("xadd-p16", "XADD of 3 fields", typeRequests, nil,
			p16("XADD", "st", "*", "user_id", "__rand_int__", "action", "purchase", "amount", "99.99")...),
		load("xrange-p16", "XRANGE of 100", typeRequests/20, &stream, p16("XRANGE", "st", "50000", "+", "COUNT", "100")...),
		load("sinter-p16", "SINTER of two sets of 10,000", 1000, &sets, p16("SINTER", "s1", "s2")...),
	}
}

// singleLoads are the tests that redis-benchmark runs by default, without
// pipeline.
func singleLoads() []speedLoad {
	list := many(1000, "RPUSH", "mylist", "item:%08d")
	list.divisible = false
	pushed := many(poppable/4, "RPUSH", "mylist", "item:%08d")
	added := many(poppable/4, "SADD", "myset", "element:%012d")
	scored := filling{poppable / 4 / perCommand, true, func(w []string, n int) []string {
		w = append(w, "ZADD", "myzset")
		for i := range perCommand {
			w = append(w, "0", fmt.Sprintf("element:%012d", n*perCommand+i))
		}
		return w
	}}
	var all []speedLoad
	for _, l := range []struct {
		test string
		fill *filling
		args []string
	}{
		{"ping_inline", nil, nil}, {"ping_mbulk", nil, nil}, {"set", nil, nil}, {"get", nil, nil}, {"incr", nil, nil},
		{"lpush", nil, nil}, {"rpush", nil, nil}, {"lpop", &pushed, nil}, {"rpop", &pushed, nil}, {"sadd", nil, nil},
		{"hset", nil, nil}, {"spop", &added, nil}, {"zadd", nil, nil}, {"zpopmin", &scored, nil},
		{"lrange_100", &list, []string{"LRANGE", "mylist", "0", "99"}},
		{"lrange_300", &list, []string{"LRANGE", "mylist", "0", "299"}},
		{"lrange_500", &list, []string{"LRANGE", "mylist", "0", "499"}},
		{"lrange_600", &list, []string{"LRANGE", "mylist", "0", "599"}},
		{"mset", nil, nil},
	} {
		if l.args == nil {
			l.args = []string{"-t", l.test}
		}
		all = append(all, speedLoad{name: "one-" + l.test, about: l.test + ", no pipeline", args: l.args,
			requests: 200_000, fill: l.fill})
	}
	return all
}
