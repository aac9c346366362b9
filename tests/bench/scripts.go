package main

import (
	"encoding/json"
	"fmt"
)

// tokenBucket is the limiter of most tutorials: a hash of what is left, and when that was.
const tokenBucket = `local rate, capacity, now, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(state[1]) or capacity, tonumber(state[2]) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local allowed = tokens >= asked
if allowed then tokens = tokens - asked end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], math.ceil(capacity / rate) * 2)
return { allowed and 1 or 0, math.floor(tokens) }`

// scriptLoads are calls of EVAL. The script is sent each time: both servers know it by its
// text.
func scriptLoads() []speedLoad {
	load := func(name, about string, requests int, words ...string) speedLoad {
		return speedLoad{name: "script-" + name, about: about, args: append([]string{"-P", "16", "EVAL"}, words...), requests: requests}
	}
	return []speedLoad{
		load("return", "EVAL of return 1", 1_000_000, "return 1", "0"),
		load("get", "EVAL of a GET", 1_000_000, "return redis.call('GET', KEYS[1])", "1", "key:__rand_int__"),
		load("bucket", "EVAL of a token bucket", 300_000, tokenBucket, "1", "bucket:__rand_int__", "10", "100", "1", "1"),
		load("loop", "EVAL of a loop of 1,000 steps", 50_000, "local sum = 0 for i = 1, 1000 do sum = sum + i * 2 end return sum", "0"),
		load("cjson", "EVAL of cjson on a document of 1 KB", 50_000, "return #cjson.encode(cjson.decode(ARGV[1]))", "0", document()),
	}
}

// document is one of about 1,000 bytes, with objects and arrays in it.
func document() string {
	type item struct {
		Number int      `json:"n"`
		Name   string   `json:"name"`
		Tags   []string `json:"tags"`
		Price  float64  `json:"price"`
	}
	var items []item
	for i := range 17 {
		items = append(items, item{i, fmt.Sprint("item ", i), []string{"a", "b"}, float64(i) * 1.5})
	}
	b, err := json.Marshal(map[string]any{"id": 1, "items": items})
	if err != nil {
		panic(err) // there is nothing in it that JSON cannot say
	}
	return string(b)
}
