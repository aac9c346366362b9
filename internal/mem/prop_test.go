package mem

import (
	"testing"

	"pgregory.net/rapid"
)

// model is what an arena must hold: every live block with its length and the seed of its contents.
type model struct {
	a    *Arena
	refs []Ref
	len  map[Ref]int
	seed map[Ref]uint64
	live uint64
	next uint64
}

func (m *model) add(t *rapid.T, n int) {
	r, ok := m.a.TryAlloc(n)
	if !ok {
		return
	}
	if _, twice := m.len[r]; r == 0 || twice {
		t.Fatalf("Alloc(%d) returned %#x", n, r)
	}
	if m.a.Usable(r) != Usable(n) || uint64(r)<<refShift%8 != 0 {
		t.Fatalf("Alloc(%d): %d usable bytes, want %d", n, m.a.Usable(r), Usable(n))
	}
	m.next += 0x9E3779B97F4A7C15
	fill(m.a.Bytes(r, m.a.Usable(r)), m.next) // all usable bytes: overlap with another block shows
	m.refs, m.len[r], m.seed[r] = append(m.refs, r), m.a.Usable(r), m.next
	m.live += uint64(m.a.Usable(r))
}

func (m *model) check(t *rapid.T, r Ref) {
	if !filled(m.a.Bytes(r, m.len[r]), m.seed[r]) {
		t.Fatalf("the block %#x of %d bytes was overwritten", r, m.len[r])
	}
}

func (m *model) drop(t *rapid.T, i int) {
	r := m.refs[i]
	m.check(t, r)
	m.a.Free(r)
	m.live -= uint64(m.len[r])
	m.refs[i] = m.refs[len(m.refs)-1]
	m.refs = m.refs[:len(m.refs)-1]
	delete(m.len, r)
	delete(m.seed, r)
}

func (m *model) move(t *rapid.T, i int) {
	r := m.refs[i]
	if !m.a.Sparse(r) {
		return
	}
	n, ok := m.a.TryAlloc(m.len[r])
	if !ok {
		t.Fatal("sparse, but there is no free block of the class")
	}
	copy(m.a.Bytes(n, m.len[r]), m.a.Bytes(r, m.len[r]))
	m.len[n], m.seed[n] = m.len[r], m.seed[r]
	m.refs = append(m.refs, n)
	m.live += uint64(m.len[n])
	m.drop(t, i)
}

func (m *model) grow(t *rapid.T, i, by int) {
	r := m.refs[i]
	if !m.a.Grow(r, m.len[r]+by) {
		if m.a.Usable(r) != m.len[r] {
			t.Fatal("Grow failed, but changed the block")
		}
		return
	}
	now := m.a.Usable(r)
	if now < m.len[r]+by {
		t.Fatalf("Grow by %d from %d gave %d", by, m.len[r], now)
	}
	m.check(t, r)
	fill(m.a.Bytes(r, now), m.seed[r])
	m.live += uint64(now - m.len[r])
	m.len[r] = now
}

func TestArenaAgainstModel(t *testing.T) {
	sizes := rapid.OneOf(rapid.IntRange(0, 128), rapid.IntRange(0, 4096), rapid.IntRange(4096, 40_000),
		rapid.IntRange(32_768, 700_000), rapid.SampledFrom([]int{8, 24, 1024, 1025, 8192, 32768, 32769}))
	rapid.Check(t, func(t *rapid.T) {
		reserve := rapid.SampledFrom([]uint64{0, 256 << 10, 8 << 20}).Draw(t, "reserve")
		a, err := New(Options{Reserve: reserve})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		m := &model{a: a, len: map[Ref]int{}, seed: map[Ref]uint64{}}
		pick := func(t *rapid.T) int {
			if len(m.refs) == 0 {
				t.Skip("empty")
			}
			return rapid.IntRange(0, len(m.refs)-1).Draw(t, "i")
		}
		t.Repeat(map[string]func(*rapid.T){
			"alloc": func(t *rapid.T) { m.add(t, sizes.Draw(t, "n")) },
			"alloc many": func(t *rapid.T) {
				n := sizes.Draw(t, "n") % 9000
				for range rapid.IntRange(1, 1+40_000/(n+50)).Draw(t, "count") {
					m.add(t, n)
				}
			},
			"free": func(t *rapid.T) { m.drop(t, pick(t)) },
			"free some": func(t *rapid.T) {
				i := pick(t)
				step := rapid.IntRange(1, 5).Draw(t, "step")
				for ; i < len(m.refs); i += step {
					m.drop(t, i)
				}
			},
			"defragment": func(t *rapid.T) {
				pick(t)
				for i := len(m.refs) - 1; i >= 0; i-- {
					m.move(t, i)
				}
			},
			"grow": func(t *rapid.T) { m.grow(t, pick(t), rapid.IntRange(0, 300_000).Draw(t, "by")) },
			"trim": func(t *rapid.T) {
				before := a.Stats()
				n := rapid.IntRange(-1, 2<<20).Draw(t, "n")
				got := a.Trim(n)
				if after := a.Stats(); got > max(n, 0) || before.Resident-after.Resident != uint64(got) || after.Live != before.Live {
					t.Fatalf("Trim(%d) = %d: %+v -> %+v", n, got, before, after)
				}
			},
			"reset": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") != 0 {
					t.Skip()
				}
				a.Reset()
				*m = model{a: a, len: map[Ref]int{}, seed: map[Ref]uint64{}, next: m.next}
			},
			"": func(t *rapid.T) {
				if st := a.Stats(); st.Live != m.live || st.Blocks != uint64(len(m.refs)) {
					t.Fatalf("%d blocks of %d bytes are live, not %+v", len(m.refs), m.live, st)
				}
				if err := a.verify(); err != nil {
					t.Fatal(err)
				}
			},
		})
		for len(m.refs) > 0 {
			m.drop(t, len(m.refs)-1)
		}
		if err := a.verify(); err != nil {
			t.Fatal(err)
		}
	})
}
