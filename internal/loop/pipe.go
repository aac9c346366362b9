package loop

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeCap is how many bytes one direction of a pipe holds before a writer waits.
const pipeCap = 1 << 20

// pipeKeep is the capacity a direction keeps while it is empty.
const pipeKeep = 16 << 10

// Pipe returns the two ends of a connection in memory. Unlike [net.Pipe] each direction has a buffer, so a peer may
// write many requests before it reads a reply. Deadlines work as for any net.Conn.
func Pipe() (client, server net.Conn) {
	a, b := newPipeBuf(), newPipeBuf()
	return &pipeEnd{in: a, out: b}, &pipeEnd{in: b, out: a}
}

// pipeBuf is one direction of a pipe.
type pipeBuf struct {
	mu     sync.Mutex
	canGet sync.Cond
	canPut sync.Cond
	buf    []byte // buf[off:] was written and not read
	off    int
	wclose bool // the writer is gone: what is left can be read
	rclose bool // the reader is gone
	getBy  pipeDeadline
	putBy  pipeDeadline
}

// pipeDeadline is a deadline for one end of a direction; it is guarded by the direction's mutex.
type pipeDeadline struct {
	timer   *time.Timer
	version int // of the deadline: a timer of an earlier one must not end a later one
	passed  bool
}

func newPipeBuf() *pipeBuf {
	p := &pipeBuf{}
	p.canGet.L = &p.mu
	p.canPut.L = &p.mu
	return p
}

func (p *pipeBuf) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.rclose:
			return 0, io.ErrClosedPipe
		case p.getBy.passed:
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case p.off < len(p.buf):
			n := copy(b, p.buf[p.off:])
			p.off += n
			if p.off == len(p.buf) {
				p.buf, p.off = p.buf[:0], 0
				if cap(p.buf) > pipeKeep {
					p.buf = nil
				}
			}
			p.canPut.Signal()
			return n, nil
		case p.wclose:
			return 0, io.EOF
		}
		p.canGet.Wait()
	}
}

// write writes all of b, or with wait false what fits now.
func (p *pipeBuf) write(b []byte, wait bool) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.rclose || p.wclose:
			return n, io.ErrClosedPipe
		case p.putBy.passed:
			return n, os.ErrDeadlineExceeded
		}
		if p.off > 0 && len(p.buf)+len(b) > cap(p.buf) {
			p.buf = p.buf[:copy(p.buf, p.buf[p.off:])]
			p.off = 0
		}
		k := min(pipeCap-(len(p.buf)-p.off), len(b))
		if k > 0 {
			p.buf = append(p.buf, b[:k]...)
			b = b[k:]
			n += k
			p.canGet.Signal()
		}
		if len(b) == 0 || !wait {
			return n, nil
		}
		p.canPut.Wait()
	}
}

// close ends the direction for its writer or its reader.
func (p *pipeBuf) close(reader bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := &p.putBy
	if reader {
		p.rclose = true
		p.buf, p.off = nil, 0
		d = &p.getBy
	} else {
		p.wclose = true
	}
	d.set(p, time.Time{})
	p.canGet.Broadcast()
	p.canPut.Broadcast()
}

// set arms the deadline; the mutex is held.
func (d *pipeDeadline) set(p *pipeBuf, t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.version++
	d.passed = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.passed = true
		p.canGet.Broadcast()
		p.canPut.Broadcast()
		return
	}
	version := d.version
	d.timer = time.AfterFunc(wait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d.version == version {
			d.passed = true
			p.canGet.Broadcast()
			p.canPut.Broadcast()
		}
	})
}

// pipeEnd is one end of a pipe.
type pipeEnd struct{ in, out *pipeBuf }

func (e *pipeEnd) Read(b []byte) (int, error)  { return e.in.read(b) }
func (e *pipeEnd) Write(b []byte) (int, error) { return e.out.write(b, true) }

// tryWrite writes what fits without waiting.
func (e *pipeEnd) tryWrite(b []byte) (int, error) { return e.out.write(b, false) }

func (e *pipeEnd) Close() error {
	e.in.close(true)
	e.out.close(false)
	return nil
}

// CloseWrite tells the peer that no more bytes come, while its own can still be read.
func (e *pipeEnd) CloseWrite() error {
	e.out.close(false)
	return nil
}

func (e *pipeEnd) LocalAddr() net.Addr  { return pipeAddr{} }
func (e *pipeEnd) RemoteAddr() net.Addr { return pipeAddr{} }

func (e *pipeEnd) SetDeadline(t time.Time) error {
	e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *pipeEnd) SetReadDeadline(t time.Time) error {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	if e.in.rclose {
		return io.ErrClosedPipe
	}
	e.in.getBy.set(e.in, t)
	return nil
}

func (e *pipeEnd) SetWriteDeadline(t time.Time) error {
	e.out.mu.Lock()
	defer e.out.mu.Unlock()
	if e.out.wclose {
		return io.ErrClosedPipe
	}
	e.out.putBy.set(e.out, t)
	return nil
}

// pipeAddr is the address of both ends of every pipe.
type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
