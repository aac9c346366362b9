package zset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/mem"
)

type elem struct {
	member string
	score  float64
}

func (x elem) compare(y elem) int {
	if x.score != y.score {
		if x.score < y.score {
			return -1
		}
		return 1
	}
	return strings.Compare(x.member, y.member)
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newArena(t testing.TB, o mem.Options) *mem.Arena {
	a, err := mem.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// model is a set in both forms, and the sorted slice that they have to equal.
type model struct {
	t     fataler
	z     ZSet
	p     Packed
	elems []elem
}

func newModel(t fataler, a *mem.Arena) *model {
	m := &model{t: t, p: Packed(listpack.Empty)}
	m.z.Init(a)
	return m
}

func (m *model) find(member string) int {
	return slices.IndexFunc(m.elems, func(x elem) bool { return x.member == member })
}

// place is the number of elements before x.
func (m *model) place(x elem) int {
	i, _ := slices.BinarySearchFunc(m.elems, x, elem.compare)
	return i
}

func (m *model) set(member string, score float64) {
	m.t.Helper()
	b := []byte(member)
	was := m.find(member)
	if created := m.z.Set(b, score); created != (was < 0) {
		m.t.Fatalf("Set(%q) has created it: %v; it was there: %v", member, created, was >= 0)
	}
	need := len(m.p)
	if pos, ok := m.p.Find(b); ok {
		need = m.p.NeedSet(pos, score)
		m.p = m.p.SetScore(pos, b, score)
		m.elems = slices.Delete(m.elems, was, was+1)
	} else {
		need += PairSize(b, score)
		m.p = m.p.Insert(b, score)
	}
	if len(m.p) != need {
		m.t.Fatalf("%d bytes with %q %v; announced were %d", len(m.p), member, score, need)
	}
	x := elem{member, score}
	m.elems = slices.Insert(m.elems, m.place(x), x)
}

func (m *model) remove(member string) {
	m.t.Helper()
	i := m.find(member)
	if gone := m.z.Delete([]byte(member)); gone != (i >= 0) {
		m.t.Fatalf("Delete(%q) %v; it was there: %v", member, gone, i >= 0)
	}
	pos, ok := m.p.Find([]byte(member))
	if ok != (i >= 0) {
		m.t.Fatalf("packed: %q is there: %v", member, ok)
	}
	if ok {
		m.p = m.p.Remove(pos)
		m.elems = slices.Delete(m.elems, i, i+1)
	}
}

func (m *model) removeRange(from, to int) {
	if from < len(m.elems) && to == from+1 {
		m.z.RemoveAt(from)
	} else {
		m.z.RemoveRange(from, to)
	}
	m.p = m.p.RemoveRange(from, to)
	from, to = min(from, len(m.elems)), min(to, len(m.elems))
	m.elems = slices.Delete(m.elems, from, max(from, to))
}

// check verifies that both forms are whole and hold what the model holds.
func (m *model) check() {
	m.t.Helper()
	if err := listpack.Validate(m.p, true); err != nil {
		m.t.Fatalf("%v", err)
	}
	if m.z.Len() != len(m.elems) || m.p.Len() != len(m.elems) || m.z.tree.Len() != len(m.elems) {
		m.t.Fatalf("%d and %d elements, want %d", m.z.Len(), m.p.Len(), len(m.elems))
	}
	var digits [24]byte
	c, p := m.z.First(), m.p.First()
	for rank, x := range m.elems {
		if string(c.Member()) != x.member || !same(c.Score(), x.score) || !same(c.Elem().Score(), x.score) {
			m.t.Fatalf("element %d is %q %v, want %q %v", rank, c.Member(), c.Score(), x.member, x.score)
		}
		if string(p.Bytes(&digits)) != x.member || p.Score() != x.score {
			m.t.Fatalf("packed element %d is %q %v, want %q %v", rank, p.Bytes(&digits), p.Score(), x.member, x.score)
		}
		if r, s, ok := m.z.Rank([]byte(x.member)); !ok || r != rank || !same(s, x.score) {
			m.t.Fatalf("rank of %q is %d %v, want %d", x.member, r, ok, rank)
		}
		if at := m.z.Seek(rank); string(at.Member()) != x.member {
			m.t.Fatalf("element of rank %d is %q, want %q", rank, at.Member(), x.member)
		}
		if at := m.z.Resume(x.score, []byte(x.member)); string(at.Member()) != x.member {
			m.t.Fatalf("a walk goes on at %q, want %q", at.Member(), x.member)
		}
		if at := m.p.Seek(rank); at.Pos() != p.Pos() || m.p.Rank(p.Pos()) != rank {
			m.t.Fatalf("packed element of rank %d is at %d, want %d, and has rank %d", rank, at.Pos(), p.Pos(), m.p.Rank(p.Pos()))
		}
		if pos, ok := m.p.Find([]byte(x.member)); !ok || pos != p.Pos() {
			m.t.Fatalf("packed %q is found at %d %v, want %d", x.member, pos, ok, p.Pos())
		}
		if s, ok := m.z.Score([]byte(x.member)); !ok || !same(s, x.score) {
			m.t.Fatalf("score of %q is %v %v, want %v", x.member, s, ok, x.score)
		}
		c.Next()
		p.Next()
	}
	if c.Valid() || p.Valid() {
		m.t.Fatalf("the way forth does not end")
	}
	c, p = m.z.Last(), m.p.Last()
	for i := range m.elems {
		x := m.elems[len(m.elems)-1-i]
		if string(c.Member()) != x.member || string(p.Bytes(&digits)) != x.member {
			m.t.Fatalf("element %d from behind is %q, packed %q, want %q", i, c.Member(), p.Bytes(&digits), x.member)
		}
		c.Prev()
		p.Prev()
	}
	if c.Valid() || p.Valid() {
		m.t.Fatalf("the way back does not end")
	}
	if p.Next(); p.Valid() != (len(m.elems) > 0) {
		m.t.Fatalf("there is no way from before the first")
	}
}

func same(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }

// byScore counts the elements up to each bound.
func (m *model) byScore(r ScoreRange) {
	m.t.Helper()
	from, n := 0, 0
	for _, x := range m.elems {
		switch {
		case x.score < r.Min || x.score == r.Min && r.MinEx:
			from++
		case x.score < r.Max || x.score == r.Max && !r.MaxEx:
			n++
		}
	}
	f, to := m.z.ByScore(&r)
	pf, pto := m.p.ByScore(&r)
	if to-f != n || pto-pf != n || n > 0 && (f != from || pf != from) {
		m.t.Fatalf("%+v: %d to %d, packed %d to %d, want %d to %d", r, f, to, pf, pto, from, from+n)
	}
}

func TestModel(t *testing.T) {
	member := rapid.OneOf(
		rapid.StringMatching("[a-c]{0,3}"),
		rapid.Map(rapid.IntRange(-3, 300), func(n int) string { return fmt.Sprint(n) }),
		rapid.Map(rapid.IntRange(60, 300), func(n int) string { return strings.Repeat("x", n) }),
	)
	score := rapid.OneOf(
		rapid.Map(rapid.IntRange(-5, 5), func(n int) float64 { return float64(n) }),
		rapid.SampledFrom([]float64{math.Inf(1), math.Inf(-1), 0.1, -2.5, 1e17, 1 << 52, 1<<52 + 1, -1 << 52, 1e300, 5e-324}),
		rapid.Float64(),
	)
	rapid.Check(t, func(rt *rapid.T) {
		a, err := mem.New(mem.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer a.Close()
		m := newModel(rt, a)
		rt.Repeat(map[string]func(*rapid.T){
			"set":    func(rt *rapid.T) { m.set(member.Draw(rt, "member"), score.Draw(rt, "score")) },
			"remove": func(rt *rapid.T) { m.remove(member.Draw(rt, "member")) },
			"removeRange": func(rt *rapid.T) {
				from := rapid.IntRange(0, 20).Draw(rt, "from")
				m.removeRange(from, from+rapid.IntRange(-1, 5).Draw(rt, "count"))
			},
			"byScore": func(rt *rapid.T) {
				m.byScore(ScoreRange{score.Draw(rt, "min"), score.Draw(rt, "max"), rapid.Bool().Draw(rt, "minex"), rapid.Bool().Draw(rt, "maxex")})
			},
			"copy": func(rt *rapid.T) {
				to := newModel(rt, a)
				for !m.z.CopyPart(&to.z, rapid.IntRange(1, 20).Draw(rt, "part"), 100) {
				}
				to.p, to.elems = m.p, m.elems
				to.check()
				to.z.Drop(math.MaxInt)
				to.z.Init(a)
				to.z.Fill(m.p)
				if to.z.Len() != m.z.Len() {
					rt.Fatalf("%d elements of %d", to.z.Len(), m.z.Len())
				}
				to.z.Drop(math.MaxInt)
			},
			"": func(*rapid.T) { m.check() },
		})
		for !m.z.Drop(3) {
		}
		if a.Live() != 0 || m.z.Bytes() != 0 {
			rt.Fatalf("%d bytes are left, and %d of the set", a.Live(), m.z.Bytes())
		}
	})
}

func TestByLex(t *testing.T) {
	m := newModel(t, newArena(t, mem.Options{}))
	for _, s := range []string{"", "a", "b", "c", "10", "9", "cc", "d"} {
		m.set(s, 1)
	}
	m.check()
	var bounds []LexBound
	for _, s := range []string{"", "10", "a", "bb", "c", "x"} {
		bounds = append(bounds, LexBound{Member: []byte(s)}, LexBound{Member: []byte(s), Ex: true})
	}
	bounds = append(bounds, LexBound{Inf: -1}, LexBound{Inf: 1})
	for _, lo := range bounds {
		for _, hi := range bounds {
			r := LexRange{lo, hi}
			n, first := 0, -1
			for i, x := range m.elems {
				after := lo.Inf < 0 || lo.Inf == 0 && (x.member > string(lo.Member) || x.member == string(lo.Member) && !lo.Ex)
				before := hi.Inf > 0 || hi.Inf == 0 && (x.member < string(hi.Member) || x.member == string(hi.Member) && !hi.Ex)
				if after && before {
					if n++; first < 0 {
						first = i
					}
				}
			}
			from, to := m.z.ByLex(&r)
			for _, back := range []bool{false, true} {
				pfrom, pto := m.p.ByLex(&r, back)
				if to-from != n || pto-pfrom != n || n > 0 && (from != first || pfrom != first) {
					t.Errorf("%+v: %d to %d, packed %d to %d, want %d from %d on", r, from, to, pfrom, pto, n, first)
				}
			}
		}
	}
}

// TestScoreText has the bytes that Redis writes.
func TestScoreText(t *testing.T) {
	for _, c := range []struct {
		score float64
		want  listpack.Value
	}{
		{3, listpack.Value{Int: 3}},
		{math.Copysign(0, -1), listpack.Value{Int: 0}},
		{1 << 52, listpack.Value{Int: 1 << 52}},
		{1<<52 + 1, listpack.Value{Int: 1<<52 + 1}},
		{1e17, listpack.Value{Int: 1e17}},
		{-1 << 62, listpack.Value{Int: -1 << 62}},
		{1<<62 + 1024, listpack.Value{Str: []byte("4.6116860184273889e+18")}},
		{1e19, listpack.Value{Str: []byte("1e+19")}},
		{0.1, listpack.Value{Str: []byte("0.10000000000000001")}},
		{math.Inf(-1), listpack.Value{Str: []byte("-inf")}},
	} {
		p := Packed(listpack.Empty).Append([]byte("m"), c.score)
		pos, _ := listpack.Last(p)
		if v := listpack.Get(p, pos); v.Int != c.want.Int || string(v.Str) != string(c.want.Str) {
			t.Errorf("%v is written as %v %q", c.score, v.Int, v.Str)
		}
		if p.Score(listpack.HeaderSize) != c.score {
			t.Errorf("%v is read as %v", c.score, p.Score(listpack.HeaderSize))
		}
	}
}

// TestForeign has a listpack that nobody here writes: no function may fail, and what
// is made of it has to be in order.
func TestForeign(t *testing.T) {
	lp := listpack.New(0)
	for _, s := range []string{"c", "9", "b", "nan", "a", "7", "a", "no number", "odd"} {
		lp = listpack.Append(lp, []byte(s))
	}
	p := Packed(lp)
	n := 0
	for c := p.First(); c.Valid(); c.Next() {
		if c.Pos() >= listpack.End(p) {
			t.Fatal("the way leads out of it")
		}
		n++
	}
	if n != 5 {
		t.Fatalf("%d elements", n)
	}
	pos, _ := listpack.Last(p)
	p = listpack.Delete(p, pos)
	a := newArena(t, mem.Options{})
	var z ZSet
	z.Init(a)
	z.Fill(p)
	var got []string
	for c := z.First(); c.Valid(); c.Next() {
		got = append(got, fmt.Sprint(string(c.Member()), c.Score()))
	}
	if want := []string{"b0", "a7", "c9"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, m := range []string{"a", "b", "c"} {
		if !z.Delete([]byte(m)) {
			t.Errorf("%s cannot be removed", m)
		}
	}
	if a.Live() != 0 {
		t.Errorf("%d bytes are left", a.Live())
	}
}

// try runs f and reports whether it had the memory it needed.
func try(f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil && r != any(mem.ErrExhausted) {
			panic(r)
		}
	}()
	f()
	return true
}

// TestExhausted changes a set while memory ends at every possible place.
func TestExhausted(t *testing.T) {
	closed := false
	a := newArena(t, mem.Options{Limit: func(int) bool { return !closed }})
	m := newModel(t, a)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		m.set(fmt.Sprintf("member:%05d", i), float64(rnd.IntN(1000)))
	}
	var hog []mem.Ref
	closed = true
	for n := 1 << 20; n >= 8; n -= max(8, n/16) {
		for ref, ok := a.TryAlloc(n); ok; ref, ok = a.TryAlloc(n) {
			hog = append(hog, ref)
		}
	}
	failed := 0
	// Blocks come back one by one, so that a record finds memory, and its place
	// in the tree none.
	for i := 0; i < 4000 && len(hog) > 0; i++ {
		member, score := fmt.Sprintf("new:%05d", i), float64(rnd.IntN(1000))
		if i%3 == 0 {
			member = m.elems[rnd.IntN(len(m.elems))].member
		}
		n := m.z.Len()
		if try(func() { m.set(member, score) }) {
			continue
		}
		failed++
		if _, _, ok := m.z.Rank([]byte(member)); m.z.Len() != n || m.z.tree.Len() != n || ok != (m.find(member) >= 0) {
			t.Fatalf("after a failure, %d and %d elements of %d", m.z.Len(), m.z.tree.Len(), n)
		}
		a.Free(hog[len(hog)-1])
		hog = hog[:len(hog)-1]
	}
	if failed == 0 {
		t.Fatal("memory never ended")
	}
	m.check()
	var to ZSet
	to.Init(a)
	if try(func() { m.z.CopyTo(&to) }) || to.Len() != 0 || to.Bytes() != 0 {
		t.Error("a copy of which memory ended was left")
	}
	closed = false
	for _, ref := range hog {
		a.Free(ref)
	}
	for !m.z.Drop(1000) {
	}
	if a.Live() != 0 {
		t.Errorf("%d bytes are left", a.Live())
	}
}

// TestDefrag removes most elements, and has the rest moved together.
func TestDefrag(t *testing.T) {
	a := newArena(t, mem.Options{})
	m := newModel(t, a)
	const n = 20000
	for i := range n {
		m.z.Set(fmt.Appendf(nil, "member:%05d", i), float64(i%777))
	}
	for i := range n {
		if i%50 != 0 {
			m.z.Delete(fmt.Appendf(nil, "member:%05d", i))
			continue
		}
		m.p = m.p.Insert(fmt.Appendf(nil, "member:%05d", i), float64(i%777))
		m.elems = append(m.elems, elem{fmt.Sprintf("member:%05d", i), float64(i % 777)})
	}
	slices.SortFunc(m.elems, elem.compare)
	m.check()
	refs := map[mem.Ref]bool{}
	each := func(f func(Elem)) {
		for pos, done := uint32(0), false; !done; {
			pos, done = m.z.Scan(pos, f)
		}
	}
	each(func(e Elem) { refs[e.Ref()] = true })
	nodes, tree := a.Held(), m.z.tree.Bytes()
	for pos, done := uint32(0), false; !done; {
		pos, done = m.z.Defrag(pos)
	}
	// A fiftieth is left, in spans of 16 KiB each of which had kept some; but pages that were
	// begun stay, of all sizes that there have been.
	if held := a.Held(); held > nodes*11/20 || m.z.tree.Bytes() != tree {
		t.Errorf("%d bytes are held after %d; the order took %d bytes and takes %d", held, nodes, tree, m.z.tree.Bytes())
	}
	moved := 0
	each(func(e Elem) {
		if !refs[e.Ref()] {
			moved++
		}
	})
	if moved == 0 {
		t.Error("no record has moved")
	}
	m.check()
}

func TestRandom(t *testing.T) {
	m := newModel(t, newArena(t, mem.Options{}))
	rnd := rand.New(rand.NewPCG(3, 4))
	if _, ok := m.z.Random(rnd); ok {
		t.Error("an element of an empty set")
	}
	for i := range 100 {
		m.z.Set(fmt.Append(nil, i), float64(i))
	}
	seen := map[string]bool{}
	m.z.RandomDistinct(rnd, 40, func(e Elem) { seen[string(e.Member())] = true })
	if len(seen) != 40 {
		t.Errorf("%d different elements, want 40", len(seen))
	}
	if e, ok := m.z.Random(rnd); !ok || fmt.Sprint(e.Score()) != string(e.Member()) {
		t.Errorf("%v", ok)
	}
}

// TestSize holds an element to the size that a leaderboard has to fit in.
func TestSize(t *testing.T) {
	a := newArena(t, mem.Options{})
	var z ZSet
	z.Init(a)
	const n = 200_000
	for i := range n {
		z.Set(fmt.Appendf(nil, "player:%08d", i), float64(i*7%1000003))
	}
	if per := float64(z.Bytes()) / n; per > 48 {
		t.Errorf("%.1f bytes for an element", per)
	}
	// The table's directory is on the Go heap.
	if z.Bytes() < int(a.Live()) || z.Bytes() > int(a.Live())+n/50 {
		t.Errorf("%d bytes, but the arena has %d", z.Bytes(), a.Live())
	}
}

// TestLong has members whose length is not in one byte.
func TestLong(t *testing.T) {
	m := newModel(t, newArena(t, mem.Options{}))
	for _, n := range []int{126, 127, 128, 255, 256, 70000} {
		m.set(strings.Repeat("m", n), float64(-n))
	}
	m.check()
	if MaxMember != dict.MaxLength {
		t.Error("a member may be longer than its record")
	}
}
