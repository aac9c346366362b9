package persist

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/tests/peer"
)

// writer makes files.
type writer struct {
	b []byte
	n int
}

func newWriter() *writer { return &writer{b: rdb.AppendFileHeader(nil, 10)} }

func (w *writer) db(n int) { w.b = rdb.AppendSelectDB(w.b, n) }

func (w *writer) hint(keys, volatile int) { w.b = rdb.AppendResizeDB(w.b, keys, volatile) }

func (w *writer) str(key, value string) {
	w.b = rdb.AppendString(append(w.b, byte(rdb.TypeString)), []byte(key), true)
	w.b = rdb.AppendString(w.b, []byte(value), true)
}

// some writes keys of several types, which have names of their own.
func (w *writer) some(rnd *rand.Rand, keys int) {
	for range keys {
		name := fmt.Sprintf("key:%d", w.n)
		if w.n%3 == 0 {
			name = fmt.Sprint(w.n) // an integer in the file
		}
		w.n++
		if rnd.IntN(8) == 0 {
			w.b = rdb.AppendExpire(w.b, 1<<43+int64(w.n))
		}
		switch rnd.IntN(5) {
		case 0:
			w.str(name, fmt.Sprint(rnd.Int32()))
		case 1:
			w.str(name, strings.Repeat("compressible ", 1+rnd.IntN(20)))
		case 2:
			w.b = rdb.AppendString(append(w.b, byte(rdb.TypeList)), []byte(name), true)
			w.b = rdb.AppendLen(w.b, 3)
			for range 3 {
				w.b = rdb.AppendString(w.b, []byte(strings.Repeat("element", rnd.IntN(60))), true)
			}
		case 3:
			w.str(strings.Repeat(name, 100), name) // a key that is compressed
		default:
			value := make([]byte, rnd.IntN(300))
			for i := range value {
				value[i] = byte(rnd.Uint32())
			}
			w.str(name, string(value))
		}
	}
}

func (w *writer) file() []byte { return summed(append(w.b, byte(rdb.OpEOF))) }

// contents is what a store has, by database and key.
func contents(st *store.Store) map[string]string {
	st.Lock(st.All())
	defer st.Unlock(st.All())
	all := map[string]string{}
	for db := range st.Databases() {
		for i := range st.Shards() {
			st.Shard(i).DB(db).Each(func(e store.Entry) {
				value := serial.Append([]byte{byte(serial.TypeOf(e))}, e, false)
				all[fmt.Sprint(db, " ", string(e.Key()))] = fmt.Sprint(e.Deadline(), " ", string(value))
			})
		}
	}
	return all
}

func loaderOf(st *store.Store, inserters int) *Loader {
	return &Loader{Store: st, Limits: serial.LimitsOf(config.Default(), 0), CheckSum: true, Inserters: inserters, Now: 1 << 33}
}

func seeded(t *testing.T) *rand.Rand {
	seed := peer.Seed(t)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestInsertersAgree loads a file with different numbers of inserters.
func TestInsertersAgree(t *testing.T) {
	rnd := seeded(t)
	w := newWriter()
	for _, db := range []int{0, 3} {
		w.db(db)
		w.hint(3000, 400)
		w.some(rnd, 3000)
	}
	w.str("large", strings.Repeat("0123456789", 50_000))
	w.some(rnd, 300)
	b := w.file()
	var want map[string]string
	for _, inserters := range []int{0, 1, 2, 5} {
		st := newStore(t)
		res, err := loaderOf(st, inserters).Load(b)
		if err != nil || res.Keys != 6301 || res.Size != len(b) {
			t.Fatalf("with %d inserters: %+v, %v", inserters, res, err)
		}
		got := contents(st)
		if want == nil {
			want = got
		}
		if len(got) != 6301 {
			t.Fatalf("with %d inserters there are %d keys", inserters, len(got))
		}
		for k, v := range want {
			if got[k] != v {
				t.Fatalf("with %d inserters, %q is %q, not %q", inserters, k, got[k], v)
			}
		}
	}
}

// TestKeyTwice has a key twice in a file: it is refused, at the place of the second, or,
// when keys are replaced, the last one counts.
func TestKeyTwice(t *testing.T) {
	rnd := seeded(t)
	for _, inserters := range []int{0, 1, 2, 5} {
		w := newWriter()
		w.some(rnd, 500)
		for i := range 40 {
			w.str("twice", fmt.Sprint("value ", i))
			if i == 1 {
				w.n++
				w.some(rnd, 1000)
			}
		}
		second := strings.Index(string(w.b), "value 1") + len("value 1")
		b := w.file()
		st := newStore(t)
		_, err := loaderOf(st, inserters).Load(b)
		if want := fmt.Sprintf(`duplicated key "twice", at offset %d`, second); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %d inserters: %v, want %s", inserters, err, want)
		}
		st = newStore(t)
		l := loaderOf(st, inserters)
		l.Merge = true
		if _, err := l.Load(b); err != nil {
			t.Fatal(err)
		}
		if got := contents(st)["0 twice"]; got != "0 \x00\x08value 39" {
			t.Errorf("with %d inserters the key is %q", inserters, got)
		}
	}
}

