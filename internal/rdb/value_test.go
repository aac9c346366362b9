package rdb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/idtree"
	"github.com/redstart-db/redstart/internal/ds/intset"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/rdb"
)

// decode reads the value of type t to its end and spells it: what is in no order in
// the order of the text. again is the value encoded anew, as type now.
func decode(r *rdb.Reader, t rdb.Type) (text string, now rdb.Type, again []byte, err error) {
	switch t {
	case rdb.TypeString:
		v, err := r.String()
		return fmt.Sprintf("%q", v), t, rdb.AppendString(nil, v, true), err
	case rdb.TypeList, rdb.TypeListZiplist, rdb.TypeListQuicklist, rdb.TypeListQuicklist2:
		return decodeList(r, t)
	case rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack:
		return decodeSet(r, t)
	case rdb.TypeZset, rdb.TypeZset2, rdb.TypeZsetZiplist, rdb.TypeZsetListpack:
		return decodeZSet(r, t)
	case rdb.TypeStreamListpacks, rdb.TypeStreamListpacks2, rdb.TypeStreamListpacks3:
		return decodeStream(r, t)
	}
	return decodeHash(r, t)
}

func decodeList(r *rdb.Reader, t rdb.Type) (string, rdb.Type, []byte, error) {
	l, err := r.List(t)
	if err != nil {
		return "", 0, nil, err
	}
	var all []string
	var nodes []byte
	n := 0
	for {
		part, data, ok := l.Next()
		if !ok {
			break
		}
		n++
		if part != rdb.PackedNode {
			all = append(all, string(data))
			nodes = rdb.AppendListNode(nodes, part == rdb.PlainNode, data, true)
			if part == rdb.Element {
				lp := listpack.Append([]byte(listpack.Empty), data)
				nodes = rdb.AppendListNode(nodes[:0], false, lp, true)
			}
			continue
		}
		listpack.ValidateEach(data, func(_ int, v listpack.Value) error {
			all = append(all, string(v.AppendTo(nil)))
			return nil
		})
		nodes = rdb.AppendListNode(nodes, false, data, true)
	}
	if r.Err() == nil && n == 0 {
		return "", 0, nil, rdb.ErrEmpty
	}
	return fmt.Sprintf("%q", all), rdb.TypeListQuicklist2, append(rdb.AppendLen(nil, uint64(n)), nodes...), r.Err()
}

func decodeSet(r *rdb.Reader, t rdb.Type) (string, rdb.Type, []byte, error) {
	s, err := r.Set(t)
	if err != nil {
		return "", 0, nil, err
	}
	now, again := rdb.TypeSet, rdb.AppendLen(nil, uint64(s.Len()))
	var all []string
	seen := map[string]bool{}
	for {
		m, ok := s.Next()
		if !ok {
			break
		}
		if seen[string(m)] {
			return "", 0, nil, r.Fail(rdb.ErrCorrupt)
		}
		seen[string(m)] = true
		all = append(all, string(m))
		again = rdb.AppendString(again, m, true)
	}
	if s.Intset() != nil {
		now, again = rdb.TypeSetIntset, rdb.AppendString(nil, s.Intset(), true)
	}
	if r.Err() == nil && len(all) != s.Len() {
		return "", 0, nil, errors.New("wrong length")
	}
	sort.Strings(all)
	return fmt.Sprintf("%q", all), now, again, r.Err()
}

func decodeZSet(r *rdb.Reader, t rdb.Type) (string, rdb.Type, []byte, error) {
	z, err := r.ZSet(t)
	if err != nil {
		return "", 0, nil, err
	}
	now, again := rdb.TypeZset2, rdb.AppendLen(nil, uint64(z.Len()))
	var all []string
	seen := map[string]bool{}
	for {
		m, score, ok := z.Next()
		if !ok {
			break
		}
		if seen[string(m)] {
			return "", 0, nil, r.Fail(rdb.ErrCorrupt)
		}
		seen[string(m)] = true
		all = append(all, fmt.Sprintf("%q %v", m, score+0))
		again = rdb.AppendScored(again, m, score, true)
	}
	if z.Packed() != nil {
		now, again = rdb.TypeZsetListpack, rdb.AppendString(nil, z.Packed(), true)
	}
	sort.Strings(all)
	return fmt.Sprint(all), now, again, r.Err()
}

