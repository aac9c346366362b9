package node

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// large is a value that tells where its bytes belong.
func large(n int, seed uint64) string {
	rnd := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, n)
	rnd.Read(b)
	return string(b)
}

// request is a command as clients send it.
func request(args ...string) string { return string(resp.AppendCommandString(nil, args...)) }

// live is what the arenas have in live blocks, in bytes, and in blocks where something
// arrives.
func (s *instance) live() (live, landing uint64) {
	for i := range s.store.Shards() {
		sh := s.store.Shard(i)
		sh.Lock()
		live, landing = live+sh.Arena().Live(), landing+sh.Landing()
		sh.Unlock()
	}
	return live, landing
}

// begin sends all but the end of a request and waits until its value arrives in the arena,
// if it does so on this kind of connection. It gives the end.
func (w *wire) begin(s *instance, request string) (end string) {
	w.t.Helper()
	cut := len(request) - 100
	w.send(request[:cut])
	if strings.HasSuffix(w.t.Name(), "tcp") {
		until(w.t, "the value to arrive", func() bool { _, landing := s.live(); return landing > 0 })
	}
	return request[cut:]
}

// TestLargeValuesArrive sends large values by all commands that store one, in pieces, with
// other requests before and behind, and compares what is stored.
func TestLargeValuesArrive(t *testing.T) {
	onBoth(t, func(c *config.Config) { c.SlowlogLogSlowerThan = 0 }, func(t *testing.T, s *instance) {
		rnd := rand.New(rand.NewPCG(peer.Seed(t), 1))
		w := s.wire()
		w.do("SET other 1\r\n", "+OK\r\n")
		for round := range 40 {
			size := []int{60 << 10, 64 << 10, 100_000, 1 << 20, 3 << 20}[rnd.IntN(5)] + rnd.IntN(3) - 1
			v := large(size, uint64(round))
			k := fmt.Sprint("key", rnd.IntN(3))
			var sent, want string
			switch rnd.IntN(9) {
			case 0, 1:
				sent, want = request("set", k, v), "+OK\r\n"
			case 2:
				sent, want = request("SET", k, v, "EX", "1000"), "+OK\r\n"
			case 3:
				sent, want = request("SETEX", k, "1000", v), "+OK\r\n"
			case 4:
				sent, want = request("DEL", k)+request("SETNX", k, v), ":?\r\n:1\r\n"
			case 5:
				sent, want = request("DEL", k)+request("GETSET", k, v), ":?\r\n$-1\r\n"
			case 6:
				sent, want = request("MULTI")+request("SET", k, v)+request("EXEC"), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"
			case 7:
				sent, want = request("MSET", k, v, "x", v), "+OK\r\n"
			case 8:
				sent, want = request("SET", k, v)+request("SET", k, "small", "NX"), "+OK\r\n$-1\r\n"
			}
			for sent := request("GET", "other") + sent + request("PSETEX", "other", "100000", "1"); sent != ""; {
				n := min(len(sent), 1+rnd.IntN([]int{100, 10_000, 1 << 20, 8 << 20}[rnd.IntN(4)]))
				if w.send(sent[:n]); rnd.IntN(3) == 0 {
					time.Sleep(time.Millisecond) // so that it comes in pieces
				}
				sent = sent[n:]
			}
			w.expect("$1\r\n1\r\n")
			for _, c := range []byte(want + "+OK\r\n") {
				if b, err := w.br.ReadByte(); err != nil || b != c && c != '?' {
					t.Fatalf("round %d: got %q (%v), want %q of %q", round, b, err, c, want)
				}
			}
			if got := w.ask("GET " + k); string(got.Str) != v {
				t.Fatalf("round %d: %d bytes that differ from %d", round, len(got.Str), size)
			}
			if rnd.IntN(5) == 0 {
				w.do("FLUSHALL\r\n", "+OK\r\n")
				w.do("SET other 1\r\n", "+OK\r\n")
			}
		}
		if _, landing := s.live(); landing != 0 {
			t.Errorf("%d bytes still wait for something to arrive", landing)
		}
		w.do("FLUSHALL\r\n", "+OK\r\n")
		until(t, "all to be freed", func() bool { live, _ := s.live(); return live < 64<<10 })
	})
}

// TestLargeValuesThatDoNotArrive ends connections in the midst of a value, or has it come to
// nothing otherwise: nothing of it stays.
func TestLargeValuesThatDoNotArrive(t *testing.T) {
	onBoth(t, nil, func(t *testing.T, s *instance) {
		v := large(1<<20, 1)
		set := request("SET", "k", v)
		other := s.wire()
		gone := func(what string) {
			t.Helper()
			until(t, what+" leaves nothing", func() bool { live, landing := s.live(); return landing == 0 && live < 256<<10 })
		}
		w := s.wire()
		w.begin(s, set)
		w.nc.Close()
		gone("a client that goes away")

		w = s.wire()
		w.do("CLIENT SETNAME victim\r\n", "+OK\r\n")
		id := w.ask("CLIENT ID").Int
		w.begin(s, set)
		if strings.HasSuffix(t.Name(), "tcp") {
			list := string(other.ask("CLIENT LIST").Str)
			if !strings.Contains(list, "name=victim") || !strings.Contains(list, "tot-mem=11") && !strings.Contains(list, "tot-mem=10") {
				t.Errorf("what arrives does not count as its client's: %s", list)
			}
		}
		other.do(fmt.Sprintf("CLIENT KILL ID %d\r\n", id), ":1\r\n")
		w.expectEnd()
		gone("a client that is killed")

		w = s.wire()
		other.do("SET k 1\r\n", "+OK\r\n")
		end := w.begin(s, request("SET", "k", v, "NX"))
		w.do(end, "$-1\r\n")
		gone("a value that is not stored")

		end = w.begin(s, request("SET", "k", v, "what"))
		w.do(end, "-ERR syntax error\r\n")
		gone("a syntax error")

		end = w.begin(s, set)
		other.do("FLUSHALL\r\n", "+OK\r\n")
		w.do(end, "+OK\r\n")
		other.do("STRLEN k\r\n", ":1048576\r\n")
		if got := other.ask("GET k"); string(got.Str) != v {
			t.Error("what arrived while all was flushed differs")
		}
		other.do("DEL k\r\n", ":1\r\n")
		gone("a value that was deleted")

		end = w.begin(s, set)
		other.do("CLIENT PAUSE 100000 WRITE\r\n", "+OK\r\n")
		w.send(end)
		w.expectSilence()
		other.do("CLIENT UNPAUSE\r\n", "+OK\r\n")
		w.expect("+OK\r\n")
		if got := other.ask("GET k"); string(got.Str) != v {
			t.Error("what was written after a pause differs")
		}
		other.do("DEL k\r\n", ":1\r\n")

		end = w.begin(s, set)
		other.do("CONFIG SET busy-reply-threshold 1\r\n", "+OK\r\n")
		script := s.wire()
		script.send(`EVAL "while true do end" 0` + "\r\n")
		until(t, "the script to be slow", func() bool { return other.ask("GET k").Kind == resp.KindError })
		w.send(end)
		if got := w.read(); !bytes.HasPrefix(got.Str, []byte("BUSY")) {
			t.Errorf("a write beside a script: %v", got)
		}
		other.do("SCRIPT KILL\r\n", "+OK\r\n")
		script.read()
		gone("a value that came while a script ran")
	})
}
