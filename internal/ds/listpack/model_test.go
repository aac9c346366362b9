package listpack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/num"
	"pgregory.net/rapid"
)

// check compares lp with the strings that it should hold, in every way to read it.
func check(t rapid.TB, lp []byte, want []string) {
	t.Helper()
	if Bytes(lp) != len(lp) {
		t.Fatalf("Bytes = %d, want %d", Bytes(lp), len(lp))
	}
	var each []string
	err := ValidateEach(lp, func(i int, v Value) error {
		if i != len(each) {
			t.Fatalf("entry %d comes as number %d", len(each), i)
		}
		each = append(each, string(v.AppendTo(nil)))
		return nil
	})
	if err != nil || !slices.Equal(each, want) {
		t.Fatalf("ValidateEach: %v, %.300q, want %.300q", err, each, want)
	}
	if n := Len(lp); n != len(want) {
		t.Fatalf("Len = %d, want %d", n, len(want))
	}
	at := make([]int, 0, len(want)+1)
	pos, ok := First(lp)
	for ; ok; pos, ok = Next(lp, pos) {
		checkGet(t, lp, pos, want[len(at)])
		at = append(at, pos)
	}
	if pos != End(lp) || len(at) != len(want) {
		t.Fatalf("%d entries end at %d of %d, want %d", len(at), pos, len(lp), len(want))
	}
	left := len(at)
	for pos, ok = Last(lp); ok; pos, ok = Prev(lp, pos) {
		if left--; left < 0 || pos != at[left] {
			t.Fatalf("Prev gives %d for entry %d of %v", pos, left, at)
		}
	}
	if left != 0 {
		t.Fatalf("%d entries are not reached backwards", left)
	}
	n := len(at)
	for i := -n - 2; i <= n+1; i++ {
		pos, ok := Seek(lp, i)
		k := i
		if i < 0 {
			k += n
		}
		if ok != (0 <= k && k < n) || ok && pos != at[k] {
			t.Fatalf("Seek(%d) = %d, %v among %v", i, pos, ok, at)
		}
	}
}

func checkGet(t rapid.TB, lp []byte, pos int, want string) {
	t.Helper()
	v := Get(lp, pos)
	n, isInt := num.ParseInt([]byte(want))
	if v.IsInt() != isInt || isInt && v.Int != n || !isInt && string(v.Str) != want || cap(v.Str) != len(v.Str) {
		t.Fatalf("Get = %v, want %.80q", v, want)
	}
	if v.Len() != len(want) || !v.Equal([]byte(want)) || v.Equal([]byte(want+"x")) || v.Equal([]byte("0"+want)) {
		t.Fatalf("the value of %.80q does not equal it", want)
	}
	if s := EntrySize(lp, pos); s != Size([]byte(want)) || s > len(want)+MaxOverhead {
		t.Fatalf("EntrySize(%.80q) = %d, Size = %d", want, s, Size([]byte(want)))
	}
}

// edges are lengths and integers at which encodings change.
var (
	edgeLens = []int{0, 1, 7, 8, 9, 62, 63, 64, 65, 125, 126, 4093, 4094, 4095, 4096, 16376, 16377, 16378, 16379}
	edgeInts = []int64{0, 1, 127, 128, -1, 4095, 4096, -4096, -4097, 32767, 32768, -32768, -32769,
		1<<23 - 1, 1 << 23, -1 << 23, -1<<23 - 1, 1<<31 - 1, 1 << 31, -1 << 31, -1<<31 - 1, 1<<63 - 1, -1 << 63}
	lookAlikes = []string{"-0", "01", "-", "+1", " 1", "1 ", "1.0", "9223372036854775808", "-9223372036854775809", "00000000000000000000"}
)

var elements = rapid.OneOf(
	rapid.StringN(0, 12, 20),
	rapid.SampledFrom([]string{"a", "b", "ab", "field:0001", "field:0002", "gield:0001", "field:01"}),
	rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
	rapid.Map(rapid.SampledFrom(edgeInts), func(n int64) string { return strconv.FormatInt(n, 10) }),
	rapid.Map(rapid.SampledFrom(edgeLens), func(n int) string { return strings.Repeat("x", n) }),
	rapid.SampledFrom(lookAlikes),
)

// machine edits a listpack and a slice of strings alike.
type machine struct {
	t    *rapid.T
	lp   []byte
	want []string
}

