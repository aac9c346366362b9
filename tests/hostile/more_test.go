package hostile

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
)

// TestPurgeInTransaction: what asks for locks itself may find that its own
// transaction holds them.
func TestPurgeInTransaction(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	s.expect(c, "MULTI", "+OK", "MEMORY PURGE", "+QUEUED", "SCAN 0", "+QUEUED", "MEMORY PURGE", "+QUEUED", "FLUSHALL SYNC", "+QUEUED",
		"MEMORY DOCTOR", "+QUEUED", "RANDOMKEY", "+QUEUED", "KEYS *", "+QUEUED")
	if r, err := c.Do("EXEC"); err != nil || len(r.Elems) != 7 {
		t.Fatalf("EXEC: %v %v", r, err)
	}
	s.expect(s.Dial(t), "SET k v", "+OK", "DBSIZE", "1")
}

func TestWatchOfManyKeys(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	args := []string{"WATCH"}
	for i := range 200_000 {
		args = append(args, "k"+strconv.Itoa(i))
	}
	s.expect(c, strings.Join(args, " "), "+OK", "WATCH k1 k2 k199999", "+OK")
	s.expect(s.Dial(t), "SET k150000 1", "+OK")
	s.expect(c, "MULTI", "+OK", "PING", "+QUEUED", "EXEC", "nil*", "MULTI", "+OK", "PING", "+QUEUED", "EXEC", "[+PONG]")
}

// TestReplyOfTransaction: a client whose output has a limit cannot make the
// server build a reply of many times that first.
func TestReplyOfTransaction(t *testing.T) {
	s := start(t, "--client-output-buffer-limit", "normal", "8mb", "0", "0")
	c := s.Dial(t)
	s.expect(c, "SETRANGE big 1000000 x", "1000001")
	nc := s.conn()
	io.WriteString(nc, "MULTI\r\n"+strings.Repeat("GET big\r\n", 1000)+"SET done 1\r\nEXEC\r\n")
	go io.Copy(io.Discard, nc)
	for end := time.Now().Add(replyLimit); ; time.Sleep(10 * time.Millisecond) {
		if r := c.Must(t, "GET", "done"); string(r.Str) == "1" {
			break // a transaction is carried out, whoever reads of it
		}
		if time.Now().After(end) {
			t.Fatal("the transaction was not carried out")
		}
	}
}

// TestReaderThatReadsSlowly takes a byte now and then of replies without end.
func TestReaderThatReadsSlowly(t *testing.T) {
	s := start(t, "--client-output-buffer-limit", "normal", "4mb", "1mb", "1")
	c := s.Dial(t)
	s.expect(c, "SETRANGE big 100000 x", "100001")
	var wg sync.WaitGroup
	var conns []net.Conn
	for range 8 {
		nc := s.conn()
		conns = append(conns, nc)
		wg.Go(func() {
			go io.Copy(nc, endless("GET big\r\n"))
			var one [1]byte
			for {
				if _, err := nc.Read(one[:]); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
				nc.SetDeadline(time.Now().Add(replyLimit))
			}
		})
	}
	gone := func() bool { return strings.Count(string(c.Must(t, "CLIENT", "LIST").Str), "\n") <= 2 }
	for end := time.Now().Add(replyLimit); !gone(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("some are still connected")
		}
	}
	for _, nc := range conns {
		nc.Close() // with all that it has not read yet
	}
	wg.Wait()
}

// endless is a reader of the same text again and again.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

