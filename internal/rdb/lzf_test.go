package rdb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/rdb"
)

// plainLZF is the compressor of liblzf as it is written down, a byte at a time.
func plainLZF(src []byte, limit int) (out []byte, ok bool) {
	hash := func(i int) uint16 {
		a, b, c := uint16(src[i]), uint16(src[i+1]), uint16(src[i+2])
		return a<<8 + b - 5*(b<<8+c)
	}
	literals := func(lit []byte) {
		for len(lit) > 0 {
			n := min(len(lit), 32)
			out = append(append(out, byte(n-1)), lit[:n]...)
			lit = lit[n:]
		}
	}
	table := map[uint16]int{}
	lit, i := 0, 0
	for i+3 <= len(src) {
		ref := table[hash(i)]
		table[hash(i)] = i
		if ref == 0 || i-ref > 1<<13 || !bytes.Equal(src[ref:ref+3], src[i:i+3]) {
			i++
			continue
		}
		literals(src[lit:i])
		if len(out)+4 >= limit {
			return nil, false
		}
		most := min(len(src)-i-2, 264)
		if most > 16 {
			most = max(most, 19)
		}
		n := 3
		for n < most && src[ref+n] == src[i+n] {
			n++
		}
		if off := i - ref - 1; n < 9 {
			out = append(out, byte((n-2)<<5|off>>8), byte(off))
		} else {
			out = append(out, byte(7<<5|off>>8), byte(n-9), byte(off))
		}
		i += n
		lit = i
		if i+3 <= len(src) {
			table[hash(i-2)], table[hash(i-1)] = i-2, i-1
		}
	}
	room := 3
	if (i-lit)%32 == 0 {
		room++
	}
	if len(out)+(i-lit)+(i-lit+31)/32+room > limit {
		return nil, false
	}
	literals(src[lit:])
	return out, true
}

// TestLZFIsPlain compares what is compressed with what the plain form of the compressor gives,
// so that DUMP and files have the bytes that those of Redis have.
func TestLZFIsPlain(t *testing.T) {
	rnd := seeded(t)
	for range 4000 {
		src := lzfInput(rnd)
		limit := len(src) - 4
		if rnd.IntN(4) == 0 {
			limit = rnd.IntN(len(src) + 40)
		}
		want, wantOK := plainLZF(src, limit)
		dst := append(make([]byte, 0, rnd.IntN(100)), "keep"...)
		got, ok := rdb.AppendLZF(dst, src, limit)
		if string(got[:4]) != "keep" || ok != wantOK || !bytes.Equal(got[4:], want) {
			t.Fatalf("%q, limit %d:\n%x %v, want %x %v", src, limit, got[4:], ok, want, wantOK)
		}
		if !ok {
			continue
		}
		if back, err := rdb.AppendUnLZF(nil, want, len(src)); err != nil || !bytes.Equal(back, src) {
			t.Fatalf("%q came back as %q, %v", src, back, err)
		}
	}
}

// lzfInput gives bytes with repetitions, of few letters or of many.
func lzfInput(rnd *rand.Rand) []byte {
	letters := 1 + rnd.IntN(6)
	if rnd.IntN(3) == 0 {
		letters = 256
	}
	n := 3 + rnd.IntN(120)
	if rnd.IntN(8) == 0 {
		n = 3 + rnd.IntN(20_000)
	}
	var src []byte
	for len(src) < n {
		if len(src) > 0 && rnd.IntN(3) == 0 {
			at := rnd.IntN(len(src))
			src = append(src, src[at:min(len(src), at+1+rnd.IntN(400))]...)
		}
		for range rnd.IntN(40) {
			src = append(src, byte(rnd.IntN(letters)))
		}
	}
	return src
}

// lzfInputs are a node of a list, one of a stream, and what cannot be compressed.
func lzfInputs() map[string][]byte {
	list, stream := []byte(listpack.Empty), []byte(listpack.Empty)
	for i := 0; len(list) < 8150; i++ {
		list = listpack.Append(list, fmt.Appendf(nil, "item:%08d", 1234567+i))
	}
	for i := range 100 {
		for _, s := range []string{"2", fmt.Sprint(i), "0", fmt.Sprint(1234567 + i), "99.99", "5"} {
			stream = listpack.Append(stream, []byte(s))
		}
	}
	noise := make([]byte, 170)
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	return map[string][]byte{"list": list, "stream": stream, "noise": noise}
}

func BenchmarkLZF(b *testing.B) {
	for name, src := range lzfInputs() {
		var out []byte
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				out, _ = rdb.AppendLZF(out[:0], src, len(src)-4)
			}
			b.SetBytes(int64(len(src)))
		})
		if len(out) == 0 {
			continue
		}
		b.Run("un-"+name, func(b *testing.B) {
			var back []byte
			for b.Loop() {
				back, _ = rdb.AppendUnLZF(back[:0], out, len(src))
			}
			b.SetBytes(int64(len(src)))
		})
	}
}
