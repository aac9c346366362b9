package acl

import (
	"slices"
	"strconv"
	"sync"
)

// Context is where a call was denied.
type Context uint8

// The contexts.
const (
	TopLevel Context = iota
	InMulti
	InScript
)

// String is how ACL LOG names the context.
func (c Context) String() string { return [...]string{"toplevel", "multi", "lua"}[c] }

// Entry is an entry of the log of denials.
type Entry struct {
	Count   int64
	Reason  Reason
	Context Context
	Object  string // command, key, channel, or the command that was to log in
	User    string
	Time    int64  // Unix milliseconds, of the last of them
	Client  string // a line of CLIENT LIST, of the last of them
}

const (
	// lookBack is among how many entries an equal one is looked for.
	lookBack = 10
	// together is the time within which equal denials are counted as one entry, in
	// milliseconds.
	together = 60_000
	// maxObject bounds what is kept of a key or channel, in bytes: those who are denied
	// do not get to fill memory with it. Redis keeps all.
	maxObject = 4 << 10
)

// Log is the latest denials. It may be used by anybody; the zero Log is empty.
type Log struct {
	mu      sync.Mutex
	entries []*Entry // the latest first
}

// Add notes a denial; max is how many entries are kept.
func (l *Log) Add(e Entry, max int) {
	e.Count = 1
	e.Object, e.User = short(e.Object), short(e.User)
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.entries[:min(lookBack, len(l.entries))], func(o *Entry) bool {
		return o.Reason == e.Reason && o.Context == e.Context && o.Object == e.Object && o.User == e.User &&
			e.Time-o.Time <= together
	})
	entry := &e
	if at >= 0 {
		entry = l.entries[at]
		entry.Count++
		entry.Time, entry.Client = e.Time, e.Client
		l.entries = slices.Delete(l.entries, at, at+1)
	}
	l.entries = slices.Insert(l.entries, 0, entry)
	if len(l.entries) > max {
		clear(l.entries[max:])
		l.entries = l.entries[:max]
	}
}

// short cuts what is too long, in the way of the slow log.
func short(s string) string {
	if len(s) <= maxObject {
		return s
	}
	return s[:maxObject] + "... (" + strconv.Itoa(len(s)-maxObject) + " more bytes)"
}

// Last gives the n latest entries, the latest first.
func (l *Log) Last(n int) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Entry, 0, min(n, len(l.entries)))
	for _, e := range l.entries[:cap(list)] {
		list = append(list, *e)
	}
	return list
}

// Reset empties the log.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}