// TestFirstErrorCounts has several values of a file damaged.
func TestFirstErrorCounts(t *testing.T) {
	rnd := seeded(t)
	for _, inserters := range []int{0, 2, 5} {
		w := newWriter()
		w.some(rnd, 300)
		first := 0
		for i := range 20 {
			w.b = append(rdb.AppendString(append(w.b, byte(rdb.TypeSetIntset)), fmt.Append(nil, "bad", i), false), "\x03abc"...)
			if i == 0 {
				first = len(w.b)
			}
			w.some(rnd, 5)
		}
		b := w.file()
		st := newStore(t)
		_, err := loaderOf(st, inserters).Load(b[:len(b)-20]) // and it is cut
		if want := fmt.Sprintf(`(key "bad0", type Intset), at offset %d`, first); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("with %d inserters: %v, want %s", inserters, err, want)
		}
	}
}

// TestWrongHints has files say other numbers of keys than they have. It costs no more
// than the file is large, and nothing in the end.
func TestWrongHints(t *testing.T) {
	rnd := seeded(t)
	const keys = 8_000
	table := func(hints ...int) (during, after int) {
		w := newWriter()
		for _, n := range hints {
			w.hint(n, n)
		}
		w.some(rnd, keys)
		b := w.file()
		st := newStore(t)
		l := loaderOf(st, 2)
		first := true
		l.Stop = func() bool {
			if first {
				st.Lock(st.All())
				defer st.Unlock(st.All())
				during, first = tableBytes(st), false
			}
			return false
		}
		if _, err := l.Load(b); err != nil {
			t.Fatal(err)
		}
		if n := len(contents(st)); n != keys {
			t.Fatalf("with the hints %d there are %d keys", hints, n)
		}
		if during > len(b)*5/4+1<<16 {
			t.Errorf("with the hints %d the tables take %d bytes, the file %d", hints, during, len(b))
		}
		return during, tableBytes(st)
	}
	_, plain := table()
	_, right := table(keys)
	for _, hints := range [][]int{{0}, {1}, {keys / 2}, {keys + 100}, {4 * keys}, {100 * keys}, {math.MaxInt}, {math.MaxInt, 3}, {1, math.MaxInt}} {
		during, after := table(hints...)
		t.Logf("hints %d: tables of %d KiB while loading, %d after; %d without a hint, %d with the right one",
			hints, during>>10, after>>10, plain>>10, right>>10)
		if after > 2*max(plain, right) {
			t.Errorf("with the hints %d the tables take %d bytes in the end, without %d", hints, after, plain)
		}
	}
}

// TestHintsOfNothing has hints for databases that have no keys, and one there is not.
func TestHintsOfNothing(t *testing.T) {
	w := newWriter()
	for db := range 16 {
		w.db(db)
		w.hint(1<<40, 0)
	}
	rnd, noise := seeded(t), make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	w.str("key", string(noise))
	w.str("another", "value")
	b := w.file()
	st := newStore(t)
	l := loaderOf(st, 1)
	l.Stop = func() bool {
		st.Lock(st.All())
		defer st.Unlock(st.All())
		if n := tableBytes(st); n < 1000 || n > len(b) {
			t.Errorf("the tables take %d bytes, the file %d", n, len(b))
		}
		return false
	}
	if _, err := l.Load(b); err != nil {
		t.Fatal(err)
	}
	if n := tableBytes(st); n > 1000 {
		t.Errorf("the tables of two keys take %d bytes", n)
	}
	w = newWriter()
	w.db(16)
	w.hint(1000, 0)
	if _, err := loaderOf(st, 1).Load(w.file()); !errors.Is(err, ErrDatabase) {
		t.Error(err)
	}
}

func tableBytes(st *store.Store) (n int) {
	for i := range st.Shards() {
		for db := range st.Databases() {
			n += st.Shard(i).DB(db).TableBytes()
		}
	}
	return n
}

// TestCutAnywhere loads a file that ends too early, and looks whether all ends.
func TestCutAnywhere(t *testing.T) {
	rnd := seeded(t)
	w := newWriter()
	w.hint(2000, 0)
	w.some(rnd, 2000)
	b := w.file()
	// An inserter has told its end before its goroutine is gone: wait a moment for that.
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	st := newStore(t)
	for range 25 {
		cut := rnd.IntN(len(b))
		for _, inserters := range []int{0, 3} {
			_, err := loaderOf(st, inserters).Load(b[:cut])
			if !errors.Is(err, rdb.ErrCorrupt) && !(cut < rdb.FileHeaderLen && errors.Is(err, rdb.ErrMagic)) {
				t.Fatalf("cut to %d of %d bytes, with %d inserters: %v", cut, len(b), inserters, err)
			}
			st.Lock(st.All())
			empty(st)
			st.Unlock(st.All())
		}
	}
}

// TestLoadingStops gives loading up in the middle.
func TestLoadingStops(t *testing.T) {
	w := newWriter()
	for i := range 60_000 {
		w.str(fmt.Sprint("key:", i), "a value of several bytes, each of them needed for the size of the file")
	}
	st := newStore(t)
	l := loaderOf(st, 2)
	asked := 0
	l.Stop = func() bool { asked++; return asked == 2 }
	if res, err := l.Load(w.file()); !errors.Is(err, ErrStopped) || res.Keys == 0 || res.Keys == 60_000 {
		t.Errorf("%+v, %v", res, err)
	}
}
