package store

import (
	"fmt"
	"hash/maphash"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/zset"
)

// witness knows what each record was at the moment of a Walk, in builds with the tag
// invariants: a change that was not announced ends the process when the walk comes to
// the record. Without the tag there is none.
type witness struct {
	seed maphash.Seed
	was  map[string]uint64 // by key
}

func newWitness(ks *Keyspace) *witness {
	w := &witness{seed: maphash.MakeSeed(), was: make(map[string]uint64)}
	ks.Each(func(e Entry) { w.was[string(e.Key())] = w.print(e) })
	return w
}

// print is a fingerprint of all that a snapshot has of an entry.
func (w *witness) print(e Entry) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	fmt.Fprint(&h, e.Type(), e.Deadline(), e.rec.enc() == encObject, e.Timed(), " ")
	switch {
	case e.Type() == String:
		h.Write(e.Bytes(new(Scratch)))
	case e.Packed():
		h.Write(e.Pack())
	default:
		switch o := e.Object().(type) {
		case *dict.Dict:
			return h.Sum64() ^ o.Print(w.seed)
		case *zset.ZSet:
			return h.Sum64() ^ o.Print(w.seed)
		case *qlist.List:
			o.Walk(0, func(_ bool, data []byte) bool {
				h.Write(data)
				return true
			})
		case *stream.Stream:
			fmt.Fprint(&h, o.Len(), o.First(), o.Last(), o.MaxDeleted(), o.Added(), len(o.Groups()))
			for _, g := range o.Groups() {
				fmt.Fprint(&h, g.Name(), g.Last(), g.Read(), g.Len(), len(g.Consumers()))
			}
			o.Walk(stream.ID{}, func(_ stream.ID, lp []byte) bool {
				h.Write(lp)
				return true
			})
		}
	}
	return h.Sum64()
}

// take compares an entry that is handed over with what it was.
func (w *witness) take(e Entry) {
	key := string(e.Key())
	was, ok := w.was[key]
	switch {
	case !ok:
		panic(fmt.Sprintf("store: %q was handed over twice, or came without being announced", key))
	case was != w.print(e):
		panic(fmt.Sprintf("store: %q was changed without being announced", key))
	}
	delete(w.was, key)
}

// end is called when all has been handed over.
func (w *witness) end() {
	for key := range w.was {
		panic(fmt.Sprintf("store: %q was removed without being announced", key))
	}
}
