package serial_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/store"
)

// large makes the payloads of collections of some elements, of which names gives the
// members. Each has an element that is encoded or compressed among those that lie plainly
// in the input.
var large = map[string]func(names []string) []byte{
	"set": func(names []string) []byte {
		b := rdb.AppendLen([]byte{byte(rdb.TypeSet)}, uint64(len(names)))
		for _, m := range names {
			b = rdb.AppendString(b, []byte(m), true)
		}
		return b
	},
	"hash": func(names []string) []byte {
		b := rdb.AppendLen([]byte{byte(rdb.TypeHash)}, uint64(len(names)))
		for _, m := range names {
			b = rdb.AppendString(b, []byte(m), true)
			b = rdb.AppendString(b, []byte("of "+m), true)
		}
		return b
	},
	"sorted set, falling": func(names []string) []byte {
		return scored(names, func(i int) float64 { return float64(len(names) - i) })
	},
	"sorted set, rising": func(names []string) []byte {
		return scored(names, func(i int) float64 { return float64(i) })
	},
	"sorted set": func(names []string) []byte {
		return scored(names, func(i int) float64 { return float64(i * 7919 % 1009) })
	},
}

func scored(names []string, score func(i int) float64) []byte {
	b := rdb.AppendLen([]byte{byte(rdb.TypeZset2)}, uint64(len(names)))
	for i, m := range names {
		b = rdb.AppendString(b, []byte(m), true)
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(score(i)))
	}
	return b
}

func namesOf(w *world, n int) (names []string) {
	for i := range n {
		switch w.r.IntN(4) {
		case 0:
			names = append(names, fmt.Sprint(i))
		case 1:
			names = append(names, fmt.Sprintf("%d%0100d", i, 0))
		default:
			names = append(names, fmt.Sprintf("member %d", i))
		}
	}
	return names
}

// TestLarge reads large collections whose elements come in any order, and in all of the
// ways that strings are encoded.
func TestLarge(t *testing.T) {
	w := newWorld(t, 0)
	k := w.key("k")
	for name, make := range large {
		for _, n := range []int{21, 63, 64, 65, 1000, 10_000} {
			names := namesOf(w, n)
			v, err := read(w, make(names))
			if err != nil {
				t.Fatalf("%s of %d: %v", name, n, err)
			}
			e := v.Store(k, w.ks.Find(k), 0)
			have := membersOf(e)
			slices.Sort(names)
			slices.Sort(have)
			if !slices.Equal(have, names) {
				t.Errorf("%s of %d: other elements were read", name, n)
			}
			again := bytesOf(e)
			w.ks.Remove(k, w.ks.Find(k))
			if v, err := read(w, again); err != nil {
				t.Errorf("%s of %d, written again: %v", name, n, err)
			} else {
				v.Free()
			}
		}
	}
}

// membersOf gives the members of a large collection, once each.
func membersOf(e store.Entry) (members []string) {
	switch o := e.Object().(type) {
	case *dict.Dict:
		o.Each(func(x dict.Elem) {
			if x.Kind() == dict.Set || string(x.Value()) == "of "+string(x.Member()) {
				members = append(members, string(x.Member()))
			}
		})
	case *zset.ZSet:
		for c := o.First(); c.Valid(); c.Next() {
			members = append(members, string(c.Member()))
		}
	}
	return members
}

// TestLargeTwice has one element stand twice, wherever that is.
func TestLargeTwice(t *testing.T) {
	w := newWorld(t, 0)
	before := w.live()
	for name, make := range large {
		for range 20 {
			names := namesOf(w, 21+w.r.IntN(3000))
			at := 1 + w.r.IntN(len(names)-1)
			names[at] = names[w.r.IntN(at)]
			if _, err := read(w, make(names)); !errors.Is(err, rdb.ErrTwice) {
				t.Errorf("%s of %d, that with index %d is twice: %v", name, len(names), at, err)
			}
			if now := w.live(); now != before {
				t.Fatalf("%s: %d bytes are left", name, now-before)
			}
		}
	}
}

// TestLargeCut cuts payloads off, and has others say that they are larger than they are: no
// more memory is taken than what is there of them is worth.
func TestLargeCut(t *testing.T) {
	w := newWorld(t, 0)
	before := w.live()
	for name, make := range large {
		good := make(namesOf(w, 5000))
		for range 20 {
			if _, err := read(w, good[:1+w.r.IntN(len(good)-1)]); !errors.Is(err, rdb.ErrCorrupt) {
				t.Errorf("%s, cut off: %v", name, err)
			}
			if now := w.live(); now != before {
				t.Fatalf("%s, cut off: %d bytes are left", name, now-before)
			}
		}
	}
	for _, typ := range []rdb.Type{rdb.TypeSet, rdb.TypeHash, rdb.TypeZset2} {
		const size = 4 << 20
		for _, count := range []uint64{size / 20, size / 9, size - 100, size, 1 << 31, 1 << 40, math.MaxUint64} {
			b := rdb.AppendLen([]byte{byte(typ)}, count)
			for len(b) < size { // the same string all the time: the second is refused
				b = append(b, 0)
			}
			held := w.ks.Arena().Held()
			if _, err := read(w, b); !errors.Is(err, rdb.ErrCorrupt) {
				t.Errorf("%v, %d declared: %v", typ, count, err)
			}
			if took := w.ks.Arena().Held() - held; took > 3*size {
				t.Errorf("%v, %d declared: took %d bytes for %d", typ, count, took, size)
			}
			if now := w.live(); now != before {
				t.Fatalf("%v, %d declared: %d bytes are left", typ, count, now-before)
			}
		}
	}
}
