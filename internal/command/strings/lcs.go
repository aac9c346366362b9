package strings

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

type lcsOptions struct {
	length, indexes, matchLen bool
	minMatch                  int64
}

func parseLCS(c *command.Ctx) (o lcsOptions, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "IDX"):
			o.indexes = true
		case c.Is(i, "LEN"):
			o.length = true
		case c.Is(i, "WITHMATCHLEN"):
			o.matchLen = true
		case c.Is(i, "MINMATCHLEN") && i+1 < len(c.Args):
			if o.minMatch, ok = num.ParseInt(c.Args[i+1]); !ok {
				c.Err(command.ErrNotInteger)
				return o, false
			}
			i++
		default:
			c.Err(command.ErrSyntax)
			return o, false
		}
	}
	if o.length && o.indexes {
		c.Err("ERR If you want both the length and indexes, please just use IDX.")
		return o, false
	}
	return o, true
}

// lcs checks the types before its options, as Redis does.
func lcs(c *command.Ctx) {
	var digits [2]store.Scratch
	var v [2][]byte
	for i := range v {
		e := c.Read(c.Key(i + 1))
		if !e.Ok() {
			continue
		}
		if e.Type() != store.String {
			c.Err("ERR The specified keys must contain string values")
			return
		}
		v[i] = e.Bytes(&digits[i])
	}
	o, ok := parseLCS(c)
	if !ok {
		return
	}
	a, b := v[0], v[1]
	if text := lcsTooLarge(len(a), len(b), c.Config.ProtoMaxBulkLen); text != "" {
		c.Err(text)
		return
	}
	if o.length {
		t := newLCSTable(a, b, false)
		c.Int(int64(t.length))
		return
	}
	t := newLCSTable(a, b, true)
	if o.indexes {
		t.replyMatches(c, o)
		return
	}
	found := make([]byte, t.length)
	rest := t.length
	t.walk(func(i, _, n int) {
		rest -= n
		copy(found[rest:], a[i:i+n])
	})
	c.Bulk(found)
}

const lcsMaxTable = 1 << 30 // bytes, however large proto-max-bulk-len is

// lcsTooLarge tells why the subsequence of strings of such lengths is not
// computed. The limit is that of Redis's table, with four bytes a cell; ours
// has one bit.
func lcsTooLarge(a, b int, limit int64) string {
	if uint64(a) >= math.MaxUint32-1 || uint64(b) >= math.MaxUint32-1 {
		return "ERR String too long for LCS"
	}
	hi, cells := bits.Mul64(uint64(a)+1, uint64(b)+1)
	if hi == 0 && cells <= math.MaxUint64/4 && cells*4 > uint64(limit) {
		return "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
	}
	if hi != 0 || uint64(a)*((uint64(b)+7)/8) > lcsMaxTable {
		return "ERR Insufficient memory, failed allocating transient memory for LCS"
	}
	return ""
}

// lcsTable finds the longest common subsequence of a and b.
//
// With L(i,j) the length of that of the first i bytes of a and the first j of
// b, a row of the classic table grows by 0 or 1 from one column to the next.
// A row is kept as a bit for each column, 0 where it grows: then the next row
// is a few operations on whole words (Crochemore, Iliopoulos, Pinzon and Reid,
// 2001), and the table is a 32nd of one with lengths.
//
//	rows   byte(i*stride + j/8), bit j%8: 0 if L(i+1,j+1) > L(i+1,j)
type lcsTable struct {
	a, b   []byte
	rows   []byte // empty when only the length is wanted
	stride int
	length int
}

func newLCSTable(a, b []byte, keep bool) *lcsTable {
	t := &lcsTable{a: a, b: b, stride: (len(b) + 7) / 8}
	if len(a) == 0 || len(b) == 0 {
		return t
	}
	if keep {
		t.rows = make([]byte, len(a)*t.stride)
	}
	words := (len(b) + 63) / 64
	row := make([]uint64, words)
	for i := range row {
		row[i] = ^uint64(0)
	}
	var at [256][]uint64 // where in b each byte of a is
	for i, x := range a {
		m := at[x]
		if m == nil {
			m = positions(b, x, words)
			at[x] = m
		}
		carry := uint64(0)
		for w, v := range row {
			var sum uint64
			u := v & m[w]
			sum, carry = bits.Add64(v, u, carry)
			row[w] = sum | v&^m[w]
		}
		if keep {
			putRow(t.rows[i*t.stride:(i+1)*t.stride], row)
		}
	}
	for _, v := range row {
		t.length += bits.OnesCount64(^v)
	}
	// The bits behind the last column never become 0: nothing matches there.
	return t
}

// positions is the set of the places of x in b.
func positions(b []byte, x byte, words int) []uint64 {
	m := make([]uint64, words)
	for j, y := range b {
		if x == y {
			m[j>>6] |= 1 << (j & 63)
		}
	}
	return m
}

// putRow writes as many bytes of row as dst has.
func putRow(dst []byte, row []uint64) {
	w := 0
	for ; len(dst) >= 8; dst = dst[8:] {
		binary.LittleEndian.PutUint64(dst, row[w])
		w++
	}
	for i := range dst {
		dst[i] = byte(row[w] >> (8 * i))
	}
}

// grows tells whether L(i,j) > L(i,j-1).
func (t *lcsTable) grows(i, j int) bool {
	return t.rows[(i-1)*t.stride+(j-1)>>3]>>((j-1)&7)&1 == 0
}

// walk calls found for the stretches of the subsequence that are contiguous in
// both strings, last one first, with their places and their length. Of several
// subsequences it takes the one that Redis takes: where the bytes differ it
// goes up in the table only when that has the longer one, which is when the
// row grows.
func (t *lcsTable) walk(found func(i, j, n int)) {
	run := 0
	i, j := len(t.a), len(t.b)
	for i > 0 && j > 0 {
		if t.a[i-1] == t.b[j-1] {
			i, j, run = i-1, j-1, run+1
			continue
		}
		if run > 0 {
			found(i, j, run)
			run = 0
		}
		if t.grows(i, j) {
			i--
		} else {
			j--
		}
	}
	if run > 0 {
		found(i, j, run)
	}
}

func (t *lcsTable) replyMatches(c *command.Ctx, o lcsOptions) {
	c.Map(2)
	c.Str("matches")
	mark, matches := c.Defer(), 0
	t.walk(func(i, j, n int) {
		if int64(n) < o.minMatch {
			return
		}
		matches++
		if o.matchLen {
			c.Array(3)
		} else {
			c.Array(2)
		}
		for _, from := range [2]int{i, j} {
			c.Array(2)
			c.Int(int64(from))
			c.Int(int64(from + n - 1))
		}
		if o.matchLen {
			c.Int(int64(n))
		}
	})
	c.End(mark, matches)
	c.Str("len")
	c.Int(int64(t.length))
}
