package command

import (
	"log/slog"
	"math/rand/v2"
	"slices"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
)

// Env is what all commands share. It is set up before the first command; the
// configuration changes only while every worker is stopped, so it is read
// without a lock.
type Env struct {
	Store  *store.Store
	Config *config.Config
	Clock  *clock.Clock
	Log    *oplog.Log
	Logger *slog.Logger
	Table  *Table
	// Users are changed only while all workers are stopped.
	Users *acl.Users
	// Denials notes what users were denied.
	Denials *acl.Log
	// ClientInfo describes the session of c, as in CLIENT LIST; nil if nobody can.
	ClientInfo func(c *Ctx) string
	// Notify is the set of keyspace notifications that are on.
	Notify NotifyClass
	// Publish delivers a keyspace notification; nil while nothing is on.
	Publish func(db int, class NotifyClass, event string, key []byte)
	// Crashed is told of a mistake in a handler that ends the process, with the
	// stack of the goroutine, by the one that makes it; nil if nobody wants to know.
	Crashed func(c *Ctx, why any, stack []byte)
	// Flushed says, for those who track keys, that databases were emptied. All
	// shards are locked.
	Flushed func(c *Ctx)
	// FlushedAll, if it is set, is called when FLUSHALL has emptied all databases, with
	// all shards locked. changes are those of the command, which count at its end only.
	FlushedAll func(changes int)
	// ListPlainSize is the size in bytes from which on an element of a list has
	// a node of its own; 0 stands for the default. It changes like the
	// configuration (DEBUG QUICKLIST-PACKED-THRESHOLD).
	ListPlainSize int
	// SkipChecksum makes RESTORE take payloads whatever their checksum (DEBUG
	// SET-SKIP-CHECKSUM-VALIDATION). It changes like the configuration.
	SkipChecksum bool
	// ScriptsRunAll lets scripts run commands that they may not (DEBUG
	// SET-DISABLE-DENY-SCRIPTS). It changes like the configuration.
	ScriptsRunAll bool
}

// NotifyClass is a class of keyspace events, one bit each.
type NotifyClass uint32

// The classes with the letters of notify-keyspace-events.
const (
	NotifyKeyspace NotifyClass = 1 << iota // K
	NotifyKeyevent                         // E
	NotifyGeneric                          // g
	NotifyString                           // $
	NotifyList                             // l
	NotifySet                              // s
	NotifyHash                             // h
	NotifyZSet                             // z
	NotifyExpired                          // x
	NotifyEvicted                          // e
	NotifyStream                           // t
	NotifyMiss                             // m, not in A
	NotifyModule                           // d
	NotifyNew                              // n, not in A
	NotifyAll      = NotifyGeneric | NotifyString | NotifyList | NotifySet | NotifyHash | NotifyZSet |
		NotifyExpired | NotifyEvicted | NotifyStream | NotifyModule
)

// Ctx is what a handler works with. There is one per worker, reused from
// command to command; nothing of it may be kept.
type Ctx struct {
	*Env
	Args  [][]byte // the request; borrowed until the handler returns
	Out   []byte   // replies are appended here
	Sess  *session.Session
	Spec  *Spec
	Stats *stats.Worker

	nano     int64 // monotonic time at which the command began
	now      int64 // Unix milliseconds, 0 when not asked for yet
	held     store.LockSet
	first    store.Key // the only key, hashed when the locks were taken
	keys     []int     // or the keys of a command with several, by argument,
	hashes   []uint64  // and their hashes
	nextKey  int       // index in keys of the one to be asked for next
	dirty    int       // changes the command made
	failed   bool      // it replied with an error
	logging  bool      // somebody reads the effects
	rewrote  bool      // effects replaces the command itself
	effects  []byte    // RESP
	nEffects int
	outMost  int // bytes that Out may have; 0: no limit
	lastErr  string
	redacted uint64 // arguments that nobody else may see, one bit each
	scratch  store.Scratch
	wait     *Wait // the command waits for this
	data     any   // of the Wait that is served
	rnd      *rand.Rand
	call     acl.Request // see request
}

