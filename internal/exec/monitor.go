package exec

import (
	"net"
	"slices"
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

// Monitor makes the client receive every command as it runs. Its worker must be
// locked.
func (cl *Client) Monitor() {
	x := cl.x
	if cl.Sess.Flags&session.Monitor != 0 {
		return
	}
	cl.Sess.Flags |= session.Monitor
	x.monitorsMu.Lock()
	defer x.monitorsMu.Unlock()
	x.setMonitors(append(slices.Clone(x.Monitors()), cl))
}

// Unmonitor undoes Monitor.
func (cl *Client) Unmonitor() {
	x := cl.x
	if cl.Sess.Flags&session.Monitor == 0 {
		return
	}
	cl.Sess.Flags &^= session.Monitor
	x.monitorsMu.Lock()
	defer x.monitorsMu.Unlock()
	x.setMonitors(slices.DeleteFunc(slices.Clone(x.Monitors()), func(m *Client) bool { return m == cl }))
}

// Monitors gives the clients that receive all commands. The list is not to be
// changed.
func (x *Exec) Monitors() []*Client {
	if list := x.monitors.Load(); list != nil {
		return *list
	}
	return nil
}

// setMonitors replaces the list, which commands read without a lock.
func (x *Exec) setMonitors(list []*Client) {
	if len(list) == 0 {
		x.monitors.Store(nil)
		return
	}
	x.monitors.Store(&list)
}

// feedMonitors shows a command that has run to the clients that watch.
func (x *Exec) feedMonitors(c *command.Ctx) {
	if c.Spec.Flags&(command.SkipMonitor|command.Admin) != 0 {
		return
	}
	x.feed(c)
}

// feed shows a command whatever its flags.
func (x *Exec) feed(c *command.Ctx) {
	usec := x.Clock.UnixMicro(c.Nano())
	b := make([]byte, 0, 128)
	b = append(b, '+')
	b = strconv.AppendInt(b, usec/1e6, 10)
	b = append(b, '.')
	frac := strconv.Itoa(int(usec % 1e6))
	b = append(b, "000000"[len(frac):]...)
	b = append(b, frac...)
	b = append(b, " ["...)
	b = strconv.AppendInt(b, int64(c.DB()), 10)
	b = append(b, ' ')
	b = appendOrigin(b, c.Sess.Conn, c.Sess.Flags&session.Script != 0)
	b = append(b, ']')
	for _, a := range c.Shown() {
		b = append(b, ' ')
		b = Quote(b, a)
	}
	b = append(b, "\r\n"...)
	for _, m := range x.Monitors() {
		m.Sess.Conn.Push(b)
	}
}

// appendOrigin tells from where a command came.
func appendOrigin(b []byte, conn session.Conn, script bool) []byte {
	switch {
	case script:
		return append(b, "lua"...)
	case conn == nil:
		return append(b, "internal"...)
	case conn.Network() == "unix":
		path := conn.LocalAddr()
		if host, _, err := net.SplitHostPort(path); err == nil {
			path = host
		}
		return append(append(b, "unix:"...), path...)
	}
	return append(b, conn.RemoteAddr()...)
}

// Quote appends s between double quotes, with everything that is not printable
// ASCII escaped, as MONITOR shows arguments.
func Quote(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s {
		switch c {
		case '\\', '"':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\a':
			dst = append(dst, '\\', 'a')
		case '\b':
			dst = append(dst, '\\', 'b')
		default:
			if c < ' ' || c > '~' {
				dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
