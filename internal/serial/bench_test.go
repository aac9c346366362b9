package serial_test

import (
	"fmt"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

// benchValues are values as they are common: a record of some fields, and large
// collections of small elements.
func benchValues(w *world) map[string]store.Entry {
	values := map[string]store.Entry{}
	lp := []byte(listpack.Empty)
	for i := range 20 {
		lp = listpack.Append(listpack.Append(lp, fmt.Append(nil, "field", i)), fmt.Append(nil, "value", i*i))
	}
	k := w.key("small hash")
	values["small hash"] = w.ks.NewPacked(k, w.ks.Find(k), store.Hash, lp, 0, 0)
	const n = 100_000
	hash, set, z := new(dict.Dict), new(dict.Dict), new(zset.ZSet)
	hash.Init(w.ks.Arena(), dict.Hash)
	set.Init(w.ks.Arena(), dict.Set)
	z.Init(w.ks.Arena())
	for i := range n {
		m := fmt.Appendf(nil, "member:%08d", i)
		hash.Set(m, m)
		set.Add(m)
		z.Set(m, float64(i*7%n))
	}
	k = w.key("hash")
	values["hash"] = w.ks.NewObject(k, w.ks.Find(k), store.Hash, hash, 0)
	k = w.key("set")
	values["set"] = w.ks.NewObject(k, w.ks.Find(k), store.Set, set, 0)
	k = w.key("sorted set")
	values["sorted set"] = w.ks.NewObject(k, w.ks.Find(k), store.ZSet, z, 0)
	return values
}

func BenchmarkAppend(b *testing.B) {
	w := newWorld(b, 0)
	for name := range benchValues(w) {
		b.Run(name, func(b *testing.B) {
			var buf []byte
			for b.Loop() {
				buf = serial.AppendDump(buf[:0], w.ks.Find(w.key(name)), true)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}

func BenchmarkRead(b *testing.B) {
	w := newWorld(b, 0)
	to := w.key("to")
	for name := range benchValues(w) {
		payload := serial.AppendDump(nil, w.ks.Find(w.key(name)), true)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				body, _ := rdb.VerifyDump(payload, true)
				r := rdb.NewReader(body[1:])
				v, err := serial.Read(w.ks, &r, rdb.Type(body[0]), &limits)
				if err != nil {
					b.Fatal(err)
				}
				v.Store(to, w.ks.Find(to), 0)
				w.live()
			}
		})
	}
}