// Begin prepares c for a command. The executor calls it.
func (c *Ctx) Begin(s *session.Session, spec *Spec, args [][]byte, nano int64) {
	c.Sess, c.Spec, c.Args, c.nano = s, spec, args, nano
	c.now, c.dirty, c.failed, c.redacted, c.first, c.keys = 0, 0, false, 0, store.Key{}, nil
	c.logging = c.Log.Active()
	c.rewrote, c.nEffects, c.effects = false, 0, c.effects[:0]
	c.wait = nil
}

// AskLog asks again whether somebody reads the effects, for a command that had to wait
// since it was begun.
func (c *Ctx) AskLog() { c.logging = c.Log.Active() }

// LimitOut sets how many bytes Out may have, those that are there included, before the
// connection is closed for what it makes the server keep; 0 is no limit.
func (c *Ctx) LimitOut(most int) { c.outMost = most }

// Limited tells whether replies are limited.
func (c *Ctx) Limited() bool { return c.outMost != 0 }

// Overflows tells that nobody will get the reply any more, as it is too large: a
// handler may as well stop. What it has appended has to stay.
func (c *Ctx) Overflows() bool { return c.outMost != 0 && len(c.Out) > c.outMost }

// Hold tells c which shards are locked for it, and the first key if it has been
// hashed already.
func (c *Ctx) Hold(locks store.LockSet, first store.Key) { c.held, c.first = locks, first }

// HoldKeys is Hold with the hashes of all keys: those of the arguments keys.
// Both slices are borrowed until the command ends.
func (c *Ctx) HoldKeys(locks store.LockSet, keys []int, hashes []uint64) {
	c.held, c.keys, c.hashes, c.nextKey = locks, keys, hashes, 0
}

// Held is the set of shards that are locked.
func (c *Ctx) Held() store.LockSet { return c.held }

// Nano is the monotonic time in nanoseconds at which the command began.
func (c *Ctx) Nano() int64 { return c.nano }

// Now is the time at which the command began in Unix milliseconds. It stands
// still while a command or a transaction runs.
func (c *Ctx) Now() int64 {
	if c.now == 0 {
		c.now = c.Clock.UnixMilli(c.nano)
	}
	return c.now
}

// SetNow makes the command run at a time in Unix milliseconds: all commands of
// a transaction run at the time of its EXEC.
func (c *Ctx) SetNow(ms int64) { c.now = ms }

// DB is the index of the selected database.
func (c *Ctx) DB() int { return int(c.Sess.DB) }

// Key gives argument i as a key with its hash.
func (c *Ctx) Key(i int) store.Key {
	b := c.Args[i]
	if c.first.B != nil && len(b) > 0 && len(b) == len(c.first.B) && &b[0] == &c.first.B[0] {
		return c.first
	}
	if n := c.nextKey; n < len(c.keys) && c.keys[n] == i {
		c.nextKey++ // keys are mostly asked for in order
		return store.Key{B: b, H: c.hashes[n]}
	}
	return c.Store.Key(b)
}

// Keyspace gives the part of the selected database that a key belongs to. Its
// shard must be locked.
func (c *Ctx) Keyspace(k store.Key) *store.Keyspace { return c.KeyspaceIn(k, c.DB()) }

// KeyspaceIn is Keyspace for any database.
func (c *Ctx) KeyspaceIn(k store.Key, db int) *store.Keyspace {
	return c.Store.ShardOf(k.H).DB(db)
}

// Read looks a key up for reading: it counts as a hit or a miss, and as a use
// of the key.
func (c *Ctx) Read(k store.Key) store.Entry {
	e := c.Keyspace(k).Find(k)
	if !e.Ok() || e.Perishable() {
		e = c.Peek(k)
		if !e.Ok() {
			return e
		}
	} else {
		c.Stats.Hits++
	}
	if c.Sess.Flags&session.NoTouch == 0 {
		e.Used()
	}
	return e
}

