package blocking

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/words"
	"github.com/redstart-db/redstart/tests/peer"
)

// world is a server that a test talks to.
type world struct {
	*testing.T
	srv   *peer.Server
	admin *client
}

// client is a connection. Commands are written as in redis-cli, replies in one
// line: see show.
type client struct {
	w    *world
	conn *peer.Conn
	id   string
	name string
}

// each runs a test against both servers, each of which is empty.
func each(t *testing.T, test func(w *world)) {
	t.Helper()
	for _, start := range []struct {
		name string
		run  func(testing.TB, peer.Options) *peer.Server
	}{{"redis", peer.Start}, {"redstart", peer.StartRedstart}} {
		t.Run(start.name, func(t *testing.T) {
			w := &world{T: t, srv: start.run(t, peer.Options{Args: []string{"--enable-debug-command", "yes"}})}
			w.admin = w.client("admin")
			test(w)
		})
	}
}

func (w *world) client(name string) *client {
	w.Helper()
	c := &client{w: w, conn: w.srv.Dial(w.T), name: name}
	c.id = fmt.Sprint(c.conn.Must(w.T, "CLIENT", "ID").Int)
	return c
}

// waiter is a client that has sent a command and is blocked by it.
func (w *world) waiter(name, line string) *client {
	w.Helper()
	c := w.client(name)
	c.block(line)
	return c
}

func split(line string) []string {
	args, ok := words.Split([]byte(line))
	if !ok {
		panic("unbalanced quotes: " + line)
	}
	all := make([]string, len(args))
	for i := range args {
		all[i] = string(args[i])
	}
	return all
}

// show writes a reply in one line: nil for what is absent, (elements), -errors.
func show(v *peer.Reply) string { return shown(v.Raw) }

func shown(raw []byte) string {
	s := strings.Split(strings.TrimSuffix(string(raw), "\r\n"), "\r\n")
	text, _ := showFrom(s)
	return text
}

func showFrom(s []string) (text string, rest []string) {
	head := s[0]
	switch {
	case head == "$-1", head == "*-1", head == "_":
		return "nil", s[1:]
	case head[0] == '$':
		return s[1], s[2:]
	case head[0] == '*':
		var n int
		fmt.Sscan(head[1:], &n)
		rest = s[1:]
		elems := make([]string, n)
		for i := range elems {
			elems[i], rest = showFrom(rest)
		}
		return "(" + strings.Join(elems, " ") + ")", rest
	case head[0] == '-':
		return head, s[1:]
	}
	return head[1:], s[1:]
}

// send sends a command without waiting for anything.
func (c *client) send(line string) {
	c.w.Helper()
	if err := c.conn.Send(split(line)...); err != nil {
		c.w.Fatalf("%s: %s: %v", c.name, line, err)
	}
}

// block sends a command and waits until the client is blocked.
func (c *client) block(line string) {
	c.w.Helper()
	c.send(line)
	deadline := time.Now().Add(5 * time.Second)
	for !strings.Contains(c.w.admin.conn.Must(c.w.T, "CLIENT", "LIST", "ID", c.id).String(), "flags=b") {
		if time.Now().After(deadline) {
			c.w.Fatalf("%s: %s does not block", c.name, line)
		}
		time.Sleep(time.Millisecond)
	}
}

// do sends a command and compares its reply.
func (c *client) do(line, want string) {
	c.w.Helper()
	c.send(line)
	c.gets(want)
}

// gets reads a reply and compares it.
func (c *client) gets(want string) {
	c.w.Helper()
	r, err := c.conn.Read()
	if err != nil {
		c.w.Fatalf("%s: instead of %s: %v", c.name, want, err)
	}
	if got := show(&r); got != want {
		c.w.Fatalf("%s got %s, want %s", c.name, got, want)
	}
}

// waits checks that no reply comes.
func (c *client) waits() {
	c.w.Helper()
	c.conn.SetWait(30 * time.Millisecond)
	defer c.conn.SetWait(10 * time.Second)
	if r, err := c.conn.Read(); err == nil {
		c.w.Fatalf("%s got %s, and should wait", c.name, show(&r))
	}
}

// do is a command of the admin.
func (w *world) do(line, want string) { w.Helper(); w.admin.do(line, want) }

// blocked waits until INFO tells of n blocked clients.
func (w *world) blocked(n int) {
	w.Helper()
	want := fmt.Sprintf("blocked_clients:%d\r\n", n)
	for range 500 {
		if strings.Contains(string(w.admin.conn.Must(w.T, "INFO", "clients").Str), want) {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	w.Fatalf("there are never %d blocked clients", n)
}
