// Package migrate keeps the connections by which MIGRATE sends keys to other servers.
package migrate

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
)

const (
	// maxLinks is how many connections are kept, and idleTime for how long nobody may
	// have used one.
	maxLinks = 64
	idleTime = 10 * time.Second
	// replyDepth and replyBytes bound a reply: each is to be a status or an error.
	replyDepth = 4
	replyBytes = 1 << 20
)

// Errors of Send. What was sent when reading fails may have been carried out.
var (
	ErrConnect = errors.New("migrate: no connection")
	ErrWrite   = errors.New("migrate: writing failed")
	ErrRead    = errors.New("migrate: reading failed")
)

// Links is connections by address. The zero Links has none. Close must be called.
type Links struct {
	mu     sync.Mutex
	kept   map[string]*link   // those that nobody uses at the moment
	used   map[*link]struct{} // by a Send each
	ctx    context.Context    // ends with Close and Suspend; nil before the first connection
	cancel context.CancelFunc
	closed bool
	off    bool // closed, or suspended
}

// link is a connection.
type link struct {
	nc    net.Conn
	br    *bufio.Reader
	db    int         // that is selected there, -1 when not known
	timer *time.Timer // while it is kept
}

// Request is what is sent at once.
type Request struct {
	Addr    string        // host:port
	Timeout time.Duration // for connecting, and for each wait for the other side
	DB      int           // where the commands are to run
	Before  []byte        // RESP of commands for AUTH, each with a reply of its own; or none
	Befores int           // how many
	Cmds    []byte        // RESP of the commands
	Count   int           // how many
}

// Send sends the commands of a request, and calls reply for each of them with the error
// that it met, "" if none, in their order. refused is the error that logging in or choosing the
// database met: then the commands are not sent. After an error of the
// connection some replies may not have been told.
func (l *Links) Send(r *Request, reply func(i int, text string)) (refused string, err error) {
	for {
		k, fresh, err := l.take(r)
		if err != nil {
			return "", err
		}
		told := false
		refused, err = k.send(r, func(i int, text string) { told = true; reply(i, text) })
		if err == nil {
			if refused != "" {
				k.db = -1
			}
			l.keep(r.Addr, k)
			return refused, nil
		}
		l.forget(k)
		var ne net.Error
		if fresh || told || errors.As(err, &ne) && ne.Timeout() {
			return "", err
		}
		// The other side has closed it while nobody used it.
	}
}

// take gives a connection that was kept, or a fresh one.
func (l *Links) take(r *Request) (k *link, fresh bool, err error) {
	k, ctx := l.takeKept(r.Addr)
	if k != nil {
		return k, false, nil
	}
	d := net.Dialer{Timeout: r.Timeout}
	nc, err := d.DialContext(ctx, "tcp", r.Addr)
	if err != nil {
		return nil, true, errors.Join(ErrConnect, err)
	}
	k = &link{nc: nc, br: bufio.NewReader(nc), db: -1}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.off {
		nc.Close()
		return nil, true, ErrConnect
	}
	l.use(k)
	return k, true, nil
}

// takeKept gives a connection that was kept, or the context to connect in.
func (l *Links) takeKept(addr string) (*link, context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.kept[addr]; k != nil && !l.off {
		delete(l.kept, addr)
		k.timer.Stop()
		l.use(k)
		return k, nil
	}
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
		if l.off {
			l.cancel()
		}
	}
	return nil, l.ctx
}

// use notes that a connection is used. The lock is held.
func (l *Links) use(k *link) {
	if l.used == nil {
		l.used = make(map[*link]struct{})
	}
	l.used[k] = struct{}{}
}

// forget closes a connection that was used.
func (l *Links) forget(k *link) {
	l.mu.Lock()
	delete(l.used, k)
	l.mu.Unlock()
	k.nc.Close()
}

// keep puts a connection aside for a while.
func (l *Links) keep(addr string, k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.used, k)
	if l.closed || l.kept[addr] != nil || len(l.kept) >= maxLinks {
		k.nc.Close()
		return
	}
	if l.kept == nil {
		l.kept = make(map[string]*link)
	}
	l.kept[addr] = k
	k.timer = time.AfterFunc(idleTime, func() { l.drop(addr, k) })
}

// drop closes a connection that nobody has used for long, unless somebody has it now.
func (l *Links) drop(addr string, k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept[addr] == k {
		delete(l.kept, addr)
		k.nc.Close()
	}
}

// Len is the number of connections that are kept.
func (l *Links) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.kept)
}

// Close closes all connections. A Send under way ends with an error, and so does any later one.
func (l *Links) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.suspend()
	for _, k := range l.kept {
		k.timer.Stop()
		k.nc.Close()
	}
	l.kept = nil
}

// Suspend has every Send end with an error, also those under way, until Resume.
func (l *Links) Suspend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.suspend()
}

// suspend is Suspend with the lock held.
func (l *Links) suspend() {
	l.off = true
	if l.cancel != nil {
		l.cancel()
	}
	for k := range l.used {
		k.nc.Close()
	}
}

// Resume ends what Suspend has begun. It does not undo Close.
func (l *Links) Resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.off && !l.closed {
		l.off, l.ctx, l.cancel = false, nil, nil
	}
}

// send sends a request and reads the replies.
func (k *link) send(r *Request, reply func(i int, text string)) (refused string, err error) {
	b := append([]byte(nil), r.Before...)
	before := r.Befores
	if k.db != r.DB {
		b = resp.AppendCommandString(b, "SELECT", strconv.Itoa(r.DB))
		before++
	}
	// Keys are sent when it is known that they arrive where they should.
	err = k.exchange(b, before, r.Timeout, func(_ int, text string) {
		if refused == "" {
			refused = text
		}
	})
	if err != nil || refused != "" {
		return refused, err
	}
	k.db = r.DB
	return "", k.exchange(r.Cmds, r.Count, r.Timeout, reply)
}

// exchange sends commands, and tells of the replies.
func (k *link) exchange(cmds []byte, count int, timeout time.Duration, reply func(i int, text string)) error {
	if err := k.write(cmds, timeout); err != nil {
		return errors.Join(ErrWrite, err)
	}
	for i := range count {
		text, err := k.read(timeout)
		if err != nil {
			return errors.Join(ErrRead, err)
		}
		reply(i, text)
	}
	return nil
}

// write writes b, a piece at a time, so that only what makes no headway times out.
func (k *link) write(b []byte, timeout time.Duration) error {
	const piece = 64 << 10
	for len(b) > 0 {
		k.nc.SetWriteDeadline(time.Now().Add(timeout))
		n, err := k.nc.Write(b[:min(piece, len(b))])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// read reads a reply, and gives the text of an error.
func (k *link) read(timeout time.Duration) (text string, err error) {
	k.nc.SetReadDeadline(time.Now().Add(timeout))
	v, err := resp.ReadValue(k.br, replyDepth, replyBytes)
	if err != nil || !v.IsError() {
		return "", err
	}
	return string(v.Str), nil
}
