// Package session holds the state of one connection as commands see it: who it
// is, what it selected, and how it wants its replies.
//
// A Session is read and changed by the worker that runs its commands, under
// that worker's lock; commands that look at other sessions (CLIENT LIST) run
// with all workers stopped. So no field needs a lock of its own.
package session

import (
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/acl"
)

// Conn is what a session needs of its connection. All methods may be called
// from any goroutine.
type Conn interface {
	Push(b []byte)      // queue bytes behind what is already there
	Resume()            // run the session's next command after a suspension
	Close(err error)    // close at once
	CloseAfterFlush()   // close when everything queued has been sent
	RemoteAddr() string // as in CLIENT LIST
	LocalAddr() string
	Network() string // tcp, unix, tls or pipe
	FD() int
	Pending() int  // bytes queued
	Waiting() int  // of these, bytes that the peer has to read before they can be sent
	Buffered() int // bytes received and not yet consumed
	InputCap() int // bytes of memory that they take
	SetKeepAlive(seconds int) error
	SetInputLimit(n int)
}

// Flags of a session.
type Flags uint32

// The flags.
const (
	Multi         Flags = 1 << iota // between MULTI and EXEC
	DirtyExec                       // a command was refused while queueing: EXEC will abort
	ReplyOff                        // CLIENT REPLY OFF
	ReplySkip                       // this command gets no reply
	SkipNext                        // the next one gets none
	NoEvict                         // CLIENT NO-EVICT
	NoTouch                         // CLIENT NO-TOUCH
	Monitor                         // gets every command as it runs
	Blocked                         // waits for a key or for time
	Paused                          // waits for the end of CLIENT PAUSE
	Closing                         // to be closed after its replies are sent
	Subscribed                      // RESP2 subscriber: only a few commands are allowed
	Master                          // the stream of our master
	Replica                         // a replica's connection
	Internal                        // in-process, not counted as a client
	NeedAuth                        // has to log in first
	Restricted                      // its user may not do everything
	InExec                          // runs the commands of its transaction
	NoReply                         // no connection: replies go nowhere
	Script                          // runs the commands of a script
	Tracks                          // is told when keys that it has read change
	Caching                         // CLIENT CACHING, for the next command
	Authenticated                   // its user was told by a password, or needs none
)

// Session is the state of one connection. It must not be copied.
type Session struct {
	ID       uint64
	Conn     Conn
	Name     string
	LibName  string
	LibVer   string
	User     *acl.User // who is logged in, or whom a new connection is taken for; never nil
	NoDebug  bool      // it asked for the debugger of scripts, and was refused
	LastCmd  string    // full name of the last command, as "client|list"
	Created  int64     // monotonic nanoseconds
	Active   int64     // the same, of the last activity
	NetIn    uint64    // bytes read
	NetOut   uint64    // bytes written
	Commands uint64
	Logged   uint64 // offset in the oplog after the effects of its last write
	MultiMem int    // bytes of queued commands, and a pointer for each argument
	WaitMem  int    // bytes of the arguments of a command that waits
	PlaceMem int    // bytes that its places in the queues of keys take
	WatchMem int    // bytes that the watched keys take
	TrackMem int    // bytes that the prefixes of CLIENT TRACKING take
	MultiLen int    // queued commands
	Watching int    // keys watched
	Flags    Flags
	DB       int32
	Proto    uint8 // 2 or 3; see SetProto
	pushed   atomic.Uint32

	// Subscriptions.
	Channels, Patterns, ShardChannels int
	ListenMem                         int        // bytes that they take
	Subscriber                        Subscriber // nil until the first

	// What it takes to serve the connection. Peaks are of late: they are
	// measured anew every few seconds.
	Input   int   // bytes that the commands which run now came from
	Needed  int   // bytes in all that a request needs which has arrived in part, if it has said so; or 0
	InPeak  int   // most input at once, in bytes
	InPast  int   // the same of the stretch of time before
	OutPeak int   // most replies at once, in bytes
	PeakAt  int64 // monotonic nanoseconds, since when OutPeak is measured

	// Owner is the executor's own state of the connection.
	Owner any
}

