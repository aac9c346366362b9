package serial_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/triples"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/tests/peer"
)

var limits = serial.Limits{
	HashEntries: 20, HashValue: 64, SetInts: 20, SetEntries: 20, SetValue: 64, ZSetEntries: 20, ZSetValue: 64, ListFill: -2,
}

// world is a store with one shard.
type world struct {
	t  testing.TB
	st *store.Store
	ks *store.Keyspace
	r  *rand.Rand
}

func newWorld(t testing.TB, reserve uint64) *world {
	seed := peer.Seed(t)
	st, err := store.New(store.Options{Shards: 1, Reserve: reserve})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return &world{t, st, st.Shard(0).DB(0), rand.New(rand.NewPCG(seed, 0))}
}

func (w *world) key(name string) store.Key { return w.st.Key([]byte(name)) }

// live is the memory in use when nothing is waiting to be freed.
func (w *world) live() uint64 {
	for w.ks.Shard().Reclaim(1 << 20) {
	}
	return w.ks.Arena().Live()
}

func (w *world) elem() []byte {
	n := w.r.IntN(30)
	if w.r.IntN(20) == 0 {
		n = w.r.IntN(3000)
	}
	if w.r.IntN(3) == 0 {
		return fmt.Append(nil, int64(w.r.Uint64())>>w.r.IntN(64))
	}
	return bytes.Repeat([]byte{byte('a' + w.r.IntN(26))}, n)
}

// kinds are makers of values, one for each form in which they are kept.
var kinds = map[string]func(w *world, k store.Key, e store.Entry) store.Entry{
	"int":    func(w *world, k store.Key, e store.Entry) store.Entry { return w.ks.SetInt(k, e, w.r.Int64(), 0) },
	"string": func(w *world, k store.Key, e store.Entry) store.Entry { return w.ks.SetString(k, e, w.elem(), 0) },
	"packed list": func(w *world, k store.Key, e store.Entry) store.Entry {
		return w.packed(k, e, store.List, 1)
	},
	"list": func(w *world, k store.Key, e store.Entry) store.Entry {
		l := new(qlist.List)
		l.Init(w.ks.Arena(), 3)
		l.SetPackedThreshold(20)
		for range 4 + w.r.IntN(100) {
			l.PushBack(w.elem())
		}
		return w.ks.NewObject(k, e, store.List, l, 0)
	},
	"intset": func(w *world, k store.Key, e store.Entry) store.Entry {
		s := []byte(intset.Empty)
		for range 1 + w.r.IntN(20) {
			s, _ = intset.Add(s, int64(w.r.Uint64())>>w.r.IntN(64))
		}
		return w.ks.NewPacked(k, e, store.Set, s, 0, 0)
	},
	"packed set": func(w *world, k store.Key, e store.Entry) store.Entry {
		lp := listpack.Append([]byte(listpack.Empty), []byte("text"))
		for i := range w.r.IntN(20) {
			lp = listpack.Append(lp, fmt.Append(nil, i*i))
		}
		return w.ks.NewPacked(k, e, store.Set, lp, 0, 0)
	},
	"set": func(w *world, k store.Key, e store.Entry) store.Entry {
		d := new(dict.Dict)
		d.Init(w.ks.Arena(), dict.Set)
		for i := range 21 + w.r.IntN(100) {
			d.Add(append(w.elem(), fmt.Sprint(i)...))
		}
		return w.ks.NewObject(k, e, store.Set, d, 0)
	},
	"packed hash": func(w *world, k store.Key, e store.Entry) store.Entry {
		return w.packed(k, e, store.Hash, 2)
	},
	"hash":              func(w *world, k store.Key, e store.Entry) store.Entry { return w.hash(k, e, false) },
	"hash of deadlines": func(w *world, k store.Key, e store.Entry) store.Entry { return w.hash(k, e, true) },
	"packed hash of deadlines": func(w *world, k store.Key, e store.Entry) store.Entry {
		lp := []byte(listpack.Empty)
		for i := range 1 + w.r.IntN(20) {
			at := 1 + w.r.Int64N(1<<40)
			if i > 0 && w.r.IntN(2) == 0 {
				at = 0
			}
			lp = triples.Insert(lp, fmt.Append(nil, "f", i), fmt.Append(nil, i*i), at)
		}
		return w.ks.NewTimed(k, e, lp, 0, 0)
	},
	"packed sorted set": func(w *world, k store.Key, e store.Entry) store.Entry {
		var p zset.Packed = []byte(listpack.Empty)
		for i := range 1 + w.r.IntN(20) {
			p = p.Insert(fmt.Append(nil, "m", i), w.score())
		}
		return w.ks.NewPacked(k, e, store.ZSet, p, 0, 0)
	},
	"sorted set": func(w *world, k store.Key, e store.Entry) store.Entry {
		z := new(zset.ZSet)
		z.Init(w.ks.Arena())
		for i := range 21 + w.r.IntN(100) {
			z.Set(append(w.elem(), fmt.Sprint(i)...), w.score())
		}
		return w.ks.NewObject(k, e, store.ZSet, z, 0)
	},
	"stream": func(w *world, k store.Key, e store.Entry) store.Entry { return w.stream(k, e) },
}

