package clients

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redstart-db/redstart/tests/peer"
)

// TestRedisPyUsage has what people use Redis for, as they write it in Python.
func TestRedisPyUsage(t *testing.T) {
	peer.Tool(t, python)
	if out, err := exec.Command(python, "-c", "import redis").CombinedOutput(); err != nil {
		peer.Lack(t, "python3-redis: "+string(out))
	}
	s := start(t)
	out := run(t, nil, python, "-W", "error::ResourceWarning", "testdata/usage.py", strconv.Itoa(s.Port))
	wantOutput(t, out, `^Ran \d+ tests in`, `^OK$`)
	t.Log(out)
}

// many runs f n times at once.
func many(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

var release = redis.NewScript(`
	if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
	return 0`)

var tokenBucket = redis.NewScript(`
	local rate, capacity, now, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
	local state = redis.call("HMGET", KEYS[1], "tokens", "at")
	local tokens, at = tonumber(state[1]) or capacity, tonumber(state[2]) or now
	tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
	local allowed = tokens >= asked
	if allowed then tokens = tokens - asked end
	redis.call("HSET", KEYS[1], "tokens", tokens, "at", now)
	redis.call("EXPIRE", KEYS[1], math.ceil(capacity / rate) * 2)
	return { allowed and 1 or 0, math.floor(tokens) }`)

// TestUsageScripts has a lock that only its holder releases, and a token bucket.
func TestUsageScripts(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		var mu sync.Mutex
		many(4, func(i int) {
			token := fmt.Sprint("holder ", i)
			for range 20 {
				for !c.SetNX(ctx, "lock", token, 10*time.Second).Val() {
					time.Sleep(time.Millisecond)
				}
				if !mu.TryLock() {
					t.Error("two hold the lock")
					return
				}
				if n, err := release.Run(ctx, c, []string{"lock"}, "somebody else").Int(); n != 0 || err != nil {
					t.Errorf("somebody else releases: %d, %v", n, err)
				}
				mu.Unlock()
				if n, err := release.Run(ctx, c, []string{"lock"}, token).Int(); n != 1 || err != nil {
					t.Errorf("the holder releases: %d, %v", n, err)
				}
			}
		})
		want(t, "0", c.Exists(ctx, "lock"))

		take := func(now float64, n int) *redis.Cmd {
			return tokenBucket.Run(ctx, c, []string{"bucket"}, 2, 10, now, n)
		}
		want(t, "[1 0]", take(100, 10))
		want(t, "[0 0]", take(100, 1))
		want(t, "[1 1]", take(101, 1))
		want(t, "[1 1]", take(101.5, 1))
		want(t, "[1 6]", take(1000, 4))
		want(t, "6", c.HGet(ctx, "bucket", "tokens"))
		want(t, "10s", c.TTL(ctx, "bucket"))
		var granted atomic.Int64
		many(4, func(int) {
			for range 25 { // of 60 there are
				n, err := tokenBucket.Run(ctx, c, []string{"shared"}, 1, 60, 5, 1).Int64Slice()
				if err != nil {
					t.Error(err)
					return
				}
				granted.Add(n[0])
			}
		})
		if n := granted.Load(); n != 60 {
			t.Errorf("%d of 60 tokens are given out", n)
		}
	})
}

// TestUsageRateLimits has INCR with EXPIRE, and a sorted set of what was asked lately.
func TestUsageRateLimits(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		var granted sync.Map
		many(4, func(i int) {
			for j := range 10 {
				n, err := c.Incr(ctx, "rate:u").Result()
				if n == 1 {
					must(t, c.Expire(ctx, "rate:u", time.Hour))
				}
				if err != nil {
					t.Error(err)
				} else if n <= 10 {
					granted.Store([2]int{i, j}, true)
				}
			}
		})
		n := 0
		granted.Range(func(any, any) bool { n++; return true })
		if n != 10 {
			t.Errorf("%d requests are granted", n)
		}
		want(t, "1h0m0s", c.TTL(ctx, "rate:u"))

		allowed := func(now int) bool {
			var card *redis.IntCmd
			_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.ZRemRangeByScore(ctx, "window", "0", strconv.Itoa(now-60))
				p.ZAdd(ctx, "window", redis.Z{Score: float64(now), Member: fmt.Sprint("request at ", now)})
				card = p.ZCard(ctx, "window")
				p.Expire(ctx, "window", 61*time.Second)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return card.Val() <= 5
		}
		var got []bool
		for _, now := range []int{1000, 1001, 1002, 1003, 1004, 1005, 1060, 1124} {
			got = append(got, allowed(now))
		}
		if !slices.Equal(got, []bool{true, true, true, true, true, false, false, true}) {
			t.Errorf("allowed: %v", got)
		}

		// At one moment, from several sides: no more than five see that there are no more.
		var within atomic.Int64
		many(4, func(i int) {
			for j := range 10 {
				var card *redis.IntCmd
				_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
					p.ZRemRangeByScore(ctx, "crowded", "0", "940")
					p.ZAdd(ctx, "crowded", redis.Z{Score: 1000, Member: fmt.Sprint(i, " ", j)})
					card = p.ZCard(ctx, "crowded")
					return nil
				})
				if err != nil {
					t.Error(err)
				} else if card.Val() <= 5 {
					within.Add(1)
				}
			}
		})
		if n := within.Load(); n != 5 {
			t.Errorf("%d requests are within the window's limit", n)
		}
	})
}

