package loop

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// A queue gives back the bytes it was given, in order, however they come and go.
func TestQueueIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q outq
		var model []byte
		var pool *bufPool
		if rapid.Bool().Draw(t, "pooled") {
			pool = &bufPool{}
		}
		next := byte(0)
		fresh := func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				next++
				b[i] = next
			}
			return b
		}
		size := rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, 200_000), rapid.IntRange(1<<20, 3<<20))
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				b := fresh(size.Draw(t, "n"))
				q.append(b, pool)
				model = append(model, b...)
				clear(b) // the queue has copied it
			},
			"adopt": func(t *rapid.T) {
				n := size.Draw(t, "n")
				b := append(pool.get(n), fresh(n)...)
				from := rapid.IntRange(0, n-1).Draw(t, "from")
				q.adopt(b, from)
				model = append(model, b[from:]...)
			},
			"advance": func(t *rapid.T) {
				f := q.front()
				if len(f) == 0 {
					t.Skip("empty")
				}
				n := rapid.IntRange(1, len(f)).Draw(t, "n")
				if !bytes.Equal(f[:n], model[:n]) {
					t.Fatal("other bytes")
				}
				q.advance(n, pool)
				model = model[n:]
			},
			"": func(t *rapid.T) {
				if q.size != len(model) || (q.size == 0) != (len(q.front()) == 0) {
					t.Fatalf("size %d front %d, model %d", q.size, len(q.front()), len(model))
				}
				if q.size == 0 && len(q.chunks) != 0 {
					t.Fatal("an empty queue owns chunks")
				}
				if pool != nil && pool.kept > keepBytes {
					t.Fatalf("the pool keeps %d bytes", pool.kept)
				}
			},
		})
	})
}

// A buffer at most doubles, whatever length is declared, and ends with exactly the room that was wanted.
func TestGrowFollowsTheBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.IntRange(1, 8<<20).Draw(t, "want")
		p := &bufPool{}
		var b []byte
		var written []int
		for len(b) < want {
			before := len(b)
			b = p.grow(b, want, 1000)
			if len(b) != before || cap(b) == before {
				t.Fatalf("length %d to %d, capacity %d", before, len(b), cap(b))
			}
			if most := max(4*before, 1<<minClass); cap(b) > most {
				t.Fatalf("capacity %d for %d bytes", cap(b), before)
			}
			b = b[:min(cap(b), before+rapid.IntRange(1, 1<<20).Draw(t, "read"))]
			for i := before; i < len(b); i += 1000 {
				b[i] = byte(i >> 8)
			}
			written = append(written, before)
		}
		for _, from := range written {
			for i := from; i < len(b) && i < from+1000; i += 1000 {
				if b[i] != byte(i>>8) {
					t.Fatalf("byte %d has changed", i)
				}
			}
		}
		p.put(b)
		if want > 1<<maxClass && len(b) > want {
			t.Fatalf("%d bytes were taken for %d", len(b), want)
		}
	})
}

func TestPoolReuses(t *testing.T) {
	p := &bufPool{}
	b := p.get(5000)
	if len(b) != 0 || cap(b) != 8192 {
		t.Fatalf("len %d cap %d", len(b), cap(b))
	}
	b = append(b, 1)
	p.put(b)
	if c := p.get(8000); len(c) != 0 || &c[:1][0] != &b[0] {
		t.Error("the buffer was not reused")
	}
	p.put(make([]byte, 0, 5000)) // no power of two
	p.put(make([]byte, 0, 2<<maxClass))
	if p.kept != 0 {
		t.Errorf("the pool keeps %d bytes", p.kept)
	}
}

// What is left in a large buffer moves out of it when it is little.
func TestShrink(t *testing.T) {
	p := &bufPool{}
	rest := []byte("the rest")
	b := append(p.get(8<<20), rest...)
	if b = p.shrink(b); string(b) != string(rest) || cap(b) != 1<<minClass {
		t.Errorf("%q, capacity %d", b, cap(b))
	}
	large := p.get(8 << 20)[:3<<20]
	if b := p.shrink(large); cap(b) != 8<<20 || &b[0] != &large[0] {
		t.Errorf("capacity %d", cap(b))
	}
	p.put(large)
	if b := p.shrink(nil); b != nil {
		t.Error("nothing has become something")
	}
}

// A pool keeps mappings for a while if somebody has it let go of them.
func TestPoolKeepsMappings(t *testing.T) {
	kept := 0
	p := &bufPool{keeps: func() { kept++ }}
	b := append(p.get(3<<20), "x"...)
	first := &b[0]
	p.put(b)
	if kept != 1 || p.heat != cap(b) {
		t.Fatalf("%d times something was kept, %d bytes", kept, p.heat)
	}
	if c := p.get(16 << 20); &c[:1][0] == first {
		t.Error("a buffer is used that is too small")
	} else {
		p.put(c)
	}
	// What is wanted is known: the memory that is there serves at once, also where a part has come already.
	part := append(p.get(5000), "part"...)
	if c := p.grow(part, 2<<20, 9000); &c[0] != first || string(c) != "part" {
		t.Errorf("another buffer, with %q", c)
	} else {
		p.put(c)
	}
	large := p.get(warmMost)
	p.put(large) // more than is kept
	if len(p.warm) != 2 || p.heat > warmMost {
		t.Errorf("%d buffers of %d bytes are kept", len(p.warm), p.heat)
	}
	if p.cool(); p.heat != 0 || len(p.warm) != 0 {
		t.Errorf("%d bytes are kept", p.heat)
	}
	p.put(p.get(2 << 20))
	if kept != 2 {
		t.Errorf("%d times something was kept", kept)
	}
	p.cool()
}