// TestMonitorThatNeverReads: what others do is not kept for it without end.
func TestMonitorThatNeverReads(t *testing.T) {
	s := start(t, "--client-output-buffer-limit", "normal", "2mb", "0", "0")
	m := s.conn()
	io.WriteString(m, "MONITOR\r\n")
	c := s.Dial(t)
	value := strings.Repeat("v", 10000)
	for range 3000 {
		c.Must(t, "SET", "k", value)
	}
	for end := time.Now().Add(replyLimit); strings.Contains(string(c.Must(t, "CLIENT", "LIST").Str), " flags=O "); {
		if time.Now().After(end) {
			t.Fatal("it is still connected")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestArgumentsWithoutEnd sends requests of very many empty arguments, which take
// more room once read than they had on the way.
func TestArgumentsWithoutEnd(t *testing.T) {
	s := start(t, "--client-query-buffer-limit", "4mb")
	for range 3 {
		nc := s.conn()
		go io.Copy(io.Discard, nc)
		io.WriteString(nc, "*100000000\r\n$3\r\nDEL\r\n")
		chunk := bytes.Repeat([]byte("$0\r\n\r\n"), 10000)
		for range 1000 {
			if _, err := nc.Write(chunk); err != nil {
				break
			}
		}
	}
	c := s.Dial(t)
	args := []string{"DEL"}
	for range 300_000 {
		args = append(args, "")
	}
	if r := c.Must(t, args...); r.Int != 0 {
		t.Errorf("DEL: %v", r)
	}
}

// TestLargeValueLeavesNothing: what a large value came in is not kept when both
// are gone, though the connection stays.
func TestLargeValueLeavesNothing(t *testing.T) {
	s := start(t)
	base := s.memory()
	value := strings.Repeat("v", 24<<20)
	for range 4 {
		c := s.Dial(t)
		c.Must(t, "SET", "k", value)
		c.Must(t, "GET", "none")
		c.Must(t, "DEL", "k")
	}
	s.expect(s.Dial(t), "MEMORY PURGE", "+OK")
	if kept := s.memory() - base; kept > 12<<20 {
		t.Errorf("the server has kept %d MB", kept>>20)
	}
}

// TestMaskedExtremes: commands in a transaction meet the same numbers as alone.
func TestMaskedExtremes(t *testing.T) {
	s := start(t, "--proto-max-bulk-len", "16mb")
	c := s.Dial(t)
	for _, n := range extremes {
		for _, line := range []string{
			"SETRANGE k %s x", "GETRANGE k %s %s", "SETBIT k %s 1", "BITFIELD k SET i64 #%s 1", "EXPIRE k %s", "SELECT %s", "SWAPDB %s %s",
			"CLIENT UNBLOCK %s", "SCAN %s COUNT %s", "SLOWLOG GET %s", "MEMORY USAGE k SAMPLES %s", "RESTORE k %s x",
		} {
			words := strings.Split(strings.ReplaceAll(line, "%s", n), " ")
			b := resp.AppendCommandString(nil, "MULTI")
			b = resp.AppendCommandString(b, words...)
			b = resp.AppendCommandString(b, "EXEC")
			b = resp.AppendCommandString(b, "SELECT", "0")
			b = resp.AppendCommandString(b, "DEL", "k")
			if err := c.SendRaw(b); err != nil {
				t.Fatal(err)
			}
			for range 5 {
				if _, err := c.Read(); err != nil {
					t.Fatalf("%q: %v\n%s", words, err, s.Log())
				}
			}
		}
	}
}

// TestConfigurationUnderLoad changes what every command reads.
func TestConfigurationUnderLoad(t *testing.T) {
	s := start(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 3 {
		c := s.Dial(t)
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := c.Do("SET", fmt.Sprint("k", g, i%100), "v"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	c := s.Dial(t)
	other := port(s)
	free := "0"
	for i := range 60 {
		s.expect(c, "CONFIG SET maxmemory "+strconv.Itoa(i%2), "+OK",
			"CONFIG SET port "+[]string{free, other}[i%2], "+OK",
			"CONFIG SET maxclients "+strconv.Itoa(100+i), "+OK",
			"CONFIG SET slowlog-max-len "+strconv.Itoa(i%3), "+OK",
			"CONFIG SET slowlog-log-slower-than 0", "+OK",
			"CONFIG SET timeout "+strconv.Itoa(i%2*100), "+OK")
	}
	close(stop)
	wg.Wait()
	s.expect(c, "CONFIG SET port "+other, "+OK", "CONFIG SET maxmemory 0", "+OK")
	s.expect(s.Dial(t), "SET k v", "+OK")
}
