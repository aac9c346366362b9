package clients

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// goRedis runs a test with go-redis in both versions of the protocol.
func goRedis(t *testing.T, f func(t *testing.T, c *redis.Client)) {
	s := start(t)
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("resp%d", proto), func(t *testing.T) {
			c := redis.NewClient(&redis.Options{Addr: s.Addr, Protocol: proto})
			defer c.Close()
			must(t, c.FlushAll(t.Context()))
			f(t, c)
		})
	}
}

func must(t *testing.T, c redis.Cmder) {
	t.Helper()
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
}

// want compares what a command replied, as fmt prints it.
func want[T any](t *testing.T, want string, c interface{ Result() (T, error) }) {
	t.Helper()
	got, err := c.Result()
	text := fmt.Sprint(got)
	if err != nil {
		text = err.Error()
	}
	if text != want {
		t.Errorf("%v: got %q, want %q", c, text, want)
	}
}

func TestGoRedis(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		want(t, "OK", c.Set(ctx, "a", "1", time.Minute))
		want(t, "1", c.Get(ctx, "a"))
		want(t, redis.Nil.Error(), c.Get(ctx, "none"))
		want(t, "1m0s", c.TTL(ctx, "a"))
		want(t, "-2ns", c.TTL(ctx, "none"))
		want(t, "false", c.SetNX(ctx, "a", "2", 0))
		want(t, "1", c.SetArgs(ctx, "a", "3", redis.SetArgs{Get: true, KeepTTL: true}))
		want(t, "13", c.IncrBy(ctx, "a", 10))
		want(t, "13.5", c.IncrByFloat(ctx, "a", 0.5))
		want(t, "ERR value is not an integer or out of range", c.Incr(ctx, "a"))
		want(t, "OK", c.MSet(ctx, "x", 1, "y", "two"))
		want(t, "[1 <nil> two]", c.MGet(ctx, "x", "none", "y"))
		want(t, "2", c.Del(ctx, "x", "y"))
		want(t, "true", c.Expire(ctx, "a", time.Hour))
		want(t, "true", c.Persist(ctx, "a"))
		want(t, "string", c.Type(ctx, "a"))
		want(t, "0", c.SetBit(ctx, "bits", 100, 1))
		want(t, "1", c.BitCount(ctx, "bits", nil))
		want(t, "[0 5]", c.BitField(ctx, "field", "SET", "u8", 0, 5, "GET", "u8", 0))
		want(t, "PONG", c.Ping(ctx))
		want(t, "map[databases:16]", c.ConfigGet(ctx, "databases"))
	})
}

// TestGoRedisPipelines sends more in one piece than any buffer holds at once.
func TestGoRedisPipelines(t *testing.T) {
	const n = 20000
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		value := bytes.Repeat([]byte("\x00\r\n"), 100)
		replies, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range n {
				p.Set(ctx, fmt.Sprint("key:", i), append(value, fmt.Sprint(i)...), 0)
				p.Get(ctx, fmt.Sprint("key:", i))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			got, err := replies[2*i+1].(*redis.StringCmd).Bytes()
			if err != nil || !bytes.Equal(got, append(value, fmt.Sprint(i)...)) {
				t.Fatalf("key:%d: %q, %v", i, got, err)
			}
		}
		seen := map[string]bool{}
		for it := c.Scan(ctx, 0, "key:*", 1000).Iterator(); it.Next(ctx); {
			seen[it.Val()] = true
		}
		if len(seen) != n {
			t.Errorf("SCAN found %d keys", len(seen))
		}

		// An error in the middle stops nothing.
		replies, err = c.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, "s", "x", 0)
			p.Incr(ctx, "s")
			p.Set(ctx, "after", 1, 0)
			return nil
		})
		if err == nil || replies[0].Err() != nil || replies[1].Err() == nil || replies[2].Err() != nil {
			t.Errorf("%v: %v", replies, err)
		}
	})
}

func TestGoRedisTransactions(t *testing.T) {
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		var n *redis.IntCmd
		if _, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, "n", 41, time.Hour)
			n = p.Incr(ctx, "n")
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want(t, "42", n)

		_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, "n", 0, 0)
			p.Do(ctx, "NOSUCH")
			return nil
		})
		if err == nil || !strings.HasPrefix(err.Error(), "EXECABORT") {
			t.Errorf("got %v", err)
		}
		want(t, "42", c.Get(ctx, "n"))

		err = c.Watch(ctx, func(tx *redis.Tx) error {
			must(t, c.Set(ctx, "n", 7, 0)) // by another connection
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, "n", 8, 0)
				return nil
			})
			return err
		}, "n")
		if !errors.Is(err, redis.TxFailedErr) {
			t.Errorf("got %v", err)
		}
		want(t, "7", c.Get(ctx, "n"))
	})
}

// TestGoRedisOptimisticLocks counts by WATCH from many goroutines, each of which
// tries until it has counted.
func TestGoRedisOptimisticLocks(t *testing.T) {
	const workers, rounds = 8, 50
	goRedis(t, func(t *testing.T, c *redis.Client) {
		ctx := t.Context()
		increase := func(tx *redis.Tx) error {
			n, err := tx.Get(ctx, "n").Int()
			if err != nil && err != redis.Nil {
				return err
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, "n", n+1, 0)
				return nil
			})
			return err
		}
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range rounds {
					var err error = redis.TxFailedErr
					for errors.Is(err, redis.TxFailedErr) {
						err = c.Watch(ctx, increase, "n")
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		want(t, fmt.Sprint(workers*rounds), c.Get(ctx, "n"))
	})
}