func (w *world) score() float64 { return []float64{0, 1, -1.5, 1e300, w.r.NormFloat64()}[w.r.IntN(5)] }

// packed makes a collection of up to 20 elements of step different entries each.
func (w *world) packed(k store.Key, e store.Entry, t store.Type, step int) store.Entry {
	lp := []byte(listpack.Empty)
	for i := range step * (1 + w.r.IntN(20)) {
		lp = listpack.Append(lp, fmt.Append(nil, strings.Repeat("x", w.r.IntN(9)), i))
	}
	return w.ks.NewPacked(k, e, t, lp, 0, 0)
}

func (w *world) hash(k store.Key, e store.Entry, deadlines bool) store.Entry {
	d := new(dict.Dict)
	d.Init(w.ks.Arena(), dict.Hash)
	for i := range 21 + w.r.IntN(100) {
		f, _ := d.Set(append(w.elem(), fmt.Sprint(i)...), w.elem())
		if deadlines && (i == 0 || w.r.IntN(2) == 0) {
			d.SetDeadline(f, 1+w.r.Int64N(1<<40))
		}
	}
	return w.ks.NewObject(k, e, store.Hash, d, 0)
}

func (w *world) stream(k store.Key, e store.Entry) store.Entry {
	s := new(stream.Stream)
	s.Init(w.ks.Arena())
	id := stream.ID{MS: 5}
	for range 1 + w.r.IntN(50) {
		id = stream.ID{MS: id.MS + uint64(w.r.IntN(3)), Seq: id.Seq + 1}
		s.Append(id, [][]byte{[]byte("field"), w.elem()}, stream.Limits{Entries: 10})
		if w.r.IntN(5) == 0 {
			s.Delete(id)
		}
	}
	for i := range w.r.IntN(3) {
		g := s.NewGroup(fmt.Append(nil, "g", i), stream.ID{}, stream.Unknown)
		a, b := g.NewConsumer([]byte("a"), 1), g.NewConsumer([]byte("b"), 2)
		g.NewConsumer([]byte("c"), 3)
		for c := s.Range(stream.ID{}, stream.MaxID); c.Next(); {
			if w.r.IntN(2) == 0 {
				s.Advance(g, c.ID())
				g.Deliver(c.ID(), []*stream.Consumer{a, b}[w.r.IntN(2)], 17, 2)
			}
		}
	}
	return w.ks.NewObject(k, e, store.Stream, s, 0)
}

// bytesOf gives the type and the value of an entry, as a payload has them.
func bytesOf(e store.Entry) []byte {
	return serial.Append([]byte{byte(serial.TypeOf(e))}, e, true)
}

func read(w *world, b []byte) (serial.Value, error) {
	r := rdb.NewReader(b[1:])
	r.SetBudget(1 << 20)
	return serial.Read(w.ks, &r, rdb.Type(b[0]), &limits)
}

// unordered is for values that are written in no order: they are as many bytes in
// any.
func unordered(b []byte) bool {
	t := rdb.Type(b[0])
	return t == rdb.TypeSet || t == rdb.TypeHash || t == rdb.TypeHashMetadata
}

