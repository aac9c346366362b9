package sort

import (
	"bytes"

	"github.com/redstart-db/redstart/internal/command"
)

// options are the arguments behind the key.
type options struct {
	desc, alpha bool
	by          *pattern // nil when elements are compared by themselves
	asked, all  bool     // whether the user may read all keys was asked, and is so
	asTheyAre   bool     // BY without a place for the element: nothing is compared
	get         []pattern
	start       int64 // LIMIT; all if count is negative
	count       int64
	to          int // index of the key to store to; 0 for none
}

// parse reads the options. When ok is false the error is in the reply.
func parse(c *command.Ctx, readOnly bool) (o options, ok bool) {
	o.count = -1
	for i := 2; i < len(c.Args); i++ {
		left := len(c.Args) - 1 - i
		switch {
		case c.Is(i, "ASC"):
			o.desc = false
		case c.Is(i, "DESC"):
			o.desc = true
		case c.Is(i, "ALPHA"):
			o.alpha = true
		case c.Is(i, "LIMIT") && left >= 2:
			if o.start, ok = c.IntArg(i + 1); !ok {
				return o, false
			}
			if o.count, ok = c.IntArg(i + 2); !ok {
				return o, false
			}
			i += 2
		case !readOnly && c.Is(i, "STORE") && left >= 1:
			i++
			o.to = i
		case c.Is(i, "BY") && left >= 1:
			i++
			if !o.setBy(c, c.Args[i]) {
				return o, false
			}
		case c.Is(i, "GET") && left >= 1:
			if c.Config.ClusterEnabled {
				c.Err("ERR GET option of SORT denied in cluster mode.")
				return o, false
			}
			if !o.mayRead(c) {
				c.Err("ERR GET option of SORT denied due to insufficient ACL permissions.")
				return o, false
			}
			i++
			o.get = append(o.get, newPattern(c.Args[i]))
		default:
			c.Err(command.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

// setBy takes the argument of BY. Once one of several is without a place, nothing
// is compared.
func (o *options) setBy(c *command.Ctx, arg []byte) bool {
	p := newPattern(arg)
	o.by = &p
	if p.star < 0 {
		o.asTheyAre = true
		return true
	}
	if c.Config.ClusterEnabled {
		c.Err("ERR BY option of SORT denied in cluster mode.")
		return false
	}
	if !o.mayRead(c) {
		c.Err("ERR BY option of SORT denied due to insufficient ACL permissions.")
		return false
	}
	return true
}

// mayRead tells whether the user may read every key: patterns make keys of elements.
func (o *options) mayRead(c *command.Ctx) bool {
	if !o.asked {
		o.asked, o.all = true, c.ReadsAnyKey()
	}
	return o.all
}

// pattern names a key, or a field of a hash, for every element.
type pattern struct {
	text  []byte
	star  int    // index of the place for the element; -1 for none
	field []byte // what follows the arrow; nil for the key itself
	self  bool   // "#", the element itself
}

// newPattern takes a pattern apart. Only what stands before a zero byte can be a
// place or an arrow.
func newPattern(text []byte) pattern {
	shown, _, _ := bytes.Cut(text, []byte{0})
	p := pattern{text: text, self: string(shown) == "#"}
	p.star = bytes.IndexByte(shown, '*')
	if p.star < 0 {
		return p
	}
	arrow := bytes.Index(shown[p.star+1:], []byte("->"))
	if arrow < 0 {
		return p
	}
	arrow += p.star + 1
	if arrow+2 < len(shown) {
		p.text, p.field = text[:arrow], text[arrow+2:]
	}
	return p
}
