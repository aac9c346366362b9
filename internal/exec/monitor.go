package exec

import (
	"net"
	"slices"
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

// Monitor makes a client receive every command as it runs. All workers must be
// stopped.
func (x *Exec) Monitor(cl *Client) {
	if cl.Sess.Flags&session.Monitor == 0 {
		cl.Sess.Flags |= session.Monitor
		x.monitors = append(x.monitors, cl)
	}
}

// Unmonitor undoes Monitor. All workers must be stopped.
func (x *Exec) Unmonitor(cl *Client) {
	cl.Sess.Flags &^= session.Monitor
	x.monitors = slices.DeleteFunc(slices.Clone(x.monitors), func(m *Client) bool { return m == cl })
}

// Monitors is the number of clients that watch. All workers must be stopped.
func (x *Exec) Monitors() int { return len(x.monitors) }

func (x *Exec) feedMonitors(c *command.Ctx) {
	if c.Spec.Flags&(command.SkipMonitor|command.Admin) != 0 {
		return
	}
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
	if conn := c.Sess.Conn; conn != nil {
		b = append(b, conn.RemoteAddr()...)
	} else {
		b = append(b, "internal"...)
	}
	b = append(b, ']')
	for _, a := range c.Shown() {
		b = append(b, ' ')
		b = Quote(b, a)
	}
	b = append(b, "\r\n"...)
	for _, m := range x.monitors {
		if !m.gone {
			m.Sess.Conn.Push(b)
		}
	}
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

// withinOutputLimit applies client-output-buffer-limit to bytes that a client
// does not read.
func (x *Exec) withinOutputLimit(cl *Client, pending int) bool {
	// Nothing before login may make the server keep replies: those that do
	// not log in do not get to fill it.
	if cl.Sess.Flags&session.NeedAuth != 0 {
		return pending <= unauthOutput
	}
	class := 0
	switch {
	case cl.Sess.Flags&session.Replica != 0:
		class = 1
	case cl.Sess.Flags&session.Subscribed != 0:
		class = 2
	}
	limit := x.Config.ClientOutputBufferLimits[class]
	if limit.Hard != 0 && uint64(pending) >= limit.Hard {
		return false
	}
	if limit.Soft == 0 || uint64(pending) < limit.Soft {
		cl.softAt = 0
		return true
	}
	now := x.Clock.Nano()
	if cl.softAt == 0 {
		cl.softAt = now
	}
	return now-cl.softAt <= int64(limit.SoftSeconds)*1e9
}

const unauthOutput = 1024 // bytes