func TestRoundTrip(t *testing.T) {
	w := newWorld(t, 0)
	from, to := w.key("from"), w.key("to")
	for name, make := range kinds {
		for range 30 {
			e := make(w, from, w.ks.Find(from))
			b := bytesOf(e)
			v, err := read(w, append(bytes.Clone(b), "what follows"...))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			typ, encoding := e.Type(), e.Encoding()
			e = v.Store(to, w.ks.Find(to), 0)
			again := bytesOf(e)
			if unordered(b) && len(b) == len(again) {
				b, again = sorted(b), sorted(again)
			}
			if e.Type() != typ || e.Encoding() != encoding || !bytes.Equal(b, again) {
				t.Fatalf("%s: %s, %s became %s, %s\n%q\n%q", name, typ, encoding, e.Type(), e.Encoding(), b, again)
			}
		}
	}
	w.ks.Remove(from, w.ks.Find(from))
	w.ks.Remove(to, w.ks.Find(to))
}

// TestMemoryUsage checks that what a key is said to take is what the arena has, and
// the little that is on the Go heap: directories of tables, and descriptions of the
// nodes of lists.
func TestMemoryUsage(t *testing.T) {
	w := newWorld(t, 0)
	k := w.key("k")
	check := func(name string, e store.Entry) {
		heap := uint64(64)
		if name == "list" {
			heap = 4096 // what a list of 100 elements has room for, when each is a node
		}
		if said, has := uint64(e.MemoryUsage()), w.live(); said < has || said > has+heap {
			t.Errorf("%s: said to take %d bytes, the arena has %d", name, said, has)
		}
	}
	for name, make := range kinds {
		e := make(w, k, w.ks.Find(k))
		check(name, e)
		v, err := read(w, bytesOf(e))
		if err != nil {
			t.Fatal(err)
		}
		check(name, v.Store(k, e, 0))
	}
}

// sorted gives how often each byte is in a value, which tells most values apart.
func sorted(b []byte) []byte {
	var count [256]int
	for _, x := range b {
		count[x]++
	}
	return fmt.Append(nil, count)
}

