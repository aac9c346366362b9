package hostile

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

func TestKeyTwice(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	s.expect(c,
		"MSETNX a 1 a 2", "1", "GET a", `"2"`, "MSETNX b 1 a 2 b 3", "0", "EXISTS b", "0",
		"MSET a 1 a 2 a 3", "+OK", "GET a", `"3"`, "DEL a a a", "1", "SET a x", "+OK", "EXISTS a a", "2",
		"RENAME a a", "+OK", "COPY a a", "-ERR source and destination objects are the same", "DBSIZE", "1",
		"BITOP AND a a a", "1", "UNLINK a a", "1", "WATCH a a", "+OK", "MULTI", "+OK", "SET a 1", "+QUEUED", "EXEC", "[+OK]")
}

func TestWatchWithExpiry(t *testing.T) {
	s := start(t)
	c, other := s.Dial(t), s.Dial(t)
	for range 20 {
		s.expect(c, "SET w x PX 5", "+OK", "WATCH w", "+OK")
		time.Sleep(8 * time.Millisecond)
		// Its expiry is no change for those who saw it before as it was.
		s.expect(other, "EXISTS w", "0", "SET v 1", "+OK")
		s.expect(c, "MULTI", "+OK", "GET w", "+QUEUED")
		if r, err := c.Do("EXEC"); err != nil || r.IsError() {
			t.Fatalf("EXEC: %v %v", r, err)
		}
		s.expect(c, "UNWATCH", "+OK")
	}
}

// TestKillInAnyState closes clients in the middle of whatever they do.
func TestKillInAnyState(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 100 {
				nc, err := net.DialTimeout("tcp", s.Addr, replyLimit)
				if err != nil {
					t.Error(err)
					return
				}
				nc.SetDeadline(time.Now().Add(replyLimit))
				io.WriteString(nc, "CLIENT SETNAME victim\r\n")
				io.WriteString(nc, []string{
					"WATCH a b c\r\nMULTI\r\nSET a 1\r\nSET b 2\r\n",
					"MULTI\r\nCLIENT LIST\r\nCLIENT KILL TYPE pubsub\r\nEXEC\r\n",
					"MONITOR\r\n",
					strings.Repeat("SET a 1\r\nGET a\r\n", 500),
					"CLIENT PAUSE 5 WRITE\r\nSET a 1\r\n",
					"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n" + strings.Repeat("x", 70000),
					"CLIENT REPLY OFF\r\nMULTI\r\n",
				}[(g+i)%7])
				if i%4 == 0 {
					nc.Close()
				} else {
					defer nc.Close()
				}
			}
		}()
	}
	c := s.Dial(t)
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		r, err := c.Do("CLIENT", "LIST")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(r.Str), "\n") {
			if strings.Contains(line, " name=victim ") {
				id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
				if _, err := c.Do("CLIENT", "KILL", "ID", id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	wg.Wait()
	s.expect(c, "CLIENT UNPAUSE", "+OK", "SET a 1", "+OK")
}

func TestTransactionThatGrows(t *testing.T) {
	s := start(t, "--client-query-buffer-limit", "1mb")
	nc := s.conn()
	go io.Copy(io.Discard, nc)
	io.WriteString(nc, "MULTI\r\n"+strings.Repeat("GET k\r\n", 100000)+"EXEC\r\n")
	for i := range 50 {
		io.WriteString(nc, fmt.Sprintf("MULTI\r\nSET k %d\r\nNOSUCH\r\nEXEC\r\n", i))
	}
}

// TestEvictWhileUnblocked has clients evicted, and killed, while others serve them with
// what they wait for: each value makes its reader heavy.
func TestEvictWhileUnblocked(t *testing.T) {
	s := startWithin(t, 256<<20, "--maxmemory-clients", "12mb")
	value := strings.Repeat("x", 8<<20)
	var wg sync.WaitGroup
	end := time.Now().Add(3 * time.Second)
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Now().Before(end) {
				nc, err := net.DialTimeout("tcp", s.Addr, replyLimit)
				if err != nil {
					t.Error(err)
					return
				}
				defer nc.Close()
				nc.(*net.TCPConn).SetReadBuffer(4 << 10) // what replies wait for in the server: the system takes up to 4 MB
				// Enough to wait for that the buffers of the sockets do not take it.
				io.WriteString(nc, "CLIENT SETNAME victim\r\n"+strings.Repeat("BLPOP q r 0\r\nBLMOVE q r LEFT RIGHT 0\r\n", 40))
				time.Sleep(5 * time.Millisecond)
			}
		}()
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		c, err := peer.Dial(s.Addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for time.Now().Before(end) {
			time.Sleep(time.Millisecond)
			// It may be evicted itself in the end.
			if _, err := c.Do("RPUSH", "q", value); err != nil {
				c.Close()
				if c, err = peer.Dial(s.Addr); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	c := s.Dial(t)
	s.expect(c, "CLIENT NO-EVICT ON", "+OK")
	for time.Now().Before(end) {
		if _, err := c.Do("DEL", "q", "r"); err != nil {
			t.Fatal(err)
		}
		r, err := c.Do("CLIENT", "LIST")
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(r.Str), "\n") {
			if i%7 == 3 && strings.Contains(line, " name=victim ") {
				id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
				if _, err := c.Do("CLIENT", "KILL", "ID", id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	wg.Wait()
	stats, err := c.Do("INFO", "stats")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(stats.Str), "evicted_clients:0\r\n") {
		t.Error("no client was evicted")
	}
	s.expect(c, "SET a 1", "+OK")
}
