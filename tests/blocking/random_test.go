package blocking

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// TestRandom has a few clients wait for a few keys, and one that changes these in
// all ways, on both servers, one command after the other. After each, the same
// clients have to wait, and the others to have got the same. REDSTART_SEED replays
// a run, REDSTART_COMMANDS sets its length.
func TestRandom(t *testing.T) {
	seed, commands := peer.Seed(t), peer.Number(t, "REDSTART_COMMANDS", 1500)
	d := &duel{T: t, r: rand.New(rand.NewPCG(seed, 0)), waiting: make(map[int]bool)}
	for i, srv := range []*peer.Server{peer.Start(t, peer.Options{}), peer.StartRedstart(t, peer.Options{})} {
		s := &d.sides[i]
		s.admin = srv.Dial(t)
		for range 6 {
			c := srv.Dial(t)
			s.clients = append(s.clients, c)
			s.ids = append(s.ids, fmt.Sprint(c.Must(t, "CLIENT", "ID").Int))
		}
	}
	for range commands {
		if len(d.waiting) < len(d.sides[0].clients) && d.r.IntN(2) == 0 {
			d.begin()
		} else {
			d.change()
		}
		d.settle()
	}
	for _, key := range duelKeys {
		d.admin("LRANGE", key, "0", "-1")
	}
}

var duelKeys = []string{"a", "b", "c", "d"}

// duel is two servers, the reference first, that get the same commands.
type duel struct {
	*testing.T
	r       *rand.Rand
	sides   [2]opponent
	waiting map[int]bool // clients that wait
	history []string
	queue   []string // their commands, in the order in which they came
}

type opponent struct {
	admin   *peer.Conn
	clients []*peer.Conn
	ids     []string
}

func (d *duel) key() string { return duelKeys[d.r.IntN(len(duelKeys))] }

func (d *duel) fail(format string, args ...any) {
	d.Helper()
	d.Fatalf("after\n  %s\nwith those who wait\n  %s\n%s", strings.Join(d.history[max(0, len(d.history)-40):], "\n  "),
		strings.Join(d.queue, "\n  "), fmt.Sprintf(format, args...))
}

// admin sends a command that does not wait, and compares the replies.
func (d *duel) admin(args ...string) {
	d.Helper()
	d.history = append(d.history, strings.Join(args, " "))
	var got [2]string
	for i := range d.sides {
		r, err := d.sides[i].admin.Do(args...)
		if err != nil {
			d.fail("%v", err)
		}
		got[i] = string(r.Raw)
	}
	if got[0] != got[1] && args[0] != "CLIENT" {
		d.fail("Redis replies %q, Redstart %q", got[0], got[1])
	}
}

// begin has a client that is free send a command that may wait.
func (d *duel) begin() {
	n := d.r.IntN(len(d.sides[0].clients))
	for d.waiting[n] {
		n = (n + 1) % len(d.sides[0].clients)
	}
	var args []string
	switch d.r.IntN(7) {
	case 0:
		args = []string{"BLPOP", d.key(), d.key(), "0"}
	case 1:
		args = []string{"BRPOP", d.key(), "0"}
	case 2, 3:
		args = []string{"BLMOVE", d.key(), d.key(), side(d.r), side(d.r), "0"}
	case 4:
		args = []string{"BRPOPLPUSH", d.key(), d.key(), "0"}
	case 5:
		args = []string{"BLMPOP", "0", "2", d.key(), d.key(), side(d.r), "COUNT", strconv.Itoa(1 + d.r.IntN(3))}
	default:
		args = []string{"BZPOPMIN", d.key(), d.key(), "0"}
	}
	line := fmt.Sprintf("client %d: %s", n, strings.Join(args, " "))
	d.history = append(d.history, line)
	d.queue = append(d.queue, line)
	for i := range d.sides {
		s := &d.sides[i]
		s.clients[n].Must(d.T, "PING")
		if err := s.clients[n].Send(args...); err != nil {
			d.fail("%v", err)
		}
		// The command has run when it is the last that did.
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Microsecond) {
			line := s.admin.Must(d.T, "CLIENT", "LIST", "ID", s.ids[n]).String()
			if strings.Contains(line, "cmd="+strings.ToLower(args[0])+" ") {
				break
			}
			if time.Now().After(deadline) {
				d.fail("the command does not run: %s", line)
			}
		}
	}
	d.waiting[n] = true // if not, settle will see
}

