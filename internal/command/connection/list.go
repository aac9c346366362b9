package connection

import (
	"maps"
	"math/bits"
	"slices"
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/session"
)

const errInvalidID = "ERR Invalid client ID"

func info(c *command.Ctx) {
	if c.Sess.Conn == nil {
		c.Null() // a client inside the process, without a connection to tell about
		return
	}
	c.Verbatim("txt", appendSession(nil, c, c.Sess))
}

func (f *family) list(c *command.Ctx) {
	wanted := func(*session.Session) bool { return true }
	var ids []uint64
	switch {
	case len(c.Args) == 2:
	case len(c.Args) == 4 && c.Is(2, "TYPE"):
		class, ok := classArg(c, 3)
		if !ok {
			return
		}
		wanted = func(s *session.Session) bool { return s.Class() == class }
	case len(c.Args) > 3 && c.Is(2, "ID"):
		for _, arg := range c.Args[3:] {
			id, ok := num.ParseInt(arg)
			if !ok {
				c.Err(errInvalidID)
				return
			}
			ids = append(ids, uint64(id))
		}
		among := slices.Sorted(slices.Values(ids))
		wanted = func(s *session.Session) bool {
			_, found := slices.BinarySearch(among, s.ID)
			return found
		}
	default:
		c.Err(command.ErrSyntax)
		return
	}
	lines := make(map[uint64]line)
	var text []byte
	f.server.EachSession(c, func(s *session.Session) {
		if wanted(s) {
			from := len(text)
			text = appendSession(text, c, s)
			lines[s.ID] = line{from, len(text)}
		}
	})
	if ids == nil {
		ids = slices.Sorted(maps.Keys(lines))
	}
	b := make([]byte, 0, len(text))
	for _, id := range ids {
		l := lines[id] // one that is not there is empty
		b = append(b, text[l.from:l.to]...)
	}
	c.Verbatim("txt", b)
}

// line is where one lies in a text.
type line struct{ from, to int }

// Info is the line of CLIENT LIST about the session of c, without its end.
func Info(c *command.Ctx) string {
	if c.Sess.Conn == nil {
		return ""
	}
	b := appendSession(nil, c, c.Sess)
	return string(b[:len(b)-1])
}

// letters is how CLIENT LIST shows flags, in its order.
var letters = [...]struct {
	flag   session.Flags
	letter byte
}{
	{session.Monitor, 'O'},
	{session.Replica, 'S'},
	{session.Master, 'M'},
	{session.Subscribed, 'P'},
	{session.Multi, 'x'},
	{session.Blocked | session.Paused, 'b'},
	{session.Tracks, 't'},
	{broken, 'R'},
	{bcast, 'B'},
	{dirty, 'd'},
	{session.Closing, 'c'},
	{unix, 'U'},
	{session.NoEvict, 'e'},
	{session.NoTouch, 'T'},
}

// Flags that are not kept in the session but derived for its line.
const (
	dirty session.Flags = 1 << (31 - iota)
	unix
	broken
	bcast
)

