package peer

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
)

const (
	replyLimit = 10 * time.Second
	maxDepth   = 64
	maxBulk    = 1 << 30
)

// Conn is a connection to a server, for one goroutine at a time. Replies are
// returned as the server sent them.
type Conn struct {
	nc   net.Conn
	rec  *recorder
	br   *bufio.Reader
	buf  []byte
	wait time.Duration
}

// Reply is one reply, parsed and as bytes.
type Reply struct {
	resp.Value
	Raw []byte
}

// recorder keeps what has been read from the connection and not yet been
// returned as part of a reply.
type recorder struct {
	r   io.Reader
	log []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.log = append(r.log, p[:n]...)
	return n, err
}

// Dial connects to the server and closes the connection when the test ends.
func (s *Server) Dial(t testing.TB) *Conn {
	t.Helper()
	c, err := Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Dial connects to a server. The caller has to Close the connection.
func Dial(addr string) (*Conn, error) {
	nc, err := net.DialTimeout("tcp", addr, replyLimit)
	if err != nil {
		return nil, err
	}
	rec := &recorder{r: nc}
	return &Conn{nc: nc, rec: rec, br: bufio.NewReaderSize(rec, 64<<10), wait: replyLimit}, nil
}

// Close closes the connection.
func (c *Conn) Close() { c.nc.Close() }

// SetWait sets how long Read waits for a reply; ten seconds if never called.
func (c *Conn) SetWait(d time.Duration) { c.wait = d }

// Do sends a command and reads one reply. The error is one of the connection or
// the protocol; an error reply is a Reply.
func (c *Conn) Do(args ...string) (Reply, error) {
	if err := c.Send(args...); err != nil {
		return Reply{}, err
	}
	return c.Read()
}

// Must is Do for a command that has to succeed.
func (c *Conn) Must(t testing.TB, args ...string) Reply {
	t.Helper()
	r, err := c.Do(args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	if r.IsError() {
		t.Fatalf("%q: %v", args, r)
	}
	return r
}

// Send sends a command.
func (c *Conn) Send(args ...string) error {
	c.buf = resp.AppendCommandString(c.buf[:0], args...)
	return c.SendRaw(c.buf)
}

// SendRaw sends bytes as they are.
func (c *Conn) SendRaw(b []byte) error {
	c.nc.SetWriteDeadline(time.Now().Add(c.wait))
	_, err := c.nc.Write(b)
	return err
}

// CloseWrite tells the server that nothing more will come.
func (c *Conn) CloseWrite() error { return c.nc.(*net.TCPConn).CloseWrite() }

// Read reads the next reply or push message. At the end of the connection the
// error is io.EOF.
func (c *Conn) Read() (Reply, error) {
	c.nc.SetReadDeadline(time.Now().Add(c.wait))
	v, err := resp.ReadValue(c.br, maxDepth, maxBulk)
	used := len(c.rec.log) - c.br.Buffered()
	raw := append([]byte(nil), c.rec.log[:used]...)
	c.rec.log = append(c.rec.log[:0], c.rec.log[used:]...)
	if err == io.EOF {
		return Reply{}, err
	}
	if err != nil {
		return Reply{Raw: raw}, fmt.Errorf("%w (after %.200q)", err, raw)
	}
	return Reply{Value: v, Raw: raw}, nil
}
