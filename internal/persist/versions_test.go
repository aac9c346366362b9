package persist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/rdb"
)

func packed(elems ...string) string {
	lp := []byte(listpack.Empty)
	for _, e := range elems {
		lp = listpack.Append(lp, []byte(e))
	}
	return plain(string(lp))
}

func plain(s string) string { return string(rdb.AppendString(nil, []byte(s), false)) }

// ziplisted packs short strings as versions before 10 did.
func ziplisted(elems ...string) string {
	z, tail, prev := make([]byte, 10), 10, 0
	for _, e := range elems {
		tail = len(z)
		z = append(append(z, byte(prev), byte(len(e))), e...)
		prev = len(z) - tail
	}
	z = append(z, 0xff)
	binary.LittleEndian.PutUint32(z, uint32(len(z)))
	binary.LittleEndian.PutUint32(z[4:], uint32(tail))
	binary.LittleEndian.PutUint16(z[8:], uint16(len(elems)))
	return plain(string(z))
}

// streamOf is the value of a stream with one entry, and a group with a consumer to whom it
// is pending, as versions 9, 10 and 11 write it.
func streamOf(t rdb.Type) string {
	id := idtree.ID{MS: 5, Seq: 1}
	lp := []byte(listpack.Empty)
	for _, n := range []int64{1, 0, 1} {
		lp = listpack.AppendInt(lp, n)
	}
	lp = listpack.AppendInt(listpack.Append(lp, []byte("field")), 0)
	for _, n := range []int64{2, 0, 0} { // the fields of the first, and its ID
		lp = listpack.AppendInt(lp, n)
	}
	lp = listpack.AppendInt(listpack.Append(lp, []byte("value")), 4)
	b := rdb.AppendStreamNode([]byte{1}, id, lp, false)
	later := t != rdb.TypeStreamListpacks
	b = append(b, 1, 5, 1) // entries, the last ID
	if later {
		b = append(b, 5, 1, 0, 0, 1) // the first ID, the greatest that was deleted, entries that ever were
	}
	b = append(b, 1) // groups
	b = append(append(b, plain("group")...), 5, 1)
	if later {
		b = append(b, 1)
	}
	b = append(b, 1) // pending
	b = rdb.AppendStreamPending(b, rdb.StreamPending{ID: id, Delivered: 1700000000000, Deliveries: 1})
	b = append(append(b, 1), plain("consumer")...)
	times := 1
	if t == rdb.TypeStreamListpacks3 {
		times = 2
	}
	for range times {
		b = binary.LittleEndian.AppendUint64(b, 1700000000001)
	}
	return string(rdb.AppendStreamOwned(append(b, 1), id))
}

// oldValues are the types of values with the first version of the format that has them.
// Those of one kind are the same value, and are kept in the same form.
func oldValues() []struct {
	since int
	t     rdb.Type
	kind  string
	value string
} {
	ints := []byte(intset.Empty)
	for _, n := range []int64{1, 2, 300} {
		ints, _ = intset.Add(ints, n)
	}
	deadline := "\x00\x00\x00\x00\x00\x08\x00\x00" // 1<<43, in milliseconds
	at := string(rdb.AppendLen(nil, 1<<43))
	triple := packed("f", "v", fmt.Sprint(int64(1)<<43))
	return []struct {
		since int
		t     rdb.Type
		kind  string
		value string
	}{
		{1, rdb.TypeString, "string", plain("text")},
		{1, rdb.TypeList, "list", "\x02" + plain("a") + plain("b")},
		{1, rdb.TypeSet, "set", "\x02" + plain("x") + plain("y")},
		{1, rdb.TypeSet, "integers", "\x03" + plain("2") + plain("1") + plain("300")},
		{1, rdb.TypeZset, "sorted", "\x02" + plain("m") + "\x031.5" + plain("n") + "\x012"},
		{1, rdb.TypeHash, "hash", "\x02" + plain("f") + plain("v") + plain("g") + plain("w")},
		{2, rdb.TypeHashZipmap, "hash", plain("\x02\x01f\x01\x00v\x01g\x01\x00w\xff")},
		{2, rdb.TypeListZiplist, "list", ziplisted("a", "b")},
		{2, rdb.TypeSetIntset, "integers", plain(string(ints))},
		{2, rdb.TypeZsetZiplist, "sorted", ziplisted("m", "1.5", "n", "2")},
		{4, rdb.TypeHashZiplist, "hash", ziplisted("f", "v", "g", "w")},
		{7, rdb.TypeListQuicklist, "list", "\x01" + ziplisted("a", "b")},
		{8, rdb.TypeZset2, "sorted", "\x02" + plain("m") + "\x00\x00\x00\x00\x00\x00\xf8\x3f" + plain("n") + "\x00\x00\x00\x00\x00\x00\x00\x40"},
		{9, rdb.TypeStreamListpacks, "stream", streamOf(rdb.TypeStreamListpacks)},
		{10, rdb.TypeHashListpack, "hash", packed("f", "v", "g", "w")},
		{10, rdb.TypeZsetListpack, "sorted", packed("m", "1.5", "n", "2")},
		{10, rdb.TypeListQuicklist2, "list", "\x01\x02" + packed("a", "b")},
		{10, rdb.TypeStreamListpacks2, "stream", streamOf(rdb.TypeStreamListpacks2)},
		{11, rdb.TypeSetListpack, "set", packed("x", "y")},
		{11, rdb.TypeStreamListpacks3, "stream", streamOf(rdb.TypeStreamListpacks3)},
		{12, rdb.TypeHashMetadataPreGA, "timed", "\x01" + at + plain("f") + plain("v")},
		{12, rdb.TypeHashListpackExPreGA, "timed", triple},
		{12, rdb.TypeHashMetadata, "timed", deadline + "\x01\x01" + plain("f") + plain("v")},
		{12, rdb.TypeHashListpackEx, "timed", deadline + triple},
	}
}

