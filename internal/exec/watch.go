package exec

import (
	"bytes"
	"sync"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// watchedKey is a key that a client watches. Whoever changes it sets watcher.Changed, but
// for databases that are flushed or swapped while many keys are watched: those tell nobody
// (store.Moves), and EXEC finds out.
type watchedKey struct {
	db     int
	key    store.Key
	exists bool   // it did when it was entered,
	due    bool   // or it had expired, and was there because nothing is removed in a pause,
	moves  uint32 // and what Moves told then
}

// beginWatch enters a key in its shard, which is locked, at now in Unix milliseconds.
func (x *Exec) beginWatch(k *watchedKey, w *store.Watcher, now int64) {
	sh := x.Store.ShardOf(k.key.H)
	// A key that has expired already is removed first, so that its removal is no change
	// for this client.
	ks := sh.DB(k.db)
	k.exists, k.moves = ks.Lookup(k.key, now).Ok(), x.Store.Moves(k.db)
	k.due = !k.exists && ks.Find(k.key).Ok()
	sh.Watch(k.db, string(k.key.B), w)
}

// hasChanged tells whether the key, whose shard is locked, is another one at now, though its
// watcher does not know yet. EXEC does not remove one that has expired: that is told, with
// an event, when somebody looks for it, or when its time has come.
func (x *Exec) hasChanged(k *watchedKey, now int64) bool {
	e := x.Store.ShardOf(k.key.H).DB(k.db).Find(k.key)
	if e.Ok() && e.Expired(now) {
		return !k.due || x.hasMoved(k, false)
	}
	return x.hasMoved(k, e.Ok())
}

// hasMoved tells whether the key, whose shard is locked, got another value, or lost its
// own, with its database. Where that has moved more than once, nobody knows what was there
// in between: that counts as a change.
func (x *Exec) hasMoved(k *watchedKey, exists bool) bool {
	switch x.Store.Moves(k.db) - k.moves {
	case 0:
		return false
	case 1:
		return k.exists || exists
	}
	return true
}

type watchedName struct {
	db  int
	key string
}

// manyWatched is from how many watched keys on names is kept, so that a list
// of keys is not gone through for each of them.
const manyWatched = 16

// unwatch forgets all watched keys. held tells which shards are locked already. While a
// script runs for too long they stay entered until it has ended.
func (cl *Client) unwatch(held store.LockSet) {
	if held == 0 && cl.x.Alerted(AlertBusy) {
		cl.unwatchLate()
		return
	}
	for _, k := range cl.tx.watched {
		sh := cl.x.Store.ShardOf(k.key.H)
		locked := held.Has(sh)
		if !locked {
			sh.Lock()
		}
		sh.Unwatch(k.db, string(k.key.B), &cl.tx.watcher)
		if !locked {
			sh.Unlock()
		}
	}
	cl.forgetWatched()
}

func (cl *Client) forgetWatched() {
	cl.tx.watched, cl.tx.names, cl.tx.late = nil, nil, 0
	cl.Sess.Watching, cl.Sess.WatchMem = 0, 0
	cl.tx.watcher.Changed.Store(false)
}

func (x *Exec) watch(c *command.Ctx) {
	if c.Sess.Flags&session.Multi != 0 {
		c.Err(command.ErrWatchInMulti)
		return
	}
	cl := owner(c)
	for i := 1; i < len(c.Args); i++ {
		k := c.Key(i)
		if cl.watches(c.DB(), k.B) {
			continue
		}
		x.beginWatch(cl.note(c.DB(), k), &cl.tx.watcher, c.Now())
	}
	c.OK()
}

// note adds a key to those that are watched. What it gives is valid until the next.
func (cl *Client) note(db int, k store.Key) *watchedKey {
	cl.tx.watched = append(cl.tx.watched, watchedKey{
		db: db, key: store.Key{B: bytes.Clone(k.B), H: k.H}, moves: cl.x.Store.Moves(db),
	})
	cl.tx.index()
	cl.Sess.Watching = len(cl.tx.watched)
	cl.Sess.WatchMem += len(k.B) + session.EntryMem
	return &cl.tx.watched[len(cl.tx.watched)-1]
}

// index enters the last of the watched keys in names, or all when that begins.
func (tx *transaction) index() {
	n := len(tx.watched)
	if n < manyWatched {
		return
	}
	fresh := tx.watched[n-1:]
	if tx.names == nil {
		tx.names, fresh = make(map[watchedName]struct{}, 2*n), tx.watched
	}
	for _, w := range fresh {
		tx.names[watchedName{w.db, string(w.key.B)}] = struct{}{}
	}
}

func (cl *Client) watches(db int, key []byte) bool {
	if cl.tx.names != nil {
		_, ok := cl.tx.names[watchedName{db, string(key)}]
		return ok
	}
	for _, w := range cl.tx.watched {
		if w.db == db && string(w.key.B) == string(key) {
			return true
		}
	}
	return false
}

func (x *Exec) unwatch(c *command.Ctx) {
	owner(c).unwatch(c.Held())
	c.OK()
}

// lateWatching is the clients that began or ended to watch keys while a script ran for too
// long, or whose time to wait for keys was over: it holds shards, and nobody may wait for
// them. The keys are entered in their shards, or taken out, when it has ended, and those
// who waited go on. What it has changed meanwhile nobody has been told then; so if it has
// changed anything, the keys that are entered count as changed.
type lateWatching struct {
	mu      sync.Mutex // a leaf
	clients map[*Client]struct{}
}

func (l *lateWatching) add(cl *Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients == nil {
		l.clients = make(map[*Client]struct{})
	}
	l.clients[cl] = struct{}{}
}

// watchLate is WATCH while a script runs for too long.
func (x *Exec) watchLate(c *command.Ctx, cl *Client) {
	start := len(c.Out)
	if c.Sess.Flags&session.Multi != 0 {
		c.Err(command.ErrWatchInMulti)
	} else {
		for _, b := range c.Args[1:] {
			if !cl.watches(c.DB(), b) {
				cl.note(c.DB(), x.Store.Key(b))
				cl.tx.late++
			}
		}
		x.script.late.add(cl)
		c.OK()
	}
	if x.monitors.Load() != nil {
		x.feedMonitors(c)
	}
	x.measure(cl.w, c, cl)
	x.muteAnswer(c, &cl.Sess, start)
}

// unwatchLate is unwatch while a script runs for too long.
func (cl *Client) unwatchLate() {
	if entered := cl.tx.watched[:len(cl.tx.watched)-cl.tx.late]; len(entered) > 0 {
		cl.tx.dropped = append(cl.tx.dropped, entered...)
		cl.x.script.late.add(cl)
	}
	cl.forgetWatched()
}

// watchNow does what was left to do. The script has ended, the workers are stopped, and
// the shards held are locked.
func (s *scripting) watchNow() {
	s.late.mu.Lock()
	clients := s.late.clients
	s.late.clients = nil
	s.late.mu.Unlock()
	for cl := range clients {
		tx := &cl.tx
		for _, k := range tx.dropped {
			s.with(k, func(sh *store.Shard) { sh.Unwatch(k.db, string(k.key.B), &tx.watcher) })
		}
		late := tx.watched[len(tx.watched)-tx.late:]
		for i := range late {
			s.with(late[i], func(*store.Shard) { s.x.beginWatch(&late[i], &tx.watcher, s.now) })
		}
		switch {
		case len(tx.watched) == 0:
			tx.watcher.Changed.Store(false)
		case tx.late > 0 && s.wrote.Load():
			tx.watcher.Changed.Store(true)
		}
		tx.dropped, tx.late = nil, 0
		if !cl.gone && cl.waits != nil {
			cl.Sess.Conn.Resume()
		}
	}
}

// with calls f with the shard of a key locked.
func (s *scripting) with(k watchedKey, f func(sh *store.Shard)) {
	sh := s.x.Store.ShardOf(k.key.H)
	if !s.held.Has(sh) {
		sh.Lock()
		defer sh.Unlock()
	}
	f(sh)
}
