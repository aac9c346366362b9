package blocking

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// TestNothingIsLost has producers, consumers and movers work on a few lists at
// once, with timeouts, transactions and CLIENT UNBLOCK, and counts: each element
// that was pushed comes out once. REDSTART_SEED replays the choices of a run.
func TestNothingIsLost(t *testing.T) {
	seed := peer.Seed(t)
	srv := peer.StartRedstart(t, peer.Options{Args: []string{"--redstart-loops", "2"}})
	const (
		producers, consumers, movers = 3, 6, 3
		elements                     = 3000 // of a producer
	)
	s := &stress{t: t, srv: srv, got: make(map[string]int)}
	var pushing, others sync.WaitGroup
	for n := range producers {
		pushing.Add(1)
		go s.run(&pushing, seed, n, func(c *peer.Conn, r *rand.Rand) error { return s.produce(c, r, n, elements) })
	}
	for n := range consumers {
		others.Add(1)
		go s.run(&others, seed, 100+n, s.consume)
	}
	for n := range movers {
		others.Add(1)
		go s.run(&others, seed, 200+n, s.move)
	}
	others.Add(1)
	go s.run(&others, seed, 300, s.disturb)
	pushing.Wait()
	s.stop()
	others.Wait()

	c := srv.Dial(t)
	for _, l := range lists {
		for _, e := range c.Must(t, "LRANGE", l, "0", "-1").Elems {
			s.got[string(e.Str)]++
		}
	}
	for n := range producers {
		for i := range elements {
			if k := s.got[fmt.Sprintf("%d:%d", n, i)]; k != 1 {
				t.Fatalf("element %d of producer %d came out %d times", i, n, k)
			}
		}
	}
}

var lists = []string{"a", "b", "c", "d", "e"}

type stress struct {
	t   *testing.T
	srv *peer.Server

	mu   sync.Mutex
	done bool
	ids  []string // of connections that wait
	got  map[string]int
}

func (s *stress) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
}

func (s *stress) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

func (s *stress) run(wg *sync.WaitGroup, seed uint64, n int, work func(*peer.Conn, *rand.Rand) error) {
	defer wg.Done()
	c, err := peer.Dial(s.srv.Addr)
	if err == nil {
		defer c.Close()
		err = work(c, rand.New(rand.NewPCG(seed, uint64(n))))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.t.Error(err)
	}
}

func one(r *rand.Rand) string { return lists[r.IntN(len(lists))] }

func side(r *rand.Rand) string { return []string{"LEFT", "RIGHT"}[r.IntN(2)] }

func (s *stress) produce(c *peer.Conn, r *rand.Rand, n, elements int) error {
	for i := 0; i < elements; {
		k := min(1+r.IntN(4), elements-i)
		args := []string{"RPUSH", one(r)}
		for range k {
			args = append(args, fmt.Sprintf("%d:%d", n, i))
			i++
		}
		if r.IntN(4) > 0 {
			if _, err := c.Do(args...); err != nil {
				return err
			}
			continue
		}
		for _, cmd := range [][]string{{"MULTI"}, args, {"EXEC"}} {
			if _, err := c.Do(cmd...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stress) known(c *peer.Conn) error {
	r, err := c.Do("CLIENT", "ID")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, fmt.Sprint(r.Int))
	return err
}

func (s *stress) consume(c *peer.Conn, r *rand.Rand) error {
	if err := s.known(c); err != nil {
		return err
	}
	for !s.stopped() {
		timeout := fmt.Sprintf("0.%03d", 1+r.IntN(30))
		var args []string
		switch r.IntN(3) {
		case 0:
			args = []string{"BLPOP", one(r), one(r), timeout}
		case 1:
			args = []string{"BRPOP", one(r), timeout}
		default:
			args = []string{"BLMPOP", timeout, "2", one(r), one(r), side(r), "COUNT", "2"}
		}
		reply, err := c.Do(args...)
		if err != nil {
			return err
		}
		s.count(&reply)
	}
	return nil
}

// count notes the elements of a reply: a key and either one or an array.
func (s *stress) count(r *peer.Reply) {
	if len(r.Elems) != 2 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := r.Elems[1]
	for _, e := range v.Elems {
		s.got[string(e.Str)]++
	}
	if len(v.Elems) == 0 {
		s.got[string(v.Str)]++
	}
}

func (s *stress) move(c *peer.Conn, r *rand.Rand) error {
	if err := s.known(c); err != nil {
		return err
	}
	for !s.stopped() {
		timeout := fmt.Sprintf("0.%03d", 1+r.IntN(30))
		var err error
		if r.IntN(2) == 0 {
			_, err = c.Do("BLMOVE", one(r), one(r), side(r), side(r), timeout)
		} else {
			_, err = c.Do("BRPOPLPUSH", one(r), one(r), timeout)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// disturb unblocks others, swaps lists, and has clients that wait go away.
func (s *stress) disturb(c *peer.Conn, r *rand.Rand) error {
	for !s.stopped() {
		var err error
		switch r.IntN(4) {
		case 0:
			id := "1"
			s.mu.Lock()
			if len(s.ids) > 0 {
				id = s.ids[r.IntN(len(s.ids))]
			}
			s.mu.Unlock()
			_, err = c.Do("CLIENT", "UNBLOCK", id, []string{"TIMEOUT", "ERROR"}[r.IntN(2)])
		case 1:
			// A list whose name nobody else uses.
			if _, err = c.Do("LMOVE", one(r), "private", side(r), side(r)); err == nil {
				_, err = c.Do("LMOVE", "private", one(r), side(r), side(r))
			}
		case 2:
			var gone *peer.Conn
			if gone, err = peer.Dial(s.srv.Addr); err == nil {
				err = gone.Send("BLMOVE", one(r), one(r), side(r), side(r), "0")
				gone.Close()
			}
		default:
			_, err = c.Do("LLEN", one(r))
		}
		if err != nil {
			return err
		}
		time.Sleep(time.Duration(r.IntN(500)) * time.Microsecond)
	}
	return nil
}