// index draws an entry, or with the end also what is behind the last, and its
// position.
func (m *machine) index(withEnd bool) (i, pos int) {
	n := len(m.want)
	if !withEnd {
		n--
	}
	if n < 0 {
		m.t.Skip("empty")
	}
	i = rapid.IntRange(0, n).Draw(m.t, "index")
	pos, ok := Seek(m.lp, i)
	if !ok {
		pos = End(m.lp)
	}
	return i, pos
}

// elem draws an element, as an integer as well if it is one.
func (m *machine) elem() (e []byte, n int64, isInt bool) {
	e = []byte(elements.Draw(m.t, "elem"))
	n, isInt = num.ParseInt(e)
	return e, n, isInt && rapid.Bool().Draw(m.t, "int")
}

// edit runs f, which is to change the size to need bytes. Sometimes lp has the
// capacity for them, as with a caller who has blocks of his own, and something of
// his behind it.
func (m *machine) edit(need int, f func()) {
	m.lp = slices.Clip(slices.Clone(m.lp))
	const guard = "guard"
	var after []byte
	if rapid.Bool().Draw(m.t, "room") {
		block := make([]byte, max(need, len(m.lp))+len(guard))
		after = block[len(block)-len(guard):]
		copy(after, guard)
		copy(block, m.lp)
		m.lp = block[: len(m.lp) : len(block)-len(guard)]
	}
	was := m.lp
	f()
	if len(m.lp) != need {
		m.t.Fatalf("%d bytes, want %d", len(m.lp), need)
	}
	if inPlace := &was[0] == &m.lp[0]; inPlace != (after != nil || need <= len(was)) {
		m.t.Fatalf("in place: %v", inPlace)
	}
	if after != nil && string(after) != guard {
		m.t.Fatal("written beyond the capacity")
	}
}

func (m *machine) insert(at func() (i, pos int), str func(pos int, e []byte) []byte, integer func(pos int, n int64) []byte) {
	i, pos := at()
	e, n, isInt := m.elem()
	m.edit(NeedInsert(m.lp, e), func() {
		if isInt {
			m.lp = integer(pos, n)
		} else {
			m.lp = str(pos, e)
		}
	})
	m.want = slices.Insert(m.want, i, string(e))
}

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": func(t *rapid.T) { check(t, m.lp, m.want) },
		"insert": func(*rapid.T) {
			m.insert(func() (int, int) { return m.index(true) },
				func(pos int, e []byte) []byte { return Insert(m.lp, pos, e) },
				func(pos int, n int64) []byte { return InsertInt(m.lp, pos, n) })
		},
		"append": func(*rapid.T) {
			m.insert(func() (int, int) { return len(m.want), 0 },
				func(_ int, e []byte) []byte { return Append(m.lp, e) },
				func(_ int, n int64) []byte { return AppendInt(m.lp, n) })
		},
		"prepend": func(*rapid.T) {
			m.insert(func() (int, int) { return 0, 0 },
				func(_ int, e []byte) []byte { return Prepend(m.lp, e) },
				func(_ int, n int64) []byte { return PrependInt(m.lp, n) })
		},
		"replace": func(*rapid.T) {
			i, pos := m.index(false)
			e, n, isInt := m.elem()
			m.edit(NeedReplace(m.lp, pos, e), func() {
				if isInt {
					m.lp = ReplaceInt(m.lp, pos, n)
				} else {
					m.lp = Replace(m.lp, pos, e)
				}
			})
			m.want[i] = string(e)
		},
		"delete": func(*rapid.T) {
			i, pos := m.index(false)
			m.edit(len(m.lp)-EntrySize(m.lp, pos), func() { m.lp = Delete(m.lp, pos) })
			m.want = slices.Delete(m.want, i, i+1)
		},
		"delete range": func(t *rapid.T) {
			i, pos := m.index(true)
			n := rapid.IntRange(0, 4).Draw(t, "count")
			m.lp = DeleteRange(m.lp, pos, n)
			m.want = slices.Delete(m.want, i, min(i+n, len(m.want)))
		},
		"delete equal": func(t *rapid.T) {
			elem := elements.Draw(t, "sought")
			skip, most := rapid.IntRange(0, 2).Draw(t, "skip"), rapid.IntRange(0, 3).Draw(t, "most")
			n, removed := 0, 0
			left := slices.DeleteFunc(slices.Clone(m.want), func(s string) bool {
				if s != elem {
					return false
				}
				n++
				if n <= skip || removed == most {
					return false
				}
				removed++
				return true
			})
			if got := CountEqual(m.lp, []byte(elem)); got != n {
				t.Fatalf("%d are %q, want %d", got, elem, n)
			}
			var got int
			if m.lp, got = DeleteEqual(m.lp, []byte(elem), skip, most); got != removed {
				t.Fatalf("%d of %q are gone, want %d", got, elem, removed)
			}
			m.want = left
		},
		"split and merge": func(t *rapid.T) {
			i, pos := m.index(true)
			need := len(m.lp) - pos + HeaderSize
			var dst []byte
			if rapid.Bool().Draw(t, "room") {
				dst = make([]byte, 0, need)
			}
			left, right := Split(m.lp, pos, dst)
			check(t, left, m.want[:i])
			check(t, right, m.want[i:])
			if len(right) != need || dst != nil && &right[0] != &dst[:1][0] {
				t.Fatalf("%d bytes to the right, want %d in place", len(right), need)
			}
			m.lp = Merge(left, right)
		},
		"find": func(t *rapid.T) {
			i, pos := m.index(true)
			skip := rapid.IntRange(0, 2).Draw(t, "skip")
			elem := elements.Draw(t, "sought")
			want := End(m.lp)
			for k := i; k < len(m.want); k += 1 + skip {
				if m.want[k] == elem {
					want, _ = Seek(m.lp, k)
					break
				}
			}
			if got, ok := Find(m.lp, pos, []byte(elem), skip); got != want || ok != (want < End(m.lp)) {
				t.Fatalf("Find(%q) from %d = %d, %v, want %d", elem, i, got, ok, want)
			}
		},
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{t: t, lp: New(0)}
		t.Repeat(m.actions())
	})
}