// versionFile is a file of a version with all that it may have. name gives the key of
// each of oldValues.
func versionFile(version int) (b []byte, keys int) {
	b = rdb.AppendFileHeader(nil, version)
	if version >= 7 {
		b = rdb.AppendAux(b, "redis-ver", "x")
	}
	if version >= 9 { // a module's, which is passed over
		b = append(b, "\xf7\x81\x01\x02\x03\x04\x05\x06\x07\x08\x02\x01\x05\x05abcde\x03\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	}
	if version >= 10 {
		b = rdb.AppendFunction(b, []byte("#!lua name=lib\ncode"), false)
	}
	b = rdb.AppendSelectDB(b, 0)
	if version >= 7 {
		b = rdb.AppendResizeDB(b, 20, 3)
	}
	if version >= 12 {
		b = append(b, byte(rdb.OpSlotInfo), 1, 2, 3)
	}
	for i, v := range oldValues() {
		if v.since > version {
			continue
		}
		switch {
		case version >= 9 && i%3 == 0:
			b = append(b, byte(rdb.OpIdle), 7)
		case version >= 9 && i%3 == 1:
			b = append(b, byte(rdb.OpFreq), 7)
		}
		b = append(append(b, byte(v.t)), plain(fmt.Sprint(v.kind, ":", i))...)
		b = append(b, v.value...)
		keys++
	}
	compressed := strings.Repeat("compressed ", 30)
	b = rdb.AppendString(append(b, "\x00\x03lzf"...), []byte(compressed), true)
	b = append(b, "\x00\x03num\xc1\x39\x30"...) // 12345
	b = append(b, "\xfd\x00\x00\x00\x7f\x00\x07seconds\x01v"...)
	keys += 3
	if version >= 3 {
		b = append(rdb.AppendExpire(b, 1<<43), "\x00\x06millis\x01v"...)
		keys++
	}
	b = append(b, byte(rdb.OpEOF))
	if version >= 5 {
		b = rdb.AppendFileEnd(b, rdb.CRC64(0, b))
	}
	return b, keys
}

// TestEveryVersionLoads loads a file of each version of the format with all types that it
// knows. What one version has in one form and another in another has to be the same.
func TestEveryVersionLoads(t *testing.T) {
	form := map[string]string{} // by kind
	for version := 1; version <= rdb.MaxVersion; version++ {
		b, keys := versionFile(version)
		st := newStore(t)
		l := loaderOf(st, 2)
		functions := 0
		l.Function = func(code []byte) error { functions++; return nil }
		res, err := l.Load(b)
		if err != nil || res.Keys != keys || res.Size != len(b) || (functions == 1) != (version >= 10) {
			t.Fatalf("version %d: %+v of %d keys, %d functions, %v", version, res, keys, functions, err)
		}
		all := contents(st)
		for name, want := range map[string]string{
			"0 lzf":     "0 \x00" + string(rdb.AppendString(nil, []byte(strings.Repeat("compressed ", 30)), false)),
			"0 num":     "0 \x00\xc1\x39\x30",
			"0 seconds": "2130706432000 \x00\x01v",
			"0 millis":  fmt.Sprint(int64(1)<<43, " \x00\x01v"),
		} {
			if got, ok := all[name]; got != want && (ok || version >= 3) {
				t.Errorf("version %d: %q is %q, not %q", version, name, got, want)
			}
			delete(all, name)
		}
		for i, v := range oldValues() {
			got, ok := all[fmt.Sprint("0 ", v.kind, ":", i)]
			if ok != (v.since <= version) {
				t.Errorf("version %d: type %v, of version %d, is there: %v", version, v.t, v.since, ok)
			}
			if !ok || v.kind == "stream" && v.t == rdb.TypeStreamListpacks {
				continue // it does not say all that the others do
			}
			if form[v.kind] == "" {
				form[v.kind] = got
			}
			if got != form[v.kind] {
				t.Errorf("version %d: type %v is kept as %q, another %s as %q", version, v.t, got, v.kind, form[v.kind])
			}
		}
	}
}

// TestModulesAreNamed refuses values of modules, and says that it is for these.
func TestModulesAreNamed(t *testing.T) {
	for _, value := range []string{"\x07\x01k\x81\x01\x02\x03\x04\x05\x06\x07\x08\x02\x03\x00", "\x06\x01k\x81\x01\x02\x03\x04\x05\x06\x07\x08"} {
		w := newWriter()
		w.str("a", "b")
		w.b = append(w.b, value...)
		_, err := loaderOf(newStore(t), 1).Load(w.file())
		if !errors.Is(err, rdb.ErrModule) || !strings.Contains(err.Error(), "values of a module, which cannot be read, at offset ") {
			t.Error(err)
		}
	}
}
