package store

import "sync/atomic"

// Watcher is told that one of the keys it watches has changed. Changed is set
// under the lock of the key's shard and may be read without it.
type Watcher struct{ Changed atomic.Bool }

type watched struct {
	db  int
	key string
}

// Watch registers w for a key. The shard must be locked.
func (sh *Shard) Watch(db int, key string, w *Watcher) {
	if sh.watchers == nil {
		sh.watchers = make(map[watched][]*Watcher)
	}
	at := watched{db, key}
	sh.watchers[at] = append(sh.watchers[at], w)
}

// Unwatch undoes one Watch. The shard must be locked.
func (sh *Shard) Unwatch(db int, key string, w *Watcher) {
	at := watched{db, key}
	list := sh.watchers[at]
	for i := range list {
		if list[i] == w {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(sh.watchers, at)
	} else {
		sh.watchers[at] = list
	}
}

// Touch tells those who watch a key, and those who wait for it, that it has
// changed.
func (ks *Keyspace) Touch(key []byte) { ks.touch(key, true) }

// touch is Touch for a change by a command, or by the store itself.
func (ks *Keyspace) touch(key []byte, command bool) {
	if len(ks.sh.watchers) != 0 {
		ks.sh.touch(ks.db, key)
	}
	if len(ks.sh.waiting) != 0 {
		ks.sh.stir(ks.db, key)
	}
	if ks.sh.heeded {
		ks.st.hooks.Touched(ks, key, command)
	}
}

// Heed sets whether every change of a key of the shard is told to Hooks.Touched.
func (sh *Shard) Heed(on bool) { sh.heeded = on }

// Heeded tells what was set with Heed.
func (sh *Shard) Heeded() bool { return sh.heeded }

func (sh *Shard) touch(db int, key []byte) {
	for _, w := range sh.watchers[watched{db, string(key)}] {
		w.Changed.Store(true)
	}
}

// manyWatched is from how many watched keys on a flush or a swap of databases does not
// look at each of them: whoever watches finds out by Moves.
const manyWatched = 512

// manyWatch tells whether more keys are watched than all of them can be told of a flush
// or a swap. All shards must be locked.
func (st *Store) manyWatch() bool {
	n := 0
	for i := range st.shards {
		n += len(st.shards[i].watchers)
	}
	return n > manyWatched
}

// Moves counts the times that a database got other content, or none, without those who
// watch its keys having been told.
func (st *Store) Moves(db int) uint32 { return st.moves[db].Load() }

// touchFlushed tells the watchers of keys that exist in a database which is
// about to be emptied.
func (sh *Shard) touchFlushed(db int) {
	for at, list := range sh.watchers {
		if at.db == db && sh.DB(db).exists(at.key) {
			mark(list)
		}
	}
}

// touchSwapped tells the watchers of keys that exist in one of two databases
// that are about to change places. A key that comes and has expired already is
// none, and is removed; one that goes is, as it had not expired when it was
// watched.
func (sh *Shard) touchSwapped(a, b int, now int64) {
	for at, list := range sh.watchers {
		from, to := a, b
		switch at.db {
		case a:
		case b:
			from, to = b, a
		default:
			continue
		}
		comes := sh.DB(to).Lookup(sh.DB(to).st.Key([]byte(at.key)), now).Ok()
		if comes || sh.DB(from).exists(at.key) {
			mark(list)
		}
	}
}

func mark(list []*Watcher) {
	for _, w := range list {
		w.Changed.Store(true)
	}
}

func (ks *Keyspace) exists(key string) bool {
	_, ref := ks.find(ks.st.Key([]byte(key)))
	return ref != 0
}
