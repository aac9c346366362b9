// Package triples reads and edits the small form of a hash whose fields have
// deadlines: a listpack of a field, its value and its deadline each.
//
//	+--------+---------+---------+------------+-----+---------+---------+------------+-----+
//	| header | field 0 | value 0 | deadline 0 | ... | field n | value n | deadline n | end |
//	+--------+---------+---------+------------+-----+---------+---------+------------+-----+
//
// Deadlines are integers, Unix time in milliseconds, 0 for none. The triples are in
// the order of their deadlines, and those without one are last: what is due next is
// in front. Redis 7.4 keeps them so (listpackex), and the bytes are the same.
//
// A triple is known by the position of its field. Functions that change a listpack
// give the new one and, like those of package listpack, write into its array when
// that has the capacity. Bytes that are passed to them must not lie in it.
package triples

import "github.com/redstart-db/redstart/internal/ds/listpack"

// DeadlineSize is the most bytes that a deadline takes.
const DeadlineSize = 10

// Len is the number of triples.
func Len(p []byte) int { return listpack.Len(p) / 3 }

// Find gives the position of a field.
func Find(p, field []byte) (pos int, ok bool) {
	return listpack.Find(p, listpack.HeaderSize, field, 2)
}

// Value is the value of the field at pos.
func Value(p []byte, pos int) listpack.Value {
	return listpack.Get(p, pos+listpack.EntrySize(p, pos))
}

// Deadline is the deadline of the field at pos, in Unix milliseconds, or 0.
func Deadline(p []byte, pos int) int64 { return max(listpack.Get(p, deadlineAt(p, pos)).Int, 0) }

func deadlineAt(p []byte, pos int) int {
	pos += listpack.EntrySize(p, pos)
	return pos + listpack.EntrySize(p, pos)
}

// Next is the position behind the triple at pos.
func Next(p []byte, pos int) int {
	pos = deadlineAt(p, pos)
	return pos + listpack.EntrySize(p, pos)
}

// First is the first deadline in Unix milliseconds, or 0 if no field has one.
func First(p []byte) int64 {
	if pos, ok := listpack.First(p); ok {
		return Deadline(p, pos)
	}
	return 0
}

// Due is the number of fields whose deadline has passed at now, and the position
// behind them.
func Due(p []byte, now int64) (n, end int) {
	pos := listpack.HeaderSize
	for limit := listpack.End(p); pos < limit; n++ {
		if at := Deadline(p, pos); at == 0 || at > now {
			break
		}
		pos = Next(p, pos)
	}
	return n, pos
}

// Need is the size in bytes, at most, after Insert of a field with its value and
// any deadline.
func Need(p, field, value []byte) int {
	return len(p) + listpack.Size(field) + listpack.Size(value) + DeadlineSize
}

// Insert puts a field that is not there in its place.
func Insert(p, field, value []byte, at int64) []byte {
	pos := listpack.End(p)
	if at != 0 {
		_, pos = Due(p, at)
	}
	p = listpack.Insert(p, pos, field)
	pos += listpack.EntrySize(p, pos)
	p = listpack.Insert(p, pos, value)
	pos += listpack.EntrySize(p, pos)
	return listpack.InsertInt(p, pos, at)
}

// Delete removes the field at pos.
func Delete(p []byte, pos int) []byte { return listpack.DeleteRange(p, pos, 3) }

// SetDeadline gives the field at pos another deadline, and so another place. It
// needs DeadlineSize bytes more at most, which NeedDeadline counts.
func SetDeadline(p []byte, pos int, at int64) []byte {
	// What is moved is copied: it is overwritten on the way.
	var room [256]byte
	b := listpack.Get(p, pos).AppendTo(room[:0])
	n := len(b)
	b = Value(p, pos).AppendTo(b)
	return Insert(Delete(p, pos), b[:n], b[n:], at)
}

// NeedDeadline is the size in bytes, at most, after SetDeadline.
func NeedDeadline(p []byte) int { return len(p) + DeadlineSize }

// NeedFromPairs is the size in bytes of what FromPairs makes of a listpack.
func NeedFromPairs(pairs []byte) int {
	return len(pairs) + listpack.Len(pairs)/2*listpack.SizeInt(0)
}

// FromPairs writes a hash of fields and values over dst, with no deadline yet.
func FromPairs(dst, pairs []byte) []byte {
	var buf [20]byte
	dst = append(dst[:0], listpack.Empty...)
	for pos, end := listpack.HeaderSize, listpack.End(pairs); pos < end; {
		for range 2 {
			v := listpack.Get(pairs, pos)
			if v.IsInt() {
				dst = listpack.Append(dst, v.AppendTo(buf[:0]))
			} else {
				dst = listpack.Append(dst, v.Str)
			}
			pos += listpack.EntrySize(pairs, pos)
		}
		dst = listpack.AppendInt(dst, 0)
	}
	return dst
}

// ToPairs leaves the deadlines out, in place.
func ToPairs(p []byte) []byte { return listpack.DeleteEvery(p, 3) }