func decodeHash(r *rdb.Reader, t rdb.Type) (string, rdb.Type, []byte, error) {
	h, err := r.Hash(t)
	if err != nil {
		return "", 0, nil, err
	}
	now, again := rdb.TypeHash, rdb.AppendLen(nil, uint64(h.Len()))
	var all []string
	seen := map[string]bool{}
	for {
		field, value, at, ok := h.Next()
		if !ok {
			break
		}
		if seen[string(field)] {
			return "", 0, nil, r.Fail(rdb.ErrCorrupt)
		}
		seen[string(field)] = true
		s := fmt.Sprintf("%q %q", field, value)
		if at != 0 {
			s += fmt.Sprint(" ", at)
		}
		all = append(all, s)
		again = rdb.AppendString(rdb.AppendString(again, field, true), value, true)
	}
	if h.Packed() != nil {
		now, again = rdb.TypeHashListpack, rdb.AppendString(nil, h.Packed(), true)
	}
	sort.Strings(all)
	return fmt.Sprint(all), now, again, r.Err()
}

// decodeStream spells a stream. Its listpacks are part of the text.
func decodeStream(r *rdb.Reader, t rdb.Type) (string, rdb.Type, []byte, error) {
	s, err := r.Stream(t)
	if err != nil {
		return "", 0, nil, err
	}
	var b strings.Builder
	var nodes, rest []byte
	n := uint64(0)
	for {
		master, lp, ok := s.NextNode()
		if !ok {
			break
		}
		if stream.Validate(master, lp) != nil {
			return "", 0, nil, r.Fail(rdb.ErrCorrupt)
		}
		n++
		fmt.Fprintf(&b, "%v %x\n", master, lp)
		nodes = rdb.AppendStreamNode(nodes, master, lp, true)
	}
	st, _ := s.State()
	fmt.Fprintf(&b, "%+v\n", st)
	groups := 0
	for {
		g, ok := s.NextGroup()
		if !ok {
			break
		}
		groups++
		g.ReadKnown = true
		fmt.Fprintf(&b, "%+v\n", g)
		rest = rdb.AppendStreamGroup(rest, g, true)
		for {
			p, ok := s.NextPending()
			if !ok {
				break
			}
			fmt.Fprintf(&b, "%+v\n", p)
			rest = rdb.AppendStreamPending(rest, p)
		}
		at, consumers := len(rest), uint64(0)
		for {
			c, ok := s.NextConsumer()
			if !ok {
				break
			}
			consumers++
			c.Active = -1
			fmt.Fprintf(&b, "%+v\n", c)
			rest = rdb.AppendStreamConsumer(rest, c, true)
			for {
				id, ok := s.NextOwned()
				if !ok {
					break
				}
				fmt.Fprintln(&b, id)
				rest = rdb.AppendStreamOwned(rest, id)
			}
		}
		rest = append(rdb.AppendLen(rest[:at:at], consumers), rest[at:]...)
	}
	again := append(rdb.AppendLen(nil, n), nodes...)
	again = append(rdb.AppendStreamState(again, st, groups), rest...)
	return b.String(), rdb.TypeStreamListpacks2, again, r.Err()
}

