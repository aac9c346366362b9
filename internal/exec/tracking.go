package exec

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/tracking"
)

// tracked is CLIENT TRACKING for all connections: who is told when keys change.
//
// A command that reads keys enters them in the tables of their shards, and the store
// tells of every change (Touched), while the shard is locked. What there is to tell is
// collected with the shard and sent when the command, or the whole transaction, has
// its reply, by whoever holds the locks (tell). So a client can have no reply with an
// old value behind the message that the value has changed: the reply was in its
// output before the lock was free for the change.
//
// While nobody tracks, a command looks at on and no more.
type tracked struct {
	on       atomic.Bool  // somebody tracks
	heeded   atomic.Bool  // the store tells of changes
	keys     atomic.Int64 // in all tables
	prefixed atomic.Int32 // len(prefixes)
	changes  atomic.Uint64
	shards   []trackedShard
	quiet    int      // calls of TendTracking since somebody tracked
	flushes  []uint64 // when databases were emptied, among changes: to be told. Guarded by the locks of all shards

	mu       sync.RWMutex // a leaf, but for the queues of connections; guards what follows
	clients  map[uint64]*Client
	prefixes []*prefix // by name
}

// trackedShard is guarded by the lock of the shard.
type trackedShard struct {
	table   tracking.Table
	changed []changed // keys with a prefix that somebody tracks
}

type changed struct {
	name    string
	command bool // changed by the command that runs, not by the store itself
}

// prefix is those who are told of all keys that begin with it (BCAST).
type prefix struct {
	name    string
	clients map[*Client]struct{}
}

// trackingState is how one client tracks. It changes with its worker and tracked.mu
// locked, so that either is enough to read it.
type trackingState struct {
	session.Tracking
	redirect *Client // nil: to itself
	broken   atomic.Bool
}

// Tracking tells how the client tracks.
func (cl *Client) Tracking() session.Tracking {
	if cl.track == nil {
		return session.Tracking{}
	}
	t := cl.track.Tracking
	t.Broken = cl.track.broken.Load()
	return t
}

// Track begins to track, or to do so in another way; prefixes are added to those there
// are. c is the client's command; shards are locked one at a time.
func (cl *Client) Track(c *command.Ctx, t session.Tracking, redirect *session.Session) {
	cl.enroll(t, redirect)
	// Whoever has locked a shard before has changed it before there is a reply.
	c.EachShard(0, func(sh *store.Shard) bool {
		sh.Heed(true)
		return true
	})
}

// enroll notes how the client tracks from now on.
func (cl *Client) enroll(t session.Tracking, redirect *session.Session) {
	x := cl.x
	st := &trackingState{Tracking: t}
	if redirect != nil {
		st.redirect, st.Redirect = redirect.Owner.(*Client), redirect.ID
	}
	x.tracked.mu.Lock()
	defer x.tracked.mu.Unlock()
	if t.BCast && len(t.Prefixes) == 0 {
		t.Prefixes = []string{""}
	}
	st.Prefixes = nil
	if cl.track != nil {
		st.Prefixes = cl.track.Prefixes
	}
	for _, name := range t.Prefixes {
		p := x.tracked.prefix(name)
		if _, there := p.clients[cl]; !there {
			p.clients[cl] = struct{}{}
			st.Prefixes = append(st.Prefixes, name)
			cl.Sess.TrackMem += len(name) + session.EntryMem
		}
	}
	slices.Sort(st.Prefixes)
	x.tracked.prefixed.Store(int32(len(x.tracked.prefixes)))
	if x.tracked.clients == nil {
		x.tracked.clients = make(map[uint64]*Client)
	}
	x.tracked.clients[cl.Sess.ID] = cl
	cl.track = st
	cl.Sess.Flags |= session.Tracks
	x.tracked.on.Store(true)
	x.tracked.heeded.Store(true)
}

// prefix gives the prefix of a name, a new one if need be. mu is held.
func (t *tracked) prefix(name string) *prefix {
	i, ok := slices.BinarySearchFunc(t.prefixes, name, func(p *prefix, name string) int { return strings.Compare(p.name, name) })
	if !ok {
		t.prefixes = slices.Insert(t.prefixes, i, &prefix{name, make(map[*Client]struct{})})
	}
	return t.prefixes[i]
}

