// Package oplog is the ordered list of effects: what changed the data, as
// commands that have the same outcome wherever and whenever they run again.
//
// Effects are appended while the shards that they changed are still locked, so
// the order of the log is the order of execution for every key. The append
// file and the replicas read it. While nobody listens nothing is encoded and
// nothing is kept.
package oplog

import (
	"sync"
	"sync/atomic"
)

// Effect is what one command did.
type Effect struct {
	DB    int    // database in which the commands apply
	Count int    // number of commands
	Cmds  []byte // the commands in RESP
}

// Consumer receives effects in order, under the log's lock: it must only copy
// them. All effects of one call belong together: they are to be applied all or
// not at all. They are valid during the call only. end is the log's offset after
// them.
type Consumer interface {
	Append(end uint64, effects []Effect)
}

// Log is the list of effects. The zero Log is ready for use.
type Log struct {
	active atomic.Bool   // somebody listens, and the log is not mute
	offset atomic.Uint64 // changes with mu held

	mu        sync.Mutex
	consumers []Consumer
	mute      bool
	one       [1]Effect // that Add hands over
}

// Active tells whether anybody listens. Commands ask once before they run.
func (l *Log) Active() bool { return l.active.Load() }

// Attach adds a consumer. To see a consistent state beside it, the caller stops
// all commands around the call.
func (l *Log) Attach(c Consumer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.consumers = append(l.consumers, c)
	l.active.Store(!l.mute)
}

// Mute has effects dropped, or no longer: what is loaded, and what happens
// meanwhile, is in the files that it comes from. The caller stops all commands
// around the call.
func (l *Log) Mute(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mute = on
	l.active.Store(!on && len(l.consumers) > 0)
}

// Detach removes a consumer; after it returns the consumer is not called.
func (l *Log) Detach(c Consumer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.consumers {
		if l.consumers[i] == c {
			l.consumers = append(l.consumers[:i:i], l.consumers[i+1:]...)
			break
		}
	}
	l.active.Store(!l.mute && len(l.consumers) > 0)
}

// Append adds the effects of a transaction and gives the offset after them. The
// locks of the shards that they changed must be held.
func (l *Log) Append(effects ...Effect) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(effects)
}

// Add is Append for a single effect, and allocates nothing.
func (l *Log) Add(e Effect) uint64 {
	l.mu.Lock()
	l.one[0] = e
	end := l.append(l.one[:])
	l.mu.Unlock()
	return end
}

func (l *Log) append(effects []Effect) uint64 {
	end := l.offset.Load()
	if l.mute {
		return end
	}
	for i := range effects {
		end += uint64(len(effects[i].Cmds))
	}
	l.offset.Store(end)
	for _, c := range l.consumers {
		c.Append(end, effects)
	}
	return end
}

// Offset is the number of bytes of effects that were appended so far.
func (l *Log) Offset() uint64 { return l.offset.Load() }