// values are encoded values of many types, each with what it is, in the words of
// decode.
func values() []struct {
	t     rdb.Type
	value string
	want  string
} {
	lp := func(elems ...any) string {
		p := []byte(listpack.Empty)
		for _, e := range elems {
			p = listpack.Append(p, fmt.Append(nil, e))
		}
		return string(p)
	}
	str := func(s string) string { return string(rdb.AppendString(nil, []byte(s), true)) }
	ints := []byte(intset.Empty)
	for _, n := range []int64{-1, 5, 70000} {
		ints, _ = intset.Add(ints, n)
	}
	future := "\x00\x00\x01\x00\x00\x00\x00\x00" // 65536
	return []struct {
		t     rdb.Type
		value string
		want  string
	}{
		{rdb.TypeString, str("abc"), `"abc"`},
		{rdb.TypeList, "\x02" + str("a") + str("12"), `["a" "12"]`},
		{rdb.TypeListZiplist, str(ziplist("a", 1, -5, 300, 70000, 1<<40, 1<<20, "", strings.Repeat("x", 70))),
			`["a" "1" "-5" "300" "70000" "1099511627776" "1048576" "" "` + strings.Repeat("x", 70) + `"]`},
		{rdb.TypeListQuicklist, "\x03" + str(ziplist("a")) + str(ziplist()) + str(ziplist("b", 12, 13)), `["a" "b" "12" "13"]`},
		{rdb.TypeListQuicklist2, "\x02\x01" + str("plain") + "\x02" + str(lp("b", 5)), `["plain" "b" "5"]`},
		{rdb.TypeSet, "\x02" + str("b") + str("a"), `["a" "b"]`},
		{rdb.TypeSetIntset, str(string(ints)), `["-1" "5" "70000"]`},
		{rdb.TypeSetListpack, str(lp("x", 1)), `["1" "x"]`},
		{rdb.TypeZset, "\x03" + str("a") + "\x031.5" + str("b") + "\xfe" + str("c") + "\xff", `["a" 1.5 "b" +Inf "c" -Inf]`},
		{rdb.TypeZset2, "\x01" + str("a") + "\x00\x00\x00\x00\x00\x00\xf8\x3f", `["a" 1.5]`},
		{rdb.TypeZsetZiplist, str(ziplist("a", 1, "b", "1.5")), `["a" 1 "b" 1.5]`},
		{rdb.TypeZsetListpack, str(lp("z", "-inf", "a", 1, "b", 1, "c", "1e+20")), `["a" 1 "b" 1 "c" 1e+20 "z" -Inf]`},
		{rdb.TypeHash, "\x01" + str("f") + str("v"), `["f" "v"]`},
		{rdb.TypeHashZipmap, str("\x02\x01f\x03\x01val_\x02ff\x00\x00\xff"), `["f" "val" "ff" ""]`},
		{rdb.TypeHashZiplist, str(ziplist("f", "v", 3, 4)), `["3" "4" "f" "v"]`},
		{rdb.TypeHashListpack, str(lp("f", "v", 3, 4)), `["3" "4" "f" "v"]`},
		{rdb.TypeHashMetadata, future + "\x02\x05" + str("f") + str("v") + "\x00" + str("g") + str("w"), `["f" "v" 65540 "g" "w"]`},
		{rdb.TypeHashMetadataPreGA, "\x02\x41\x00" + str("f") + str("v") + "\x00" + str("g") + str("w"), `["f" "v" 256 "g" "w"]`},
		{rdb.TypeHashListpackEx, future + str(lp("f", "v", 65536, "g", "w", 0)), `["f" "v" 65536 "g" "w"]`},
		{rdb.TypeHashListpackExPreGA, str(lp("f", "v", 7, "g", "w", 0)), `["f" "v" 7 "g" "w"]`},
	}
}

// ziplist packs elements as old versions did.
func ziplist(elems ...any) string {
	z := make([]byte, 10)
	tail, prev := 10, 0
	for _, e := range elems {
		tail = len(z)
		if prev < 254 {
			z = append(z, byte(prev))
		} else {
			z = binary.LittleEndian.AppendUint32(append(z, 254), uint32(prev))
		}
		switch e := e.(type) {
		case string:
			switch {
			case len(e) < 1<<6:
				z = append(z, byte(len(e)))
			case len(e) < 1<<14:
				z = binary.BigEndian.AppendUint16(z, 1<<14|uint16(len(e)))
			default:
				z = binary.BigEndian.AppendUint32(append(z, 0x80), uint32(len(e)))
			}
			z = append(z, e...)
		case int:
			full := binary.LittleEndian.AppendUint64(nil, uint64(e))
			switch {
			case 0 <= e && e <= 12:
				z = append(z, 0xF1+byte(e))
			case e == int(int8(e)):
				z = append(append(z, 0xFE), full[:1]...)
			case e == int(int16(e)):
				z = append(append(z, 0xC0), full[:2]...)
			case e == e<<40>>40:
				z = append(append(z, 0xF0), full[:3]...)
			case e == int(int32(e)):
				z = append(append(z, 0xD0), full[:4]...)
			default:
				z = append(append(z, 0xE0), full...)
			}
		}
		prev = len(z) - tail
	}
	z = append(z, 0xFF)
	binary.LittleEndian.PutUint32(z, uint32(len(z)))
	binary.LittleEndian.PutUint32(z[4:], uint32(tail))
	binary.LittleEndian.PutUint16(z[8:], uint16(min(len(elems), 0xFFFF)))
	return string(z)
}

