// Package tracking remembers which clients have read which keys, so that they can be
// told when a key changes (CLIENT TRACKING in its default mode).
package tracking

// Table is the keys of one shard that clients have read since the keys changed last.
// Its owner locks it. The zero Table is empty and ready for use.
//
// # Invariants
//
//   - index maps the hash of a name to its place in keys, which has no gaps.
//   - The clients of a key are a list: keys[i].first is the newest, next[{hash, id}]
//     the one after id, and 0 the end. So next is also the set of all pairs of key
//     and client.
//   - Names of keys lie one behind the other in names; dead is the number of bytes
//     there that belong to no key.
//
// No part of it has pointers in its elements, so that the garbage collector has four
// objects to look at and not millions: one of the rejected alternatives is
// map[string][]uint64. IDs of clients are never 0.
//
// Two names with the same hash cannot be told apart by index. The second one takes
// the place of the first, whose clients are told as if it had changed.
type Table struct {
	index map[uint64]uint32
	keys  []key
	next  map[pair]uint64
	names []byte
	dead  int

	// Gone is keys that the table has given up and that clients have to be told
	// of. The owner empties it.
	Gone []Gone
}

// Gone is a key that has changed, or had to make room, and the clients that had read
// it, the latest reader first.
type Gone struct {
	Name  []byte
	IDs   []uint64
	Order uint64 // of changes, set by the owner; 0: the key had to make room
}

type key struct {
	hash  uint64
	first uint64 // ID of the client that read it last
	off   uint32 // of the name in names
	size  uint32
}

type pair struct{ hash, id uint64 }

const (
	// maxNames bounds names, in bytes, so that an offset is 32 bits.
	maxNames = 1 << 31
	// compactFrom is from how many dead bytes on names are compacted.
	compactFrom = 4 << 10
)

// Add remembers that a client has read a key. It tells by how many the number of keys
// grew, which may be none or less.
func (t *Table) Add(hash uint64, name []byte, id uint64) (grown int) {
	at, ok := t.index[hash]
	if ok && string(t.name(at)) != string(name) {
		t.drop(at)
		ok, grown = false, -1
	}
	if !ok {
		if len(t.names)+len(name) > maxNames {
			grown -= t.makeRoom()
		}
		if t.index == nil {
			t.index, t.next = make(map[uint64]uint32), make(map[pair]uint64)
		}
		at = uint32(len(t.keys))
		t.keys = append(t.keys, key{hash: hash, off: uint32(len(t.names)), size: uint32(len(name))})
		t.names = append(t.names, name...)
		t.index[hash] = at
		grown++
	}
	k, p := &t.keys[at], pair{hash, id}
	if _, there := t.next[p]; !there {
		t.next[p] = k.first
		k.first = id
	}
	return grown
}

// makeRoom gives up keys until a quarter of the bytes of names is free, and tells how
// many.
func (t *Table) makeRoom() (gone int) {
	for ; len(t.keys) > 0 && t.dead < maxNames/4; gone++ {
		t.drop(uint32(len(t.keys) - 1))
	}
	t.compact()
	return gone
}

// name is borrowed until the next change.
func (t *Table) name(at uint32) []byte {
	k := &t.keys[at]
	return t.names[k.off : k.off+k.size]
}

// Changed gives a key up, and tells whether it was there.
func (t *Table) Changed(hash uint64, name []byte) bool {
	at, ok := t.index[hash]
	if !ok || string(t.name(at)) != string(name) {
		return false
	}
	t.drop(at)
	return true
}

// drop gives up the key at a place; the last key moves there.
func (t *Table) drop(at uint32) {
	k := t.keys[at]
	g := Gone{Name: append([]byte(nil), t.name(at)...)}
	for id := k.first; id != 0; {
		p := pair{k.hash, id}
		g.IDs = append(g.IDs, id)
		id = t.next[p]
		delete(t.next, p)
	}
	t.Gone = append(t.Gone, g)
	delete(t.index, k.hash)
	t.dead += int(k.size)
	last := uint32(len(t.keys) - 1)
	if at != last {
		t.keys[at] = t.keys[last]
		t.index[t.keys[at].hash] = at
	}
	t.keys = t.keys[:last]
	if t.dead > compactFrom && t.dead > len(t.names)/2 {
		t.compact()
	}
}

// compact leaves out the names of keys that are gone.
func (t *Table) compact() {
	names := make([]byte, 0, (len(t.names)-t.dead)*5/4)
	for i := range t.keys {
		k := &t.keys[i]
		off := uint32(len(names))
		names = append(names, t.names[k.off:k.off+k.size]...)
		k.off = off
	}
	t.names, t.dead = names, 0
}

// Evict gives up a key other than the one with the hash keep, chosen by a random
// number. It tells whether there was one.
func (t *Table) Evict(random, keep uint64) bool {
	n := uint64(len(t.keys))
	if n == 0 {
		return false
	}
	at := uint32(random % n)
	if t.keys[at].hash == keep {
		if n == 1 {
			return false
		}
		at = uint32((uint64(at) + 1) % n)
	}
	t.drop(at)
	return true
}

// Clear forgets all keys, and those that are gone.
func (t *Table) Clear() { *t = Table{} }

// Keys is the number of keys.
func (t *Table) Keys() int { return len(t.keys) }

// Items is the number of pairs of a key and a client that has read it.
func (t *Table) Items() int { return len(t.next) }