// Untrack ends tracking. Keys that the client has read stay in the tables until they
// change. The worker must be locked.
func (cl *Client) Untrack() {
	cl.Sess.Flags &^= session.Tracks | session.Caching
	if cl.track == nil {
		return
	}
	t := &cl.x.tracked
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range cl.track.Prefixes {
		delete(t.prefix(name).clients, cl)
	}
	t.prefixes = slices.DeleteFunc(t.prefixes, func(p *prefix) bool { return len(p.clients) == 0 })
	t.prefixed.Store(int32(len(t.prefixes)))
	delete(t.clients, cl.Sess.ID)
	t.on.Store(len(t.clients) > 0)
	cl.track, cl.Sess.TrackMem = nil, 0
}

// Remember enters the keys of a command that reads, if its client is to be told when
// they change. The shards that c holds are locked, others are locked meanwhile.
func (x *Exec) Remember(c *command.Ctx) {
	switch c.Spec.Name {
	case "eval_ro", "evalsha_ro", "fcall_ro": // what their commands read counts
	default:
		if c.Spec.Flags&command.ReadOnly != 0 {
			x.RememberKeys(c)
		}
	}
}

// RememberKeys is Remember whatever the command, for scripts that have read.
func (x *Exec) RememberKeys(c *command.Ctx) {
	cl, ok := c.Sess.Owner.(*Client)
	if !ok || c.Sess.Flags&session.Tracks == 0 {
		return
	}
	t, caching := cl.track, c.Sess.Flags&session.Caching != 0
	if t.BCast || t.OptIn && !caching || t.OptOut && caching {
		return
	}
	for _, i := range c.Spec.KeyIndexes(c.Args, nil) {
		k := x.Store.Key(c.Args[i])
		sh := x.Store.ShardOf(k.H)
		locked := c.Held().Has(sh)
		if !locked {
			sh.Lock()
		}
		x.enter(sh, k, cl.Sess.ID)
		if !locked {
			sh.Unlock()
		}
	}
}

// enter enters one key of a shard, which is locked. If there are too many, another one
// of the shard has to go; if it has no other, TendTracking will find some.
func (x *Exec) enter(sh *store.Shard, k store.Key, id uint64) {
	table := &x.tracked.shards[sh.ID()].table
	grown := table.Add(k.H, k.B, id)
	if grown == 0 {
		return
	}
	n, most := x.tracked.keys.Add(int64(grown)), x.Config.TrackingTableMaxKeys
	if most > 0 && n > most && table.Evict(rand.Uint64(), k.H) {
		x.tracked.keys.Add(-1)
	}
}