func TestValues(t *testing.T) {
	for _, v := range values() {
		r := rdb.NewReader([]byte(v.value + "rest"))
		got, now, again, err := decode(&r, v.t)
		if err != nil || got != v.want || string(r.Rest()) != "rest" {
			t.Errorf("type %d: %s, %v, %q left; want %s", v.t, got, err, r.Rest(), v.want)
			continue
		}
		if v.t < rdb.TypeHashMetadataPreGA && v.t != rdb.TypeList && v.t != rdb.TypeListZiplist {
			r = rdb.NewReader(again)
			if got, _, _, err := decode(&r, now); err != nil || got != v.want || len(r.Rest()) != 0 {
				t.Errorf("type %d, encoded as %d: %s, %v; want %s", v.t, now, got, err, v.want)
			}
		}
		r = rdb.NewReader([]byte(v.value + "rest"))
		if value, err := r.Skip(v.t); err != nil || string(value) != v.value || string(r.Rest()) != "rest" {
			t.Errorf("type %d: passed over %q, %v, %q left", v.t, value, err, r.Rest())
		}
		for cut := range v.value {
			r := rdb.NewReader([]byte(v.value[:cut]))
			if value, err := r.Skip(v.t); !errors.Is(err, rdb.ErrCorrupt) {
				t.Errorf("type %d, cut to %d bytes: passed over %q, %v", v.t, cut, value, err)
			}
			r = rdb.NewReader([]byte(v.value[:cut]))
			if got, _, _, err := decode(&r, v.t); !errors.Is(err, rdb.ErrCorrupt) {
				t.Errorf("type %d, cut to %d bytes: %s, %v", v.t, cut, got, err)
			}
		}
	}
}