// Peek is Read without counting as a use (TTL, TYPE, OBJECT and the like).
func (c *Ctx) Peek(k store.Key) store.Entry {
	e := c.Keyspace(k).Lookup(k, c.Now())
	if !e.Ok() {
		c.Stats.Misses++
		if c.Notify&NotifyMiss != 0 {
			c.Publish(c.DB(), NotifyMiss, "keymiss", k.B)
		}
		return e
	}
	c.Stats.Hits++
	return e
}

// Write looks a key up in order to change it.
func (c *Ctx) Write(k store.Key) store.Entry {
	ks := c.Keyspace(k)
	e := ks.Find(k)
	if !e.Ok() {
		return e
	}
	if e.Perishable() {
		if e = ks.Lookup(k, c.Now()); !e.Ok() {
			return e
		}
	}
	if ks.Walking() {
		ks.Announce(k)
	}
	if c.Sess.Flags&session.NoTouch == 0 {
		e.Used()
	}
	return e
}

// ReadType is Read for commands of one type: ok is false, and the error is in
// the reply, when the key holds another type. A missing key is ok.
func (c *Ctx) ReadType(k store.Key, t store.Type) (e store.Entry, ok bool) {
	e = c.Read(k)
	if e.Ok() && e.Type() != t {
		c.Err(ErrWrongType)
		return e, false
	}
	return e, true
}

// WriteType is Write for commands of one type, as ReadType.
//
// It does not call Write, which would copy the entry once more.
func (c *Ctx) WriteType(k store.Key, t store.Type) (e store.Entry, ok bool) {
	ks := c.Keyspace(k)
	e = ks.Find(k)
	if e.Volatile() {
		e = ks.Lookup(k, c.Now())
	}
	if !e.Ok() {
		return e, true
	}
	if ks.Walking() {
		ks.Announce(k)
	}
	if c.Sess.Flags&session.NoTouch == 0 {
		e.Used()
	}
	if e.Type() != t {
		c.Err(ErrWrongType)
		return e, false
	}
	return e, true
}

// Value gives the bytes of a string entry, valid until the handler returns or
// the next call, whichever is first.
func (c *Ctx) Value(e store.Entry) []byte { return e.Bytes(&c.scratch) }

// Changed says that a key of the selected database was changed: it counts as
// one change, tells watchers, and publishes the event if its class is on.
func (c *Ctx) Changed(k store.Key, class NotifyClass, event string) {
	c.ChangedIn(c.Keyspace(k), k.B, class, event)
}

// ChangedIn is Changed for a key of any keyspace.
func (c *Ctx) ChangedIn(ks *store.Keyspace, key []byte, class NotifyClass, event string) {
	c.dirty++
	ks.Touch(key)
	if c.Notify&class != 0 {
		c.Publish(ks.DB(), class, event, key)
	}
}

// Event publishes a further event of a change that Changed has counted.
func (c *Ctx) Event(k store.Key, class NotifyClass, event string) {
	if c.Notify&class != 0 {
		c.Publish(c.DB(), class, event, k.B)
	}
}

// Dirty counts n further changes (rdb_changes_since_last_save). A command that
// counted none has no effects.
func (c *Ctx) Dirty(n int) { c.dirty += n }

// Changes is the number of changes counted so far.
func (c *Ctx) Changes() int { return c.dirty }

// Logging tells whether anybody reads the effects, for handlers that would have
// to work to produce them.
func (c *Ctx) Logging() bool { return c.logging }

// Effect replaces the command in the list of effects: by its first call, and
// adds to it by further ones. Handlers whose command would not have the same
// outcome later or elsewhere (relative times, random choices) must call it.
// The arguments are copied.
func (c *Ctx) Effect(args ...[]byte) {
	c.rewrote = true
	if c.logging {
		c.effects = resp.AppendCommand(c.effects, args...)
		c.nEffects++
	}
}