// Tracking is how a session tracks keys (CLIENT TRACKING).
type Tracking struct {
	BCast    bool // all keys with one of the prefixes, read or not
	OptIn    bool // only what is read after CLIENT CACHING YES
	OptOut   bool // all but what is read after CLIENT CACHING NO
	NoLoop   bool // not what it has changed itself
	Broken   bool // the connection that was to be told is gone
	Redirect uint64
	Prefixes []string // of BCast, in order
}

// Subscriber is what a session listens to channels with.
type Subscriber interface {
	Leave()             // ends all subscriptions
	SetProto(proto int) // of the messages
	// Listens gives the names that it listens to: channels, also of shards, and patterns.
	Listens() (channels, patterns []string)
}

// Unsubscribe ends all subscriptions.
func (s *Session) Unsubscribe() {
	if s.Subscriber != nil {
		s.Subscriber.Leave()
		s.Subscriber = nil
		s.Channels, s.Patterns, s.ShardChannels, s.ListenMem = 0, 0, 0, 0
		s.SetListens(false)
	}
}

// Forms in which something that is no reply may be sent to a connection.
const (
	pushes  = 1 << iota // as a push message of RESP3
	listens             // as a message of a channel
)

// SetProto sets the version of the protocol.
func (s *Session) SetProto(proto uint8) {
	s.Proto = proto
	if s.Subscriber != nil {
		s.Subscriber.SetProto(int(proto))
	}
	s.setPushed(pushes, proto == 3)
}

// SetListens sets whether the connection has subscriptions.
func (s *Session) SetListens(on bool) {
	if on {
		s.Flags |= Subscribed
	} else {
		s.Flags &^= Subscribed
	}
	s.setPushed(listens, on)
}

func (s *Session) setPushed(form uint32, on bool) {
	if on {
		s.pushed.Or(form)
	} else {
		s.pushed.And(^form)
	}
}

// Pushable tells whether the connection takes push messages of RESP3, and whether it
// takes messages of channels. Unlike other state it may be asked for by anybody.
func (s *Session) Pushable() (push, message bool) {
	p := s.pushed.Load()
	return p&pushes != 0, p&listens != 0
}

const (
	// idleSize is what a connection takes that does nothing, in bytes.
	idleSize = 1 << 10
	// EntryMem is about what each watched key, subscription or prefix takes beside its
	// name, in bytes: its places in the lists of the connection and of the server.
	EntryMem = 128
)

// Memory is what the connection takes, in bytes: its buffers as large as they are, and
// what is kept for it. A command that runs has its arguments in the input. Output that
// nobody has tried to send does not count, as it is on its way: where keys are evicted,
// those who track them are told, and that must not be a reason to evict more.
func (s *Session) Memory() int {
	return idleSize + s.Conn.InputCap() + s.Conn.Waiting() + s.MultiMem + s.WaitMem + s.PlaceMem + s.WatchMem + s.ListenMem + s.TrackMem +
		len(s.Name) + len(s.LibName) + len(s.LibVer)
}

// Claim is how much more memory than Memory the connection will take for a request that
// has arrived in part, in bytes. It is the peer's word, and limits nobody but the peer.
func (s *Session) Claim() int {
	if s.Needed == 0 {
		return 0
	}
	return max(s.Needed-s.Conn.InputCap(), 0)
}

// Has tells whether all of the given flags are set.
func (s *Session) Has(f Flags) bool { return s.Flags&f == f }

// Class of a connection, as in CLIENT LIST TYPE.
type Class uint8

// The classes.
const (
	ClassNormal Class = iota
	ClassReplica
	ClassPubSub
	ClassMaster
)

// Class tells what the connection is used for.
func (s *Session) Class() Class {
	switch {
	case s.Flags&Master != 0:
		return ClassMaster
	case s.Flags&Replica != 0:
		return ClassReplica
	case s.Flags&Subscribed != 0:
		return ClassPubSub
	}
	return ClassNormal
}