// appendSession appends the line of CLIENT LIST about s.
func appendSession(b []byte, c *command.Ctx, s *session.Session) []byte {
	now := c.Nano()
	queued := -1
	if s.Has(session.Multi) {
		queued = s.MultiLen
	}
	parsed := 0 // of a request that has arrived in part
	if s.Input == 0 {
		parsed = min(client(s).Parsed(), s.Conn.Buffered())
	}
	argv, built := s.WaitMem+parsed, 0
	if s == c.Sess {
		built = min(len(c.Out), sharedReply)
		for _, a := range c.Args {
			argv += len(a)
		}
	}
	memory := s.Memory() + s.Claim() + argv - s.WaitMem - parsed
	cmd := s.LastCmd
	if cmd == "" {
		cmd = "NULL"
	}
	input, spare := inputBuffer(s, now)
	input -= parsed
	reply := replyBuffer(s)
	pending := s.Conn.Pending()
	events := "r"
	if pending > 0 {
		events = "rw"
	}
	b = appendInt(b, "id=", int64(s.ID))
	b = appendStr(b, " addr=", s.Conn.RemoteAddr())
	b = appendStr(b, " laddr=", s.Conn.LocalAddr())
	b = appendInt(b, " fd=", int64(s.Conn.FD()))
	b = appendStr(b, " name=", s.Name)
	b = appendInt(b, " age=", max(now-s.Created, 0)/1e9)
	b = appendInt(b, " idle=", max(now-s.Active, 0)/1e9)
	b = appendFlags(append(b, " flags="...), s)
	b = appendInt(b, " db=", int64(s.DB))
	b = appendInt(b, " sub=", int64(s.Channels))
	b = appendInt(b, " psub=", int64(s.Patterns))
	b = appendInt(b, " ssub=", int64(s.ShardChannels))
	b = appendInt(b, " multi=", int64(queued))
	b = appendInt(b, " qbuf=", int64(input))
	b = appendInt(b, " qbuf-free=", int64(spare))
	b = appendInt(b, " argv-mem=", int64(argv))
	b = appendInt(b, " multi-mem=", int64(s.MultiMem))
	b = appendInt(b, " rbs=", int64(reply))
	b = appendInt(b, " rbp=", int64(s.OutPeak))
	b = appendInt(b, " obl=", int64(built))
	b = appendInt(b, " oll=", int64((pending+outputChunk-1)/outputChunk))
	b = appendInt(b, " omem=", int64(pending))
	b = appendInt(b, " tot-mem=", int64(memory))
	b = appendStr(b, " events=", events)
	b = appendStr(b, " cmd=", cmd)
	b = appendStr(b, " user=", s.User.Name())
	b = appendInt(b, " redir=", redirectOf(s))
	b = appendInt(b, " resp=", int64(s.Proto))
	b = appendStr(b, " lib-name=", s.LibName)
	b = appendStr(b, " lib-ver=", s.LibVer)
	return append(b, '\n')
}

func appendFlags(b []byte, s *session.Session) []byte {
	flags := s.Flags
	if client(s).Dirty() {
		flags |= dirty
	}
	if s.Conn.Network() == "unix" {
		flags |= unix
	}
	if s.Has(session.Tracks) {
		t := client(s).Tracking()
		if t.BCast {
			flags |= bcast
		}
		if t.Broken {
			flags |= broken
		}
	}
	n := len(b)
	for _, l := range letters {
		if flags&l.flag != 0 {
			b = append(b, l.letter)
		}
	}
	if len(b) == n {
		b = append(b, 'N')
	}
	return b
}

const (
	// outputChunk is about the size of a piece of output that waits.
	outputChunk = 64 << 10
	// sharedInput is how much of the buffer that an event loop reads into one
	// connection can use, and sharedReply the same for replies.
	sharedInput = 16 << 10
	sharedReply = 16 << 10
	minReply    = 1 << 10
	// inputIdle is when a connection counts as needing no input buffer.
	inputIdle = 2e9
)

// inputBuffer gives the bytes of input that wait, and how many more a connection
// has room for. Connections have no input buffer of their own unless a request
// has arrived in part: they share that of their event loop. So a connection that
// has been active of late is counted with its share, or with as much as it needed
// if that was more.
func inputBuffer(s *session.Session, now int64) (used, spare int) {
	used = max(s.Input, s.Conn.Buffered())
	room := max(s.Conn.InputCap()+s.Claim(), used)
	if now-s.Active <= inputIdle {
		room = max(room, sharedInput, s.InPeak, s.InPast)
	}
	return used, room - used
}

// replyBuffer gives the buffer for replies that a connection is counted with: a
// power of two that its largest replies of late fit in. Replies are built in a
// buffer that the connections of an event loop share.
func replyBuffer(s *session.Session) int {
	if s.OutPeak < minReply {
		return minReply
	}
	return min(1<<bits.Len(uint(s.OutPeak)), sharedReply)
}

func appendInt(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), n, 10)
}

func appendStr(b []byte, name, s string) []byte {
	return append(append(b, name...), s...)
}