// TestFindComparesEveryByte looks for strings among those that differ in one byte.
func TestFindComparesEveryByte(t *testing.T) {
	for n := 1; n <= 70; n++ {
		elem := []byte(strings.Repeat("abcdefg", 10)[:n])
		lp := Append(New(0), elem[1:])
		for i := range elem {
			other := slices.Clone(elem)
			other[i] ^= 1
			lp = Append(lp, other)
		}
		if pos, ok := Find(lp, HeaderSize, elem, 0); ok {
			t.Errorf("%q found as %q", elem, Get(lp, pos).Str)
		}
		want := End(lp)
		lp = Append(lp, elem)
		if pos, ok := Find(lp, HeaderSize, elem, 0); !ok || pos != want {
			t.Errorf("%q found at %d, %v, want %d", elem, pos, ok, want)
		}
	}
}

// TestLongerEncodings reads what another program may have written: integers and
// strings in wider encodings than they need, and integers as strings.
func TestLongerEncodings(t *testing.T) {
	raw := [][]byte{
		{0xC0, 5}, {0xF1, 5, 0}, {0xF2, 5, 0, 0}, {0xF3, 5, 0, 0, 0}, {0xF4, 5, 0, 0, 0, 0, 0, 0, 0},
		{0x81, '5'}, {0xE0, 1, '5'}, {0xF0, 1, 0, 0, 0, '5'},
		{0xE0, 1, 'a'}, {0xF0, 1, 0, 0, 0, 'a'}, {0xE0, 0}, {0xF0, 0, 0, 0, 0},
	}
	long := strings.Repeat("l", 70)
	raw = append(raw, append([]byte{0xF0, 70, 0, 0, 0}, long...))
	for _, e := range raw {
		lp := []byte(Empty[:HeaderSize])
		lp = append(append(lp, e...), byte(len(e)), end)
		setBytes(lp)
		setHeaderLen(lp, 1)
		if err := Validate(lp, true); err != nil {
			t.Fatalf("% x: %v", lp, err)
		}
		elem := Get(lp, HeaderSize).AppendTo(nil)
		for _, other := range []string{"5", "a", "", long} {
			_, ok := Find(lp, HeaderSize, []byte(other), 0)
			if same := other == string(elem); ok != same || Get(lp, HeaderSize).Equal([]byte(other)) != same {
				t.Errorf("% x: Find(%q) = %v", lp, other, ok)
			}
		}
		if pos, ok := Last(lp); !ok || pos != HeaderSize {
			t.Errorf("% x: Last = %d, %v", lp, pos, ok)
		}
	}
}

