package node

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/persist"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/snapshot"
	"github.com/redstart-db/redstart/internal/store"
)

// Snapshots are taken one after the other while several clients write. With the tag
// invariants each record is compared with what it was; the race detector finds
// what is read or written without a lock.
func TestSnapshotsWhileWriting(t *testing.T) {
	first := newTalk(t, nil)
	n := first.n
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for id := range 3 {
		c := first.another()
		wg.Add(1)
		go func() {
			defer wg.Done()
			rnd := rand.New(rand.NewPCG(uint64(id), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				m := func() string { return fmt.Sprint("member:", rnd.IntN(3000)) }
				k := fmt.Sprint(rnd.IntN(4))
				switch rnd.IntN(12) {
				case 0:
					c.do("SET", "string"+fmt.Sprint(rnd.IntN(3000)), m())
				case 1:
					c.do("APPEND", "long"+k, strings.Repeat("x", 1000))
				case 2:
					c.do("HSET", "hash"+k, m(), m(), m(), m())
				case 3:
					c.do("RPUSH", "list"+k, m(), m(), m())
				case 4:
					c.do("LPOP", "list"+k, "2")
				case 5:
					c.do("SADD", "set"+k, m(), m(), m())
				case 6:
					c.do("ZADD", "zset"+k, k, m(), "7", m())
				case 7:
					c.do("XADD", "stream"+k, "*", m(), m())
				case 8:
					c.do("XTRIM", "stream"+k, "MAXLEN", "500")
				case 9:
					c.do("SREM", "set"+k, m())
				case 10:
					if rnd.IntN(30) == 0 {
						c.do("UNLINK", "hash"+k, "list"+k, "zset"+k)
					}
				case 11:
					if rnd.IntN(200) == 0 {
						c.do("FLUSHALL", "ASYNC")
					}
				}
			}
		}()
	}
	end := time.Now().Add(3 * time.Second)
	for taken := 0; time.Now().Before(end) || taken < 3; taken++ {
		var snap *snapshot.Snapshot
		var err error
		want := 0
		n.stopped(func() {
			for db := range n.store.Databases() {
				want += n.store.Len(db)
			}
			snap, err = snapshot.Begin(n.store, snapshot.Options{Compress: taken%2 == 0})
		})
		if err != nil {
			t.Fatal(err)
		}
		b := rdb.AppendFileHeader(nil, rdb.Version)
		for done := false; !done; {
			b, done = snap.Next(b)
			if taken%5 == 4 && len(b) > 100_000 {
				break
			}
		}
		snap.Close()
		if taken%5 == 4 {
			continue // given up
		}
		if got := loadedKeys(t, rdb.AppendFileEnd(append(b, byte(rdb.OpEOF)), 0)); got != want {
			t.Errorf("a snapshot of %d keys has %d", want, got)
		}
	}
	close(stop)
	wg.Wait()
}

// loadedKeys is how many keys a file has, all of which load.
func loadedKeys(t *testing.T, b []byte) int {
	t.Helper()
	st, err := store.New(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	l := persist.Loader{Store: st, Limits: serial.LimitsOf(config.Default(), 0)}
	res, err := l.Load(b)
	if err != nil {
		t.Fatal(err)
	}
	return res.Keys
}