// TestNothingIsLeft damages values in places all over. Nothing of those that are refused
// stays in memory, and of the others nothing when they are freed.
func TestNothingIsLeft(t *testing.T) {
	w := newWorld(t, 0)
	k := w.key("k")
	refused := 0
	for name, make := range kinds {
		e := make(w, k, w.ks.Find(k))
		good := bytesOf(e)
		w.ks.Remove(k, w.ks.Find(k))
		before := w.live()
		for at := 0; at < len(good); at += 1 + w.r.IntN(1+len(good)/200) {
			for _, bad := range [][]byte{good[:at], append(bytes.Clone(good[:at]), good[at]+byte(1+w.r.IntN(255)))} {
				if len(bad) == 0 {
					continue
				}
				if len(bad) > at {
					bad = append(bad, good[at+1:]...)
				}
				v, err := read(w, bad)
				if err != nil {
					refused++
					if !errors.Is(err, rdb.ErrCorrupt) && err != rdb.ErrTooLarge {
						t.Fatalf("%s: %v", name, err)
					}
				} else {
					v.Free()
				}
				if now := w.live(); now != before {
					t.Fatalf("%s, byte %d: %d bytes more than before (%v)\n%q", name, at, now-before, err, bad)
				}
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestDeadlines reads fields with deadlines in all forms that Redis writes, small
// and large.
func TestDeadlines(t *testing.T) {
	w := newWorld(t, 0)
	k := w.key("k")
	lp := func(elems ...any) string {
		p := []byte(listpack.Empty)
		for _, e := range elems {
			p = listpack.Append(p, fmt.Append(nil, e))
		}
		return string(rdb.AppendString(nil, p, true))
	}
	least := "\x07\x00\x00\x00\x00\x00\x00\x00"
	for _, c := range []struct{ value, encoding string }{
		{"\x19" + least + lp("a", "b", 7, "c", "d", 9, "e", "f", 0), "listpackex"},
		{"\x17" + lp("a", "b", 7, "c", "d", 9, "e", "f", 0), "listpackex"},
		{"\x17" + lp("c", "d", 9, "e", "f", 0, "a", "b", 7), "listpackex"},
		{"\x18" + least + "\x03\x00\x01e\x01f\x03\x01c\x01d\x01\x01a\x01b", "listpackex"},
		{"\x16\x03\x07\x01a\x01b\x00\x01e\x01f\x09\x01c\x01d", "listpackex"},
		{"\x16\x04\x07\x01a\x01b\x00\x01e\x01f\x09\x01c\x01d\x00\x01l\x40\x46" + strings.Repeat("x", 70), "hashtable"},
		{"\x16\x01\x00\x01e\x01f", "listpack"},
		{"\x17" + lp("e", "f", 0), "listpack"},
	} {
		v, err := read(w, []byte(c.value))
		if err != nil {
			t.Errorf("%q: %v", c.value, err)
			continue
		}
		e := v.Store(k, w.ks.Find(k), 0)
		if e.Encoding() != c.encoding || e.Timed() != (c.encoding != "listpack") {
			t.Errorf("%q: %s", c.value, e.Encoding())
		}
		if e.Timed() && e.NextField() != 7 {
			t.Errorf("%q: the first deadline is %d", c.value, e.NextField())
		}
		if c.encoding == "listpackex" {
			if got := string(bytesOf(e)); got != "\x19"+least+lp("a", "b", 7, "c", "d", 9, "e", "f", 0) {
				t.Errorf("%q: written as %q", c.value, got)
			}
		}
	}
}

func TestTwice(t *testing.T) {
	w := newWorld(t, 0)
	before := w.live()
	long := strings.Repeat("x", 70)
	for name, b := range map[string]string{
		"packed hash":           "\x04\x02\x01a\x01b\x01a\x01c",
		"hash":                  "\x04\x02\x01a\x40\x46" + long + "\x01a\x01c",
		"hash, before":          "\x04\x03\x01a\x01b\x01a\x01b\x01c\x40\x46" + long,
		"hash of deadlines":     "\x16\x02\x07\x01a\x01b\x00\x01a\x01c",
		"intset":                "\x02\x02\xc0\x01\xc0\x01",
		"packed set":            "\x02\x03\xc0\x01\x01a\xc0\x01",
		"set":                   "\x02\x03\x40\x46" + long + "\x01a\x01a",
		"set, before":           "\x02\x03\xc0\x01\xc0\x01\x40\x46" + long,
		"packed sorted set":     "\x03\x02\x01a\x011\x01a\x012",
		"sorted set":            "\x03\x02\x40\x46" + long + "\x011\x40\x46" + long + "\x011",
		"sorted set, before":    "\x03\x03\x01a\x011\x01a\x012\x40\x46" + long + "\x011",
		"list of empty nodes":   "\x12\x01\x02\x07" + listpack.Empty,
		"stream, wrong length":  "\x13\x00\x01\x00\x00\x00\x00\x00\x00\x01\x00",
		"two groups":            "\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x02" + "\x01g\x00\x00\x00\x00\x00" + "\x01g\x00\x00\x00\x00\x00",
		"two consumers":         "\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01" + "\x01g\x00\x00\x00\x00\x02" + "\x01a12345678\x00\x01a12345678\x00",
		"pending for nobody":    "\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01" + "\x01g\x00\x00\x00\x01" + id + "12345678\x01" + "\x01\x01a12345678\x00",
		"owned, not pending":    "\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01" + "\x01g\x00\x00\x00\x00" + "\x01\x01a12345678\x01" + id,
		"pending for two":       "\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01" + "\x01g\x00\x00\x00\x01" + id + "12345678\x01" + "\x02\x01a12345678\x01" + id + "\x01b12345678\x01" + id,
		"pending twice":         "\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01" + "\x01g\x00\x00\x00\x02" + id + "12345678\x01" + id + "12345678\x01" + "\x01\x01a12345678\x01" + id,
		"pending for one twice": "\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01" + "\x01g\x00\x00\x00\x01" + id + "12345678\x01" + "\x01\x01a12345678\x02" + id + id,
	} {
		if v, err := read(w, []byte(b)); !errors.Is(err, rdb.ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		if now := w.live(); now != before {
			t.Errorf("%s: %d bytes are left", name, now-before)
		}
	}
	good := "\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01" + "\x01g\x00\x00\x00\x01" + id + "12345678\x01" + "\x02\x01a12345678\x01" + id + "\x01b12345678\x00"
	v, err := read(w, []byte(good))
	if err != nil {
		t.Errorf("pending for one: %v", err)
	}
	v.Free()
}

// TestActiveTimes reads a stream as version 7.2 writes it.
func TestActiveTimes(t *testing.T) {
	w := newWorld(t, 0)
	k := w.key("k")
	v, err := read(w, []byte("\x15\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01"+"\x01g\x00\x00\x00\x01"+id+"12345678\x01"+
		"\x02\x01a12345678\x07\x00\x00\x00\x00\x00\x00\x00\x01"+id+"\x01b12345678\xff\xff\xff\xff\xff\xff\xff\xff\x00"))
	if err != nil {
		t.Fatal(err)
	}
	e := v.Store(k, w.ks.Find(k), 0)
	g := e.Object().(*stream.Stream).Group([]byte("g"))
	if a, b := g.Consumer([]byte("a")), g.Consumer([]byte("b")); a.Active != 7 || b.Active != -1 || a.Len() != 1 || b.Len() != 0 {
		t.Errorf("%+v and %+v", a, b)
	}
	if typ := serial.TypeOf(e); typ != rdb.TypeStreamListpacks2 {
		t.Errorf("written as type %d", typ)
	}
}

const id = "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"

// TestManyOutOfOrder checks that consumers that come in the worst order end the
// reading before they take the square of the time.
func TestManyOutOfOrder(t *testing.T) {
	w := newWorld(t, 0)
	const n = 200_000
	b := []byte("\x13\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01\x01g\x00\x00\x00\x00")
	b = rdb.AppendLen(b, n)
	for i := range n {
		b = fmt.Appendf(b, "\x06%06d12345678\x00", n-i)
	}
	if _, err := read(w, b); !errors.Is(err, rdb.ErrCorrupt) {
		t.Error(err)
	}
}

// TestExhausted reads values into a shard that has too little memory.
func TestExhausted(t *testing.T) {
	w := newWorld(t, 1<<21)
	k := w.key("k")
	before := w.live()
	many := make(map[string][]byte)
	hash, set, sorted := rdb.AppendLen([]byte("\x04"), 1<<17), rdb.AppendLen([]byte("\x02"), 1<<17), rdb.AppendLen([]byte("\x05"), 1<<17)
	list := rdb.AppendLen([]byte("\x01"), 1<<17)
	for i := range 1 << 17 {
		m := rdb.AppendString(nil, fmt.Append(nil, "member ", i), false)
		hash = append(append(hash, m...), m...)
		set = append(set, m...)
		list = append(list, m...)
		sorted = append(append(sorted, m...), 0, 0, 0, 0, 0, 0, 0, 0)
	}
	many["hash"], many["set"], many["sorted set"], many["list"] = hash, set, sorted, list
	for name, b := range many {
		func() {
			defer func() {
				if r := recover(); r != mem.ErrExhausted {
					t.Errorf("%s: %v", name, r)
				}
			}()
			v, err := read(w, b)
			t.Errorf("%s was read: %v %v", name, v.Type(), err)
		}()
		if now := w.live(); now != before {
			t.Errorf("%s: %d bytes are left", name, now-before)
		}
	}
	// What fits is still stored.
	v, err := read(w, []byte("\x02\x02\x01a\x01b"))
	if err != nil {
		t.Fatal(err)
	}
	if e := v.Store(k, w.ks.Find(k), 0); e.SetLen() != 2 {
		t.Error("the set was not stored")
	}
}

// FuzzRead stores any bytes that are a value and reads again what is written then.
func FuzzRead(f *testing.F) {
	w := newWorld(f, 1<<26)
	k := w.key("k")
	for _, make := range kinds {
		f.Add(bytesOf(make(w, k, w.ks.Find(k))))
	}
	w.ks.Remove(k, w.ks.Find(k))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		before := w.live()
		v, err := read(w, b)
		if err == nil {
			e := v.Store(k, w.ks.Find(k), 0)
			again := bytesOf(e)
			typ, encoding := e.Type(), e.Encoding()
			v, err := read(w, again)
			if err != nil {
				t.Fatalf("written as %q, which is refused: %v", again, err)
			}
			e = v.Store(k, w.ks.Find(k), 0)
			if e.Type() != typ || e.Encoding() != encoding && !(encoding == "listpack" || encoding == "raw") {
				t.Fatalf("%s, %s became %s, %s", typ, encoding, e.Type(), e.Encoding())
			}
			w.ks.Remove(k, w.ks.Find(k))
		}
		if now := w.live(); now > before+1<<12 {
			t.Fatalf("%d bytes are left", now-before)
		}
	})
}
