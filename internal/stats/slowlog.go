package stats

import (
	"slices"
	"strconv"
	"sync"
)

const (
	slowMaxArgs = 32  // arguments kept, of which the last may tell how many more there were
	slowMaxArg  = 128 // bytes kept of an argument
)

// SlowEntry is one command of the slow log. It is immutable.
type SlowEntry struct {
	ID   uint64
	Unix int64 // when it ended, seconds
	Usec int64 // how long it ran, microseconds
	Args [][]byte
	Addr string // the client's address
	Name string // the client's name, or empty
}

// SlowLog keeps the last commands that took too long. The caller compares durations with slowlog-log-slower-than, so
// that fast commands never come here. The methods may be called from any goroutine.
type SlowLog struct {
	mu      sync.Mutex
	entries []SlowEntry // oldest first; at most max
	max     int
	nextID  uint64
}

// NewSlowLog returns a log that keeps maxLen entries (slowlog-max-len).
func NewSlowLog(maxLen int) *SlowLog { return &SlowLog{max: max(maxLen, 0)} }

// Add logs a command. The arguments are copied, long ones and long lists of them shortened as Redis does; the caller
// has already replaced those that must not be shown.
func (l *SlowLog) Add(unix, usec int64, args [][]byte, addr, name string) {
	e := SlowEntry{Unix: unix, Usec: usec, Args: shorten(args), Addr: addr, Name: name}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID = l.nextID
	l.nextID++
	l.entries = append(l.entries, e)
	l.trim()
}

// trim drops the oldest entries beyond the limit. The space in front of the others is regained when append next moves
// them to grow the slice.
func (l *SlowLog) trim() {
	if extra := len(l.entries) - l.max; extra > 0 {
		clear(l.entries[:extra])
		l.entries = l.entries[extra:]
	}
}

// shorten copies args into one piece of memory.
func shorten(args [][]byte) [][]byte {
	kept, more := args, 0
	if len(args) > slowMaxArgs {
		kept, more = args[:slowMaxArgs-1], len(args)-slowMaxArgs+1
	}
	size := 0
	for _, a := range kept {
		size += min(len(a), slowMaxArg+len("... (18446744073709551615 more bytes)"))
	}
	buf := make([]byte, 0, size)
	out := make([][]byte, 0, min(len(args), slowMaxArgs))
	for _, a := range kept {
		start := len(buf)
		buf = append(buf, a[:min(len(a), slowMaxArg)]...)
		if rest := len(a) - slowMaxArg; rest > 0 {
			buf = append(buf, "... ("...)
			buf = strconv.AppendInt(buf, int64(rest), 10)
			buf = append(buf, " more bytes)"...)
		}
		out = append(out, buf[start:len(buf):len(buf)])
	}
	if more > 0 {
		out = append(out, []byte("... ("+strconv.Itoa(more)+" more arguments)"))
	}
	return out
}

// Get returns up to n entries, newest first; all when n is negative. The entries' arguments must not be changed.
func (l *SlowLog) Get(n int) []SlowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 0 || n > len(l.entries) {
		n = len(l.entries)
	}
	out := slices.Clone(l.entries[len(l.entries)-n:])
	slices.Reverse(out)
	return out
}

// Len returns the number of entries.
func (l *SlowLog) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// Reset drops all entries. Ids go on from where they were.
func (l *SlowLog) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// SetMaxLen changes how many entries are kept and drops the oldest beyond that.
func (l *SlowLog) SetMaxLen(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = max(n, 0)
	l.trim()
}
