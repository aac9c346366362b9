package node

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// TestCachesAreNeverStale has clients with caches of their own read and change keys
// at once: whoever has read its messages up to a reply may keep no value that was
// changed before it asked.
func TestCachesAreNeverStale(t *testing.T) {
	for _, mode := range []string{"", " BCAST", " NOLOOP"} {
		t.Run("mode"+mode, func(t *testing.T) {
			onBoth(t, func(c *config.Config) { c.TrackingTableMaxKeys = 20 }, func(t *testing.T, s *instance) {
				const clients, keys, rounds = 4, 30, 400
				caches := make([]map[string]string, clients)
				wires := make([]*wire, clients)
				var wg sync.WaitGroup
				for i := range clients {
					w, cache := s.wire(), make(map[string]string)
					wires[i], caches[i] = w, cache
					w.ask("HELLO 3")
					w.ask("CLIENT TRACKING ON" + mode)
					rnd := rand.New(rand.NewPCG(peer.Seed(t), uint64(i)))
					wg.Add(1)
					go func() {
						defer wg.Done()
						for n := range rounds {
							key := fmt.Sprintf("k%d", rnd.IntN(keys))
							switch rnd.IntN(8) {
							case 0, 1:
								w.cached(cache, fmt.Sprintf("SET %s %d-%d", key, i, n))
								if mode == " NOLOOP" {
									delete(cache, key)
								}
							case 2:
								w.cached(cache, "MULTI")
								w.cached(cache, "INCR n"+key)
								w.cached(cache, "DEL "+key)
								w.cached(cache, "EXEC")
								delete(cache, key)
							default:
								if v := w.cached(cache, "GET "+key); v.Kind != resp.KindError {
									cache[key] = v.String()
								}
							}
						}
					}()
				}
				wg.Wait()
				check := s.wire()
				check.ask("HELLO 3")
				for i, w := range wires {
					w.cached(caches[i], "PING")
					for key, v := range caches[i] {
						if now := check.ask("GET " + key).String(); now != v {
							t.Errorf("client %d keeps %s of %s, which is %s", i, v, key, now)
						}
					}
				}
			})
		})
	}
}

// cached sends a command, takes what the messages before its reply tell of out of a
// cache, and gives the reply.
func (w *wire) cached(cache map[string]string, line string) resp.Value {
	w.send(line + "\r\n")
	for {
		v := w.read()
		if v.Kind != resp.KindPush {
			return v
		}
		if len(v.Elems) != 2 || string(v.Elems[0].Str) != "invalidate" {
			w.t.Errorf("message %v", v)
			continue
		}
		for _, k := range v.Elems[1].Elems {
			delete(cache, string(k.Str))
		}
	}
}

// TestTrackingEnds shows that nothing is kept when nobody tracks any more.
func TestTrackingEnds(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		w := s.wire()
		w.ask("HELLO 3")
		w.ask("CLIENT TRACKING ON")
		w.ask("MGET a b c d")
		other := s.wire()
		other.ask("CLIENT TRACKING ON BCAST PREFIX x PREFIX y")
		stats := func() string {
			var out string
			s.Exec.World.Stop()
			s.store.Lock(s.store.All())
			clients, prefixes := s.Exec.Trackers()
			keys, items := 0, 0
			for i := range s.store.Shards() {
				k, n := s.Exec.Tracked(s.store.Shard(i))
				keys, items = keys+k, items+n
			}
			out = fmt.Sprint(clients, keys, items, prefixes)
			s.store.Unlock(s.store.All())
			s.Exec.World.Go()
			return out
		}
		if got := stats(); got != "2 4 4 2" {
			t.Errorf("clients, keys, items and prefixes are %s", got)
		}
		w.nc.Close()
		until(t, "one to be gone", func() bool { return stats()[:1] == "1" })
		other.ask("CLIENT TRACKING OFF")
		until(t, "tables to be empty", func() bool { return stats() == "0 0 0 0" })
		for i := range s.store.Shards() {
			sh := s.store.Shard(i)
			sh.Lock()
			if sh.Heeded() {
				t.Errorf("changes of shard %d are still told", i)
			}
			sh.Unlock()
		}
	})
}

// TestRedirectionEndsWithTheLastReply has a connection that messages are redirected to end:
// once it has read the reply to QUIT, whoever redirected to it learns so with the next change,
// though the connection may be closed later.
func TestRedirectionEndsWithTheLastReply(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		reader, writer := s.wire(), s.wire()
		reader.ask("HELLO 3")
		for i := range 300 {
			to := s.wire()
			to.ask("HELLO 3")
			id := to.ask("CLIENT ID").Int
			reader.ask(fmt.Sprintf("CLIENT TRACKING ON REDIRECT %d", id))
			reader.ask("GET key")
			to.do("QUIT\r\n", "+OK\r\n")
			writer.ask(fmt.Sprintf("SET key %d", i))
			reader.do("PING\r\n", fmt.Sprintf(">2\r\n$21\r\ntracking-redir-broken\r\n:%d\r\n+PONG\r\n", id))
			to.nc.Close()
		}
	})
}
