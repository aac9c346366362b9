package loop

import (
	"crypto/tls"
	"sync/atomic"
)

// mail is what other goroutines ask of a connection's owner, as a set.
type mail uint8

const (
	mailPush   mail = 1 << iota // bytes to send
	mailResume                  // call Process
	mailFlush                   // close when the output is sent
	mailClose                   // close
	mailQueued                  // tell the client how much output waits
)

// driver is the owner's side of a connection.
type driver interface {
	push(b []byte)
	post(m mail, err error)
	keepAlive(seconds int) error
	tlsState() *tls.ConnectionState
}

// Conn is the handle of one connection. Unless a method says otherwise it may be used by any goroutine at any time; on
// a closed connection methods do nothing, and what they report is what was true last.
type Conn struct {
	drv     driver
	remote  string
	local   string
	network string
	fd      int32
	loop    int32

	pending  atomic.Int64 // output bytes not sent, pushed ones included
	unread   atomic.Int64 // of these, bytes that the socket did not take
	buffered atomic.Int64 // input bytes not consumed
	inputCap atomic.Int64
	limit    atomic.Int64 // of buffered; 0 means none

	expect  int    // the owner's: Process need not run with fewer bytes
	sink    []byte // the owner's: where the next bytes go, see Divert
	diverts bool   // Divert works
}

// Push copies b behind the output that waits and has it sent soon. What is pushed while Process runs follows the reply
// of that Process, so a confirmation appended there comes before the messages it announces. Push never blocks on the
// peer.
func (c *Conn) Push(b []byte) {
	if len(b) > 0 {
		c.drv.push(b)
	}
}

// Resume has Process called again, even without new bytes, and ends a Suspend. Bytes pushed before are sent before what
// that Process replies, unless it runs already because of an earlier Resume: where a client may be resumed for more
// than one reason, the reply it waits for is better left for Process to append than pushed.
func (c *Conn) Resume() { c.drv.post(mailResume, nil) }

// Close has the connection closed soon, and err given to [Client.Closed].
func (c *Conn) Close(err error) { c.drv.post(mailClose, err) }

// CloseAfterFlush has the connection closed once its output, with all that was pushed before, is sent. Process is not
// called again.
func (c *Conn) CloseAfterFlush() { c.drv.post(mailFlush, nil) }

// RemoteAddr returns the peer's address as Redis prints it: "127.0.0.1:1234", "[::1]:1234", "/path:0".
func (c *Conn) RemoteAddr() string { return c.remote }

// LocalAddr returns the address of this side, in the form of RemoteAddr.
func (c *Conn) LocalAddr() string { return c.local }

// Network returns "tcp", "unix", "tls" or "pipe".
func (c *Conn) Network() string { return c.network }

// FD returns the descriptor's number for display, or -1. It may be closed, or another's, at any time.
func (c *Conn) FD() int { return int(c.fd) }

// Loop returns the index of the event loop that owns the connection, or -1 if a goroutine does.
func (c *Conn) Loop() int { return int(c.loop) }

// Pending returns the number of output bytes that wait to be sent.
func (c *Conn) Pending() int { return int(c.pending.Load()) }

// Waiting returns the number of output bytes that wait for the peer to read: those of Pending that the connection has
// tried to send.
func (c *Conn) Waiting() int { return int(c.unread.Load()) }

// Buffered returns the number of input bytes that were received and not consumed.
func (c *Conn) Buffered() int { return int(c.buffered.Load()) }

// InputCap returns the bytes of memory that the input buffer takes which the connection owns now: usually 0 between
// requests.
func (c *Conn) InputCap() int { return int(c.inputCap.Load()) }

// SetInputLimit bounds the bytes received and not consumed; beyond, the connection is closed with [ErrInputLimit].
// 0, as at first, means no limit.
func (c *Conn) SetInputLimit(n int) { c.limit.Store(int64(max(n, 0))) }

// Expect says that the request at the head of what Process leaves needs n bytes in total. It is for Process alone to
// call, and holds until the next Process, which then need not run before that many bytes are there. The number may be a
// peer's claim: memory is taken as bytes arrive.
func (c *Conn) Expect(n int) { c.expect = n }

// Divert has the next len(b) bytes that the peer sends received into b, behind the bytes that Process was called with, all
// of which it has to consume then. It is for Process alone to call, which is told nothing of those bytes: when more than
// them have come it is called with what follows. b is the connection's until then, or until [Client.Closed]. Divert tells
// whether the connection can do that. What has come of b counts as buffered input.
func (c *Conn) Divert(b []byte) bool {
	if c.diverts {
		c.sink, c.expect = b, 0
	}
	return c.diverts
}

// SetKeepAlive has a TCP peer that is silent for that many seconds probed, and given up after three probes without an
// answer; 0 ends it. Other connections ignore it. It is for Accept and Process to call.
func (c *Conn) SetKeepAlive(seconds int) error { return c.drv.keepAlive(seconds) }

// TLSState returns the state of a TLS connection, and nil for any other.
func (c *Conn) TLSState() *tls.ConnectionState { return c.drv.tlsState() }

// overLimit reports whether more input waits than is allowed.
func (c *Conn) overLimit(buffered int) bool {
	limit := c.limit.Load()
	return limit > 0 && int64(buffered) > limit
}
