package command

import (
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/store"
)

// StringFits tells whether a command may make a string of size+more bytes; if
// not, the error is in the reply. Neither number exceeds math.MaxInt64, so the
// sum does not overflow.
func (c *Ctx) StringFits(size, more uint64) bool {
	if size+more > c.MaxString() {
		c.Err(ErrTooLong)
		return false
	}
	return true
}

// MaxString is the length of the longest string that the command may make, in
// bytes: proto-max-bulk-len, which does not hold for what a master has done.
func (c *Ctx) MaxString() uint64 {
	if c.Sess.Flags&session.Master != 0 {
		return store.MaxString
	}
	return min(uint64(c.Config.ProtoMaxBulkLen), store.MaxString)
}

// Range turns the inclusive bounds of GETRANGE and the like, where negative
// ones count from the end, into from <= to within [0,n]; from == to when
// nothing is selected.
func Range(start, end, n int64) (from, to int64) {
	if start < 0 && end < 0 && start > end {
		return 0, 0
	}
	return Bounds(start, end, n)
}

// Bounds is Range for BITPOS and others that know no shortcut for negative
// bounds in the wrong order: if both are before the first element, it is
// selected.
func Bounds(start, end, n int64) (from, to int64) {
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if start > end {
		return 0, 0
	}
	return start, end + 1
}