// TestUsageTags has a cache from which all pages with a tag are removed, sessions, and
// a leaderboard.
func TestUsageTags(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 300 {
				key := fmt.Sprint("page:", i)
				p.Set(ctx, key, i, 5*time.Minute)
				p.SAdd(ctx, fmt.Sprint("tag:author:", i%3), key)
				if i%10 == 0 {
					p.SAdd(ctx, "tag:news", key)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want(t, "10", c.SInterCard(ctx, 0, "tag:news", "tag:author:0"))
		want(t, "30", c.Unlink(ctx, c.SMembers(ctx, "tag:news").Val()...))
		want(t, "1", c.Del(ctx, "tag:news"))
		want(t, redis.Nil.Error(), c.Get(ctx, "page:10"))
		want(t, "11", c.Get(ctx, "page:11"))

		want(t, "3", c.HSet(ctx, "session:x", "user", 42, "name", "Ada", "csrf", "y"))
		want(t, "true", c.Expire(ctx, "session:x", 30*time.Minute))
		want(t, "true", c.ExpireGT(ctx, "session:x", time.Hour))
		want(t, "1", c.HIncrBy(ctx, "session:x", "views", 1))
		want(t, "map[csrf:y name:Ada user:42 views:1]", c.HGetAll(ctx, "session:x"))
		want(t, "true", c.PExpire(ctx, "session:x", 20*time.Millisecond))
		for end := time.Now().Add(5 * time.Second); c.Exists(ctx, "session:x").Val() == 1 && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
		want(t, "map[]", c.HGetAll(ctx, "session:x"))

		for i := range 1000 {
			must(t, c.ZAdd(ctx, "board", redis.Z{Score: float64(i * 10), Member: fmt.Sprint("player:", i)}))
		}
		want(t, "5005.5", c.ZIncrBy(ctx, "board", 5.5, "player:500"))
		want(t, "[{9990 player:999} {9980 player:998}]", c.ZRevRangeWithScores(ctx, "board", 0, 1))
		want(t, "499", c.ZRevRank(ctx, "board", "player:500"))
		want(t, "[player:501 player:500 player:499]", c.ZRangeArgs(ctx, redis.ZRangeArgs{Key: "board", Start: 498, Stop: 500, Rev: true}))
		want(t, "100", c.ZCount(ctx, "board", "9000", "+inf"))
		want(t, "900", c.ZRemRangeByRank(ctx, "board", 0, -101))
		want(t, "[{9990 player:999}]", c.ZPopMax(ctx, "board"))
	})
}

func TestUsagePatterns(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p := c.PSubscribe(ctx, "news.*")
		defer p.Close()
		if _, err := p.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		want(t, "1", c.PubSubNumPat(ctx))
		want(t, "1", c.Publish(ctx, "news.sport", "goal"))
		want(t, "0", c.Publish(ctx, "weather", "rain"))
		want(t, "1", c.Publish(ctx, "news.", "\r\n\x00"))
		for _, x := range [][2]string{{"news.sport", "goal"}, {"news.", "\r\n\x00"}} {
			m, err := p.ReceiveMessage(ctx)
			if err != nil || m.Pattern != "news.*" || m.Channel != x[0] || m.Payload != x[1] {
				t.Errorf("got %v, %v", m, err)
			}
		}
	})
}

