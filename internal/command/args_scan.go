package command

import (
	"bytes"
	"math"
	"slices"

	"github.com/redstart-db/redstart/internal/glob"
	"github.com/redstart-db/redstart/internal/resp"
)

// ParseCursor reads the cursor of a scan as C's strtoul does: with a sign, modulo
// 2^64, up to the first zero byte. An empty one is 0.
func ParseCursor(b []byte) (uint64, bool) {
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(b) == 0 {
		return 0, true
	}
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	n := uint64(0)
	for _, d := range b {
		d -= '0'
		if d > 9 || n > (math.MaxUint64-uint64(d))/10 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	if negative {
		n = -n
	}
	return n, len(b) > 0
}

// ElementScan is one call of SSCAN, HSCAN or ZSCAN: the arguments behind the key,
// and the reply, which Begin and End put around the elements.
type ElementScan struct {
	Cursor  uint64
	Count   int    // elements to look at, at least 1
	Pattern []byte // nil for all
	Flag    bool   // the word that OptionsOr knows besides was there
	mark    Mark
}

// ScanCursor reads the cursor, argument 2, which Redis does before it looks at the
// key. The error is in the reply when ok is false.
func (c *Ctx) ScanCursor() (s ElementScan, ok bool) {
	s.Count = 10
	if s.Cursor, ok = ParseCursor(c.Args[2]); !ok {
		c.Err("ERR invalid cursor")
	}
	return s, ok
}

// Empty is the reply for a key that does not exist, whatever the options are.
func (s *ElementScan) Empty(c *Ctx) { c.Out = append(c.Out, "*2\r\n$1\r\n0\r\n*0\r\n"...) }

// Options reads what follows the cursor. The error is in the reply when ok is
// false.
func (s *ElementScan) Options(c *Ctx) (ok bool) { return s.OptionsOr(c, "") }

// OptionsOr is Options for a command that has one more, a word without value.
func (s *ElementScan) OptionsOr(c *Ctx, word string) (ok bool) {
	for i := 3; i < len(c.Args); i += 2 {
		switch {
		case word != "" && c.Is(i, word):
			s.Flag = true
			i--
		case i+1 < len(c.Args) && c.Is(i, "COUNT"):
			n, ok := c.IntArg(i + 1)
			if !ok {
				return false
			}
			if n < 1 {
				c.Err(ErrSyntax)
				return false
			}
			s.Count = int(min(n, math.MaxInt32)) // so that sums have room
		case i+1 < len(c.Args) && c.Is(i, "MATCH"):
			if s.Pattern = c.Args[i+1]; string(s.Pattern) == "*" {
				s.Pattern = nil
			}
		default:
			c.Err(ErrSyntax)
			return false
		}
	}
	return true
}

// Match tells whether an element is wanted.
func (s *ElementScan) Match(elem []byte) bool {
	return s.Pattern == nil || glob.Match(s.Pattern, elem, false)
}

// Steps goes over a table from Cursor on. step shows what there is at a position, and
// gives the next one and the number of elements it came upon.
func (s *ElementScan) Steps(step func(pos uint32) (next uint32, done bool, visited int)) {
	const emptySteps = 10 // as often as that for each element asked for, nothing may be found
	pos, done, visited := uint32(s.Cursor), false, 0
	for steps := 0; !done && visited < s.Count && steps/emptySteps < s.Count; steps++ {
		var n int
		pos, done, n = step(pos)
		visited += n
	}
	s.Cursor = uint64(pos)
	if done {
		s.Cursor = 0
	}
}

// Begin is called before the first element is appended to the reply, and End, with
// the number of strings that were, after the last. s.Cursor is then where to go on,
// or 0.
func (s *ElementScan) Begin(c *Ctx) { s.mark = c.Defer() }

// End is explained with Begin.
func (s *ElementScan) End(c *Ctx, n int) {
	var buf [64]byte
	head := resp.AppendArray(buf[:0], 2)
	head = resp.AppendBulkInt(head, int64(s.Cursor))
	head = resp.AppendArray(head, n)
	c.Out = slices.Insert(c.Out, int(s.mark), head...)
}