// TestRefused lists values that look right at first sight.
func TestRefused(t *testing.T) {
	lp := func(elems ...any) string {
		p := []byte(listpack.Empty)
		for _, e := range elems {
			p = listpack.Append(p, fmt.Append(nil, e))
		}
		return string(rdb.AppendString(nil, p, false))
	}
	zl := func(elems ...any) string { return string(rdb.AppendString(nil, []byte(ziplist(elems...)), false)) }
	str := func(s string) string { return string(rdb.AppendString(nil, []byte(s), false)) }
	twelve := "\x0d\x00\x00\x00\x02\x00\x8212\x03\x0c\x01\xff" // as text, and as an integer
	for name, v := range map[string]struct {
		t     rdb.Type
		value string
	}{
		"no list's type":             {rdb.TypeModule2, "\x01\x01a"},
		"empty list":                 {rdb.TypeList, "\x00"},
		"no nodes":                   {rdb.TypeListQuicklist2, "\x00"},
		"empty nodes":                {rdb.TypeListQuicklist2, "\x01\x02" + lp()},
		"empty old nodes":            {rdb.TypeListQuicklist, "\x02" + zl() + zl()},
		"empty plain node":           {rdb.TypeListQuicklist2, "\x01\x01\x00"},
		"unknown container":          {rdb.TypeListQuicklist2, "\x01\x03" + lp("a")},
		"container that is none":     {rdb.TypeListQuicklist2, "\x01\xc1" + lp("a")},
		"integer as a node":          {rdb.TypeListQuicklist2, "\x01\x02\xc0\x01"},
		"empty ziplist":              {rdb.TypeListZiplist, zl()},
		"empty set":                  {rdb.TypeSet, "\x00"},
		"empty intset":               {rdb.TypeSetIntset, str(intset.Empty)},
		"intset out of order":        {rdb.TypeSetIntset, str("\x02\x00\x00\x00\x02\x00\x00\x00\x05\x00\x04\x00")},
		"intset with one twice":      {rdb.TypeSetIntset, str("\x02\x00\x00\x00\x02\x00\x00\x00\x05\x00\x05\x00")},
		"empty packed set":           {rdb.TypeSetListpack, lp()},
		"packed set with one twice":  {rdb.TypeSetListpack, lp("a", "b", "a")},
		"integer twice in two forms": {rdb.TypeSetListpack, str(twelve)},
		"empty sorted set":           {rdb.TypeZset2, "\x00"},
		"score NaN":                  {rdb.TypeZset2, "\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f"},
		"score NaN as a byte":        {rdb.TypeZset, "\x01\x01a\xfd"},
		"score NaN as text":          {rdb.TypeZset, "\x01\x01a\x03nan"},
		"score that is none":         {rdb.TypeZset, "\x01\x01a\x021x"},
		"score of no text":           {rdb.TypeZset, "\x01\x01a\x00"},
		"odd sorted set":             {rdb.TypeZsetListpack, lp("a", 1, "b")},
		"sorted set out of order":    {rdb.TypeZsetListpack, lp("a", 2, "b", 1)},
		"members out of order":       {rdb.TypeZsetListpack, lp("b", 1, "a", 1)},
		"member twice":               {rdb.TypeZsetListpack, lp("a", 1, "a", 2)},
		"member twice, same score":   {rdb.TypeZsetListpack, lp("a", 1, "a", 1)},
		"packed score NaN":           {rdb.TypeZsetListpack, lp("a", "nan")},
		"packed score that is none":  {rdb.TypeZsetListpack, lp("a", "x")},
		"empty packed sorted set":    {rdb.TypeZsetListpack, lp()},
		"old sorted set, odd":        {rdb.TypeZsetZiplist, zl("a")},
		"empty hash":                 {rdb.TypeHash, "\x00"},
		"odd hash":                   {rdb.TypeHashListpack, lp("a", "b", "c")},
		"field twice":                {rdb.TypeHashListpack, lp("a", "b", "a", "c")},
		"old hash, field twice":      {rdb.TypeHashZiplist, zl("a", "b", "a", "c")},
		"oldest hash, field twice":   {rdb.TypeHashZipmap, str("\x02\x01a\x01\x00b\x01a\x01\x00b\xff")},
		"empty zipmap":               {rdb.TypeHashZipmap, str("\x00\xff")},
		"wrong count in zipmap":      {rdb.TypeHashZipmap, str("\x02\x01a\x01\x00b\xff")},
		"free beyond the end":        {rdb.TypeHashZipmap, str("\x01\x01a\x01\x01b\xff")},
		"deadline below zero":        {rdb.TypeHashListpackExPreGA, lp("a", "b", -1)},
		"deadline that is none":      {rdb.TypeHashListpackExPreGA, lp("a", "b", "c")},
		"pairs instead of triples":   {rdb.TypeHashListpackExPreGA, lp("a", "b")},
		"deadline too great":         {rdb.TypeHashMetadataPreGA, "\x01\x81\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x01b"},
		"deadline that wraps":        {rdb.TypeHashMetadata, "\x02\x00\x00\x00\x00\x00\x00\x00\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a\x01b"},
	} {
		r := rdb.NewReader([]byte(v.value))
		if got, _, _, err := decode(&r, v.t); !errors.Is(err, rdb.ErrCorrupt) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// TestEmpty checks that the Reader is behind an empty collection when it has been
// refused, so that a file can be read on.
func TestEmpty(t *testing.T) {
	str := func(s string) string { return string(rdb.AppendString(nil, []byte(s), false)) }
	lp, zl := str(listpack.Empty), str(ziplist())
	for _, v := range []struct {
		t     rdb.Type
		value string
	}{
		{rdb.TypeList, "\x00"}, {rdb.TypeSet, "\x00"}, {rdb.TypeZset, "\x00"}, {rdb.TypeZset2, "\x00"}, {rdb.TypeHash, "\x00"},
		{rdb.TypeHashZipmap, str("\x00\xff")}, {rdb.TypeListZiplist, zl}, {rdb.TypeZsetZiplist, zl}, {rdb.TypeHashZiplist, zl},
		{rdb.TypeListQuicklist, "\x00"}, {rdb.TypeListQuicklist, "\x02" + zl + zl}, {rdb.TypeListQuicklist2, "\x01\x02" + lp},
		{rdb.TypeHashListpack, lp}, {rdb.TypeZsetListpack, lp}, {rdb.TypeSetListpack, lp}, {rdb.TypeHashListpackExPreGA, lp},
		{rdb.TypeHashMetadata, "\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		r := rdb.NewReader([]byte(v.value + "rest"))
		if _, _, _, err := decode(&r, v.t); err != rdb.ErrEmpty || r.Err() != nil || string(r.Rest()) != "rest" {
			t.Errorf("type %d: %v, then %v, %q left", v.t, err, r.Err(), r.Rest())
		}
		r = rdb.NewReader([]byte(v.value + "rest"))
		if value, err := r.Skip(v.t); err != nil || string(value) != v.value {
			t.Errorf("type %d: passed over %q, %v", v.t, value, err)
		}
	}
}

// TestDeclaredCounts checks that the numbers of elements alone cause no work.
func TestDeclaredCounts(t *testing.T) {
	for typ := rdb.TypeString; typ <= rdb.TypeHashListpackEx; typ++ {
		for _, n := range []uint64{1 << 20, 1 << 31, 1 << 40, math.MaxInt64, 1 << 63, math.MaxUint64} {
			b := append(rdb.AppendLen(nil, n), "abcdefghijklmnop"...)
			if testing.AllocsPerRun(1, func() {
				r := rdb.NewReader(b)
				if _, _, _, err := decode(&r, typ); err == nil {
					t.Errorf("type %d with %d elements is read", typ, n)
				}
				r = rdb.NewReader(b)
				// In a value of the last two types the number is a time.
				if _, err := r.Skip(typ); err == nil && typ < rdb.TypeHashMetadata {
					t.Errorf("type %d with %d elements is passed over", typ, n)
				}
			}) > 50 {
				t.Errorf("type %d with %d elements allocates much", typ, n)
			}
		}
	}
}

// TestManyFields checks that looking for a field that is there twice takes no time
// that grows with the square of their number, and finds it.
func TestManyFields(t *testing.T) {
	lp := listpack.New(1 << 23)
	for i := range 200_000 {
		lp = listpack.Append(lp, strconv.AppendInt([]byte("f"), int64(i), 10))
		lp = listpack.Append(lp, []byte("f1"))
	}
	if !rdb.Distinct(lp, 2) {
		t.Error("a field is there twice")
	}
	lp = listpack.Append(listpack.Append(lp, []byte("f77777")), nil)
	if rdb.Distinct(lp, 2) {
		t.Error("the field that is there twice was not found")
	}
}

// someStream makes the value of a stream with entries in nodes of a few, groups,
// consumers and pending entries, and deleted entries.
func someStream(r *rand.Rand) []byte {
	var nodes, rest []byte
	var st rdb.StreamState
	count := 1 + r.IntN(3)
	id := idtree.ID{MS: uint64(r.IntN(5)), Seq: 1}
	var ids []idtree.ID
	for range count {
		master := id
		fields := 1 + r.IntN(2)
		body := []byte(listpack.Empty)
		live, dead := int64(0), int64(0)
		n := 1 + r.IntN(5)
		for i := range n {
			var vals []int64
			flags := int64(r.IntN(2) * 2)
			size := int64(fields) + 3
			if flags == 0 {
				vals = append(vals, int64(fields))
				size = int64(fields)*2 + 4
			}
			if i > 0 && r.IntN(3) == 0 {
				flags |= 1
				dead++
			} else {
				live++
				if st.Length == 0 && live == 1 {
					st.First = id
				}
				ids = append(ids, id)
			}
			vals = append([]int64{flags, int64(id.MS - master.MS), int64(id.Seq - master.Seq)}, vals...)
			for _, v := range vals {
				body = listpack.AppendInt(body, v)
			}
			for range size - int64(len(vals)) {
				body = listpack.Append(body, []byte("x"))
			}
			body = listpack.AppendInt(body, size)
			st.Last = id
			if r.IntN(2) == 0 {
				id.Seq += 1 + uint64(r.IntN(3))
			} else {
				id = idtree.ID{MS: id.MS + uint64(1+r.IntN(1000))}
			}
		}
		lp := []byte(listpack.Empty)
		lp = listpack.AppendInt(listpack.AppendInt(listpack.AppendInt(lp, live), dead), int64(fields))
		for range fields {
			lp = listpack.Append(lp, []byte("field"))
		}
		lp = listpack.Merge(listpack.AppendInt(lp, 0), body)
		nodes = rdb.AppendStreamNode(nodes, master, lp, true)
		st.Length += uint64(live)
	}
	st.Added = st.Length + uint64(r.IntN(3))
	groups := r.IntN(3)
	for g := range groups {
		mine := ids[:r.IntN(len(ids)+1)]
		group := rdb.StreamGroup{Name: fmt.Append(nil, "g", g), Last: st.Last, Read: rdb.NoEntriesRead, Pending: len(mine)}
		rest = rdb.AppendStreamGroup(rest, group, true)
		for _, id := range mine {
			rest = rdb.AppendStreamPending(rest, rdb.StreamPending{ID: id, Delivered: 1700000000000, Deliveries: 1})
		}
		rest = rdb.AppendLen(rest, 2)
		cut := r.IntN(len(mine) + 1)
		for i, own := range [][]idtree.ID{mine[:cut], mine[cut:]} {
			rest = rdb.AppendStreamConsumer(rest, rdb.StreamConsumer{Name: fmt.Append(nil, "c", i), Seen: 1700000000001, Owned: len(own)}, true)
			for _, id := range own {
				rest = rdb.AppendStreamOwned(rest, id)
			}
		}
	}
	b := append(rdb.AppendLen(nil, uint64(count)), nodes...)
	return append(rdb.AppendStreamState(b, st, groups), rest...)
}

func TestStreams(t *testing.T) {
	rnd := seeded(t)
	for range 200 {
		value := someStream(rnd)
		r := rdb.NewReader(append(bytes.Clone(value), "rest"...))
		text, _, again, err := decode(&r, rdb.TypeStreamListpacks2)
		if err != nil || string(r.Rest()) != "rest" {
			t.Fatalf("%x: %v\n%s", value, err, text)
		}
		if !bytes.Equal(again, value) {
			t.Fatalf("%x was encoded anew as %x", value, again)
		}
		r = rdb.NewReader(append(bytes.Clone(value), "rest"...))
		if got, err := r.Skip(rdb.TypeStreamListpacks2); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("of %x was passed over %x, %v", value, got, err)
		}
		for cut := range value {
			r := rdb.NewReader(value[:cut])
			if _, err := r.Skip(rdb.TypeStreamListpacks2); err == nil {
				t.Fatalf("%x cut to %d bytes is passed over", value, cut)
			}
			r = rdb.NewReader(value[:cut])
			if _, _, _, err := decode(&r, rdb.TypeStreamListpacks2); err == nil {
				t.Fatalf("%x cut to %d bytes is read", value, cut)
			}
		}
	}
}

// FuzzValue gives any bytes to the readers of all types: no panic, no more output
// than the budget allows, and what is read can be written and read again.
func FuzzValue(f *testing.F) {
	for _, v := range values() {
		f.Add(append([]byte{byte(v.t)}, v.value...))
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		f.Add(append([]byte{byte(rdb.TypeStreamListpacks2)}, someStream(rnd)...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		r := rdb.NewReader(b[1:])
		r.SetBudget(1 << 16)
		typ := rdb.Type(b[0])
		text, now, again, err := decode(&r, typ)
		if err != nil {
			return
		}
		skip := rdb.NewReader(b[1:])
		if value, err := skip.Skip(typ); err != nil || len(value) != len(b)-1-len(r.Rest()) {
			t.Fatalf("passed over %q, %v, where %q is left", value, err, r.Rest())
		}
		if typ >= rdb.TypeHashMetadataPreGA || typ == rdb.TypeList || typ == rdb.TypeListZiplist {
			return
		}
		r = rdb.NewReader(again)
		if got, _, _, err := decode(&r, now); err != nil || got != text && typ != rdb.TypeStreamListpacks && typ != rdb.TypeStreamListpacks3 {
			t.Fatalf("%q became %q, %v", text, got, err)
		}
	})
}