// TestUsageTransfer moves money by WATCH, from several sides at once.
func TestUsageTransfer(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		must(t, c.MSet(ctx, "a", 100, "b", 100))
		errPoor := errors.New("overdrawn")
		transfer := func(from, to string, amount int64) error {
			for {
				err := c.Watch(ctx, func(tx *redis.Tx) error {
					balance, err := tx.Get(ctx, from).Int64()
					if err != nil {
						return err
					}
					if balance < amount {
						return errPoor
					}
					_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
						p.DecrBy(ctx, from, amount)
						p.IncrBy(ctx, to, amount)
						return nil
					})
					return err
				}, from, to)
				if !errors.Is(err, redis.TxFailedErr) {
					return err
				}
			}
		}
		many(4, func(i int) {
			for n := range 30 {
				from, to := "a", "b"
				if (n+i)%2 == 0 {
					from, to = to, from
				}
				if err := transfer(from, to, int64(1+(n*7+i)%40)); err != nil && err != errPoor {
					t.Error(err)
				}
			}
		})
		a, _ := c.Get(ctx, "a").Int()
		b, _ := c.Get(ctx, "b").Int()
		if a+b != 200 || a < 0 || b < 0 {
			t.Errorf("%d and %d are left", a, b)
		}
		if err := transfer("a", "b", 201); err != errPoor {
			t.Errorf("got %v", err)
		}
	})
}

// TestUsageGroup has events processed by a group, of which one leaves some behind.
func TestUsageGroup(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		must(t, c.XGroupCreateMkStream(ctx, "events", "billing", "0"))
		var mu sync.Mutex
		var done []int
		many(4, func(i int) {
			if i == 3 {
				for n := range 300 {
					must(t, c.XAdd(ctx, &redis.XAddArgs{Stream: "events", MaxLen: 10_000, Approx: true, Values: []any{"n", n}}))
				}
				return
			}
			for {
				got, err := c.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "billing", Consumer: fmt.Sprint("c", i),
					Streams: []string{"events", ">"}, Count: 7, Block: 300 * time.Millisecond}).Result()
				if err == redis.Nil {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				for _, m := range got[0].Messages {
					n, _ := strconv.Atoi(m.Values["n"].(string))
					if n%50 == 49 {
						continue // it dies here
					}
					mu.Lock()
					done = append(done, n)
					mu.Unlock()
					want(t, "1", c.XAck(ctx, "events", "billing", m.ID))
				}
			}
		})
		slices.Sort(done)
		if len(slices.Compact(done)) != 294 {
			t.Errorf("%d events are done", len(done))
		}
		if p := c.XPending(ctx, "events", "billing").Val(); p.Count != 6 {
			t.Errorf("pending: %+v", p)
		}
		var taken []any
		for at := "0-0"; ; {
			messages, next, err := c.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: "events", Group: "billing", Consumer: "heir", Start: at, Count: 4}).Result()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range messages {
				taken = append(taken, m.Values["n"])
				want(t, "1", c.XAck(ctx, "events", "billing", m.ID))
			}
			if at = next; at == "0-0" {
				break
			}
		}
		if got := fmt.Sprint(taken); got != "[49 99 149 199 249 299]" {
			t.Errorf("taken over: %s", got)
		}
		info, err := c.XInfoGroups(ctx, "events").Result()
		if err != nil || info[0].EntriesRead != 300 || info[0].Lag != 0 || info[0].Pending != 0 {
			t.Errorf("%+v, %v", info, err)
		}
	})
}

// TestUsageQueue has jobs that move to a list of their worker, and back if it dies.
func TestUsageQueue(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		for i := range 200 {
			must(t, c.LPush(ctx, "jobs", i))
		}
		var mu sync.Mutex
		var done []int
		work := func(i int) {
			mine := fmt.Sprint("jobs:", i)
			for {
				n, err := c.BLMove(ctx, "jobs", mine, "RIGHT", "LEFT", time.Second).Int()
				if err == redis.Nil || err == nil && i == 0 && n > 100 {
					return // it dies with a job in its hands
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				done = append(done, n)
				mu.Unlock()
				want(t, "1", c.LRem(ctx, mine, 1, n))
			}
		}
		many(4, work)
		for c.LMove(ctx, "jobs:0", "jobs", "RIGHT", "LEFT").Err() == nil {
		}
		work(9)
		if slices.Sort(done); len(slices.Compact(done)) != 200 || len(done) != 200 {
			t.Errorf("%d jobs are done", len(done))
		}
		want(t, "[]", c.Keys(ctx, "jobs*"))
		go func() {
			time.Sleep(50 * time.Millisecond)
			c.RPush(ctx, "urgent", "now")
		}()
		want(t, "[urgent now]", c.BRPop(ctx, 5*time.Second, "jobs", "urgent"))
	})
}