// Touched implements store.Hooks.
func (x *Exec) Touched(ks *store.Keyspace, key []byte, byCommand bool) {
	t := &x.tracked
	if !t.heeded.Load() {
		return
	}
	sh := &t.shards[ks.Shard().ID()]
	if sh.table.Changed(x.Store.Key(key).H, key) {
		t.keys.Add(-1)
		if !t.on.Load() { // there is nobody to tell, nor will be
			sh.table.Gone = sh.table.Gone[:len(sh.table.Gone)-1]
			return
		}
		sh.table.Gone[len(sh.table.Gone)-1].Order = t.changes.Add(1)
	}
	if t.prefixed.Load() == 0 {
		return
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, p := range t.prefixes {
		if strings.HasPrefix(string(key), p.name) {
			sh.changed = append(sh.changed, changed{string(key), byCommand})
			return
		}
	}
}

// flushed tells those who track that databases were emptied: they forget all they
// know, and so do the tables, but for what is still to be told. All shards are locked.
func (x *Exec) flushed(*command.Ctx) {
	t := &x.tracked
	for i := range t.shards {
		gone := t.shards[i].table.Gone
		t.shards[i].table.Clear()
		t.shards[i].table.Gone = gone
	}
	t.keys.Store(0)
	if t.on.Load() {
		t.flushes = append(t.flushes, t.changes.Add(1))
	}
}

// track does for a command that has run what tracking asks for, with its locks held.
func (x *Exec) track(c *command.Ctx, cl *Client) {
	if c.Sess.Flags&session.Tracks != 0 {
		x.Remember(c)
	}
	x.tellAbout(c, cl)
}

// tellAbout is tell for a command, or a transaction, that has replied.
func (x *Exec) tellAbout(c *command.Ctx, cl *Client) {
	x.tell(cl, replyTo(c), c.Held())
}

// tell sends what has been collected in some shards, which are locked. Messages that
// cl causes for itself are appended to out, behind its reply, or sent like others if
// there is none; cl is nil if no client is the cause.
func (x *Exec) tell(cl *Client, out *[]byte, locks store.LockSet) {
	if locks == 0 {
		return
	}
	t := &x.tracked
	told := teller{t: t, cl: cl, out: out}
	var gone []tracking.Gone
	var all []changed
	for i := range t.shards {
		sh := &t.shards[i]
		if locks>>i&1 == 0 || len(sh.table.Gone)+len(sh.changed) == 0 {
			continue
		}
		gone, all = append(gone, sh.table.Gone...), append(all, sh.changed...)
		sh.table.Gone, sh.changed = nil, nil
	}
	if locks == x.Store.All() && len(t.flushes) > 0 {
		for _, order := range t.flushes {
			gone = append(gone, tracking.Gone{Order: order})
		}
		t.flushes = nil
	}
	if len(gone)+len(all) == 0 {
		return
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	told.readers(gone)
	told.prefixes(all)
}

// TendTracking, called every 10 ms, sends what is left to be told, makes room in the tables,
// and empties them when nobody has tracked for a while: who ends tracking and begins anew,
// to do so in another way, is told of what it has read before. No lock may be held.
func (x *Exec) TendTracking() {
	const (
		step = 100  // keys given up for one hold of a shard
		keep = 1000 // calls
	)
	t := &x.tracked
	if t.on.Load() {
		t.quiet = 0
	} else if !t.heeded.Load() {
		return
	} else if t.quiet++; t.quiet < keep {
		return
	} else {
		t.quiet = 0
		t.heeded.Store(false) // before the shards: whoever begins anew meanwhile sets it again
	}
	for i := range t.shards {
		sh, ts := x.Store.Shard(i), &t.shards[i]
		sh.Lock()
		if t.on.Load() {
			most := x.Config.TrackingTableMaxKeys
			for n := 0; n < step && most > 0 && t.keys.Load() > most && ts.table.Evict(rand.Uint64(), 0); n++ {
				t.keys.Add(-1)
			}
			x.tell(nil, nil, store.LockSet(1)<<i)
		} else {
			t.keys.Add(-int64(ts.table.Keys()))
			ts.table.Clear()
			ts.changed = nil
			sh.Heed(false)
		}
		sh.Unlock()
	}
}

// Trackers is the number of clients that track, and of prefixes. No lock is needed.
func (x *Exec) Trackers() (clients, prefixes int) {
	t := &x.tracked
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.clients), len(t.prefixes)
}

// Tracked is the number of keys of a shard, which is locked, that are tracked, and of
// pairs of such a key and a client.
func (x *Exec) Tracked(sh *store.Shard) (keys, items int) {
	t := &x.tracked.shards[sh.ID()].table
	return t.Keys(), t.Items()
}

// LimitTracking makes room in the tables after a change of tracking-table-max-keys: at
// once as far as that is soon done, and else from now on. All shards must be locked.
func (x *Exec) LimitTracking() {
	const soon = 1000
	t, most := &x.tracked, x.Config.TrackingTableMaxKeys
	for n, idle := 0, 0; n < soon && idle < len(t.shards) && most > 0 && t.keys.Load() > most; n++ {
		if t.shards[n%len(t.shards)].table.Evict(rand.Uint64(), 0) {
			t.keys.Add(-1)
			idle = 0
		} else {
			idle++
		}
	}
}
