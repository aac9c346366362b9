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
// not at all. They are valid during the call only.
type Consumer interface {
	Append(effects []Effect)
}

// Log is the list of effects. The zero Log is ready for use.
type Log struct {
	active atomic.Bool

	mu        sync.Mutex
	consumers []Consumer
	offset    uint64
}

// Active tells whether anybody listens. Commands ask once before they run.
func (l *Log) Active() bool { return l.active.Load() }

// Attach adds a consumer. To see a consistent state beside it, the caller stops
// all commands around the call.
func (l *Log) Attach(c Consumer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.consumers = append(l.consumers, c)
	l.active.Store(true)
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
	l.active.Store(len(l.consumers) > 0)
}

// Append adds the effects of one command or transaction. The locks of the
// shards that they changed must be held.
func (l *Log) Append(effects ...Effect) {
	l.mu.Lock()
	for _, e := range effects {
		l.offset += uint64(len(e.Cmds))
	}
	for _, c := range l.consumers {
		c.Append(effects)
	}
	l.mu.Unlock()
}

// Offset is the number of bytes of effects that were appended so far.
func (l *Log) Offset() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.offset
}