// change changes the data.
func (d *duel) change() {
	a, b := d.key(), d.key()
	elem := strconv.Itoa(d.r.IntN(1000))
	switch d.r.IntN(22) {
	case 0:
		d.admin("DEL", a)
	case 1:
		d.admin("SET", a, "string")
	case 2:
		d.admin("RENAME", a, b)
	case 3:
		d.admin("COPY", a, b, "REPLACE")
	case 4:
		d.admin("LMOVE", a, b, side(d.r), side(d.r))
	case 5:
		d.admin("RPOPLPUSH", a, b)
	case 6:
		d.admin("ZADD", a, elem, elem, "5", "five")
	case 7:
		// Redis wakes nobody when SORT takes the place of what was there.
		d.admin("RENAME", b, "away")
		d.admin("SORT", a, "STORE", b)
	case 8:
		// The order in which keys become ready is not defined.
		if len(d.waiting) == 0 {
			d.admin("SWAPDB", "0", "1")
		}
	case 9:
		d.admin("LPOP", a, "2")
	case 10:
		d.admin("FLUSHDB")
	case 11:
		n := d.r.IntN(len(d.sides[0].ids))
		how := []string{"TIMEOUT", "ERROR"}[d.r.IntN(2)]
		for i := range d.sides {
			d.sides[i].admin.Must(d.T, "CLIENT", "UNBLOCK", d.sides[i].ids[n], how)
		}
		d.history = append(d.history, fmt.Sprintf("CLIENT UNBLOCK %d %s", n, how))
	case 12, 13, 14:
		d.admin("MULTI")
		for range 1 + d.r.IntN(4) {
			x := d.key()
			switch d.r.IntN(7) {
			case 0:
				d.admin("DEL", x)
			case 6:
				d.admin("FLUSHDB")
			case 1:
				d.admin("RENAME", x, d.key())
			case 2:
				d.admin("LMOVE", x, d.key(), side(d.r), side(d.r))
			case 3:
				d.admin("ZADD", x, "1", elem)
			default:
				d.admin("RPUSH", x, elem, elem+"'")
			}
		}
		d.admin("EXEC")
	default:
		args := []string{[]string{"LPUSH", "RPUSH"}[d.r.IntN(2)], a}
		for i := range 1 + d.r.IntN(3) {
			args = append(args, elem+strings.Repeat("'", i))
		}
		d.admin(args...)
	}
}

// blocked is which of the clients that may wait do.
func (d *duel) blocked(s *opponent) map[int]bool {
	all := make(map[int]bool)
	for n := range d.waiting {
		if strings.Contains(s.admin.Must(d.T, "CLIENT", "LIST", "ID", s.ids[n]).String(), " flags=b ") {
			all[n] = true
		}
	}
	return all
}

// settle compares who waits on both servers, and what the others have got.
func (d *duel) settle() {
	d.Helper()
	want := d.blocked(&d.sides[0])
	deadline := time.Now().Add(5 * time.Second)
	for !maps.Equal(d.blocked(&d.sides[1]), want) {
		if time.Now().After(deadline) {
			d.fail("on Redis %v wait, on Redstart %v", want, d.blocked(&d.sides[1]))
		}
		time.Sleep(100 * time.Microsecond)
	}
	for _, n := range slices.Sorted(maps.Keys(d.waiting)) {
		if want[n] {
			continue
		}
		delete(d.waiting, n)
		defer func() {
			of := fmt.Sprintf("client %d:", n)
			d.queue = slices.DeleteFunc(d.queue, func(line string) bool { return strings.HasPrefix(line, of) })
		}()
		var got [2]string
		for i := range d.sides {
			r, err := d.sides[i].clients[n].Read()
			if err != nil {
				d.fail("client %d: %v", n, err)
			}
			got[i] = string(r.Raw)
		}
		if got[0] != got[1] {
			d.fail("client %d got %q from Redis, %q from Redstart", n, got[0], got[1])
		}
	}
}