// NoEffect says that the command, though it counted changes, has no effect for
// others (its work was done by effects of other commands, or is local).
func (c *Ctx) NoEffect() { c.rewrote = true }

// Unwound forgets the effects of a handler that found the memory exhausted before it
// had changed anything. The executor calls it.
func (c *Ctx) Unwound() {
	if c.dirty == 0 {
		c.nEffects, c.effects = 0, c.effects[:0]
	}
}

// Effects gives what is to be appended to the oplog after the handler returned;
// its Count is 0 when there is nothing. It is valid until the next command.
func (c *Ctx) Effects(db int) oplog.Effect {
	if !c.logging || (c.dirty == 0 && c.nEffects == 0) {
		return oplog.Effect{}
	}
	if !c.rewrote {
		c.effects = resp.AppendCommand(c.effects[:0], c.Args...)
		c.nEffects = 1
	}
	return oplog.Effect{DB: db, Count: c.nEffects, Cmds: c.effects}
}

// Flags are those of this call of the command.
func (c *Ctx) Flags() Flag {
	if c.Spec.Call != nil {
		return c.Spec.Call(c.Args)
	}
	return c.Spec.Flags
}

// Fail replies with an error that has been counted already, as that of a command
// that a script ran.
func (c *Ctx) Fail(text string) {
	c.failed = true
	c.lastErr = text
	c.Out = resp.AppendError(c.Out, text)
}

// Took makes c one whose command has run with another context.
func (c *Ctx) Took(o *Ctx) { c.failed, c.lastErr, c.dirty = o.failed, o.lastErr, o.dirty }

// Redact hides argument i from the slow log and MONITOR.
func (c *Ctx) Redact(i int) { c.redacted |= 1 << min(i, 63) }

// Shown gives the arguments of the command with secrets hidden.
func (c *Ctx) Shown() [][]byte {
	if c.redacted == 0 {
		return c.Args
	}
	shown := slices.Clone(c.Args)
	for i := range shown {
		if c.redacted>>min(i, 63)&1 != 0 {
			shown[i] = []byte("(redacted)")
		}
	}
	return shown
}

// Failed tells whether the command replied with an error.
func (c *Ctx) Failed() bool { return c.failed }

// LastError is the text of the last error reply.
func (c *Ctx) LastError() string { return c.lastErr }

// EachShard runs f for every shard, one locked at a time, or for all of them
// together when they are locked already. It is for NoLock and AllShards
// commands; f returns false to stop.
func (c *Ctx) EachShard(from int, f func(sh *store.Shard) bool) {
	for i := from; i < c.Store.Shards(); i++ {
		if !c.withShard(c.Store.Shard(i), f) {
			return
		}
	}
}

// withShard runs f with a shard locked. The lock is given back also when f finds
// the memory exhausted.
func (c *Ctx) withShard(sh *store.Shard, f func(sh *store.Shard) bool) bool {
	if c.held.Has(sh) {
		return f(sh)
	}
	sh.Lock()
	c.held |= 1 << sh.ID()
	defer func() {
		c.held &^= 1 << sh.ID()
		sh.Unlock()
	}()
	return f(sh)
}

// Is tells whether argument i is the given word, in any case. The word is in
// upper case.
func (c *Ctx) Is(i int, word string) bool { return i < len(c.Args) && EqualFold(c.Args[i], word) }

// EqualFold compares b with an upper-case word, ignoring the case of b.
func EqualFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range b {
		x := b[i]
		if 'a' <= x && x <= 'z' {
			x -= 'a' - 'A'
		}
		if x != word[i] {
			return false
		}
	}
	return true
}

// Err replies with an error. text begins with its code, as in "ERR syntax
// error"; line ends in it become spaces.
func (c *Ctx) Err(text string) {
	c.failed = true
	c.lastErr = text
	c.Stats.Error([]byte(text))
	c.Out = resp.AppendError(c.Out, text)
}