// TestManyEntries passes the number from which on the header does not know.
func TestManyEntries(t *testing.T) {
	lp := New(0)
	for i := range 65534 {
		lp = AppendInt(lp, int64(i&1))
	}
	if h := headerLen(lp); h != 65534 || Len(lp) != 65534 {
		t.Fatalf("header %d, Len %d", h, Len(lp))
	}
	lp = Append(lp, []byte("x"))
	lp = Append(lp, []byte("y"))
	if h := headerLen(lp); h != unknownLen || Len(lp) != 65536 || Validate(lp, true) != nil {
		t.Fatalf("header %d, Len %d", h, Len(lp))
	}
	if pos, ok := Seek(lp, 65534); !ok || string(Get(lp, pos).Str) != "x" {
		t.Errorf("Seek = %d, %v", pos, ok)
	}
	if pos, ok := Seek(lp, -2); !ok || string(Get(lp, pos).Str) != "x" {
		t.Errorf("Seek backwards = %d, %v", pos, ok)
	}
	if _, ok := Seek(lp, 65536); ok {
		t.Error("found beyond the last")
	}
	if _, ok := Seek(lp, -65537); ok {
		t.Error("found before the first")
	}
	if Recount(lp); headerLen(lp) != unknownLen {
		t.Errorf("recounted to %d", headerLen(lp))
	}
	lp = DeleteRange(lp, HeaderSize, 3)
	if h := headerLen(lp); h != unknownLen || Len(lp) != 65533 {
		t.Errorf("header %d, Len %d", h, Len(lp))
	}
	if n := Recount(lp); n != 65533 || headerLen(lp) != n {
		t.Errorf("recounted %d, header %d", n, headerLen(lp))
	}
	one := AppendInt(New(0), 7)
	if m := Merge(slices.Clone(lp), one); headerLen(m) != 65534 || Len(m) != 65534 {
		t.Errorf("merged: header %d, Len %d", headerLen(m), Len(m))
	}
	setHeaderLen(one, unknownLen)
	if m := Merge(slices.Clone(one), one); headerLen(m) != 2 {
		t.Errorf("merged: header %d", headerLen(m))
	}
	m := Merge(slices.Clone(lp), lp)
	if headerLen(m) != unknownLen || Len(m) != 2*65533 {
		t.Errorf("merged: header %d, Len %d", headerLen(m), Len(m))
	}
	pos, _ := Seek(m, 10)
	left, right := Split(m, pos, nil)
	if headerLen(left) != 10 || headerLen(right) != unknownLen || Len(right) != 2*65533-10 {
		t.Errorf("split: %d, %d", headerLen(left), headerLen(right))
	}
}

func TestSafeToAdd(t *testing.T) {
	lp := New(0)
	const room = SafeSize - len(Empty)
	if !SafeToAdd(lp, room) || SafeToAdd(lp, room+1) || SafeToAdd(lp, int(^uint(0)>>1)) {
		t.Error("the limit is elsewhere")
	}
}

func TestNoAllocation(t *testing.T) {
	lp := New(1000)
	name, value := []byte("field:0001"), []byte("123456")
	if n := testing.AllocsPerRun(100, func() {
		lp = append(lp[:0], Empty...)
		lp = Append(lp, name)
		lp = Prepend(lp, value)
		pos, ok := Find(lp, HeaderSize, name, 0)
		if !ok {
			t.Fatal("not found")
		}
		lp = Replace(lp, pos, value)
		lp = ReplaceInt(lp, pos, 5)
		if !Get(lp, pos).IsInt() {
			t.Fatal("no integer")
		}
		lp = Delete(lp, pos)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEncodedBytes(t *testing.T) {
	lp := New(0)
	for _, e := range []string{"", "a", "12", "-1", "-4096", "300000", "-9223372036854775808"} {
		lp = Append(lp, []byte(e))
	}
	want := "2200 0000 0700 8001 816102 0c01 dfff02 d00002 f2e0930404 f4000000000000008009 ff"
	want = strings.ReplaceAll(want, " ", "")
	want = fmt.Sprintf("%02x", len(lp)) + want[2:]
	if got := fmt.Sprintf("%x", lp); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	check(t, lp, []string{"", "a", "12", "-1", "-4096", "300000", "-9223372036854775808"})
}
