// Package bulks writes the elements of listpacks as RESP strings: the replies of
// small collections, of lists and of streams.
package bulks

import (
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/resp"
)

// piece is what is moved at once of a string: one load and one store, which cost
// less than finding out how much less it could be.
const piece = 16

// AppendValue appends an element.
func AppendValue(dst []byte, v listpack.Value) []byte {
	if v.IsInt() {
		return resp.AppendBulkInt(dst, v.Int)
	}
	return resp.AppendBulk(dst, v.Str)
}

// AppendOne appends the element at pos, and gives the position behind it.
func AppendOne(dst, lp []byte, pos int) ([]byte, int) {
	b := lp[pos]
	if b < listpack.ShortStr || b >= listpack.LongEntry {
		return AppendValue(dst, listpack.Get(lp, pos)), pos + listpack.EntrySize(lp, pos)
	}
	pos++
	end := pos + int(b-listpack.ShortStr)
	_ = lp[end]
	return resp.AppendBulk(dst, lp[pos:end]), end + 1
}

// Append appends n elements, which have to be there, from the one at pos on, and
// gives the position behind the last. It takes no more memory than they need.
func Append(dst, lp []byte, pos, n int) ([]byte, int) {
	for {
		if dst, pos, n = appendShort(dst, lp, pos, n); n == 0 {
			return dst, pos
		}
		dst = AppendValue(dst, listpack.Get(lp, pos))
		pos += listpack.EntrySize(lp, pos)
		n--
	}
}

// appendShort is Append up to the first element that is neither a string of up to
// 63 bytes nor an integer from 0 to 1e8-1, or for which dst may lack capacity: so
// there is little to find out for each but its length. left is how many remain.
func appendShort(dst, lp []byte, pos, n int) (out []byte, next, left int) {
	buf, at := dst[:cap(dst)], len(dst)
	for ; n > 0 && len(buf)-at >= resp.BulkRoom; n-- {
		b := lp[pos]
		room := buf[at : at+resp.BulkRoom]
		if b < listpack.ShortStr {
			at += resp.PutBulkInt(room, uint32(b))
			pos += 2
			continue
		}
		if b >= listpack.LongEntry {
			v := listpack.Get(lp, pos)
			if !v.IsInt() || uint64(v.Int) >= 1e8 {
				break
			}
			at += resp.PutBulkInt(room, uint32(v.Int))
			pos += listpack.EntrySize(lp, pos)
			continue
		}
		length := int(b - listpack.ShortStr)
		size := resp.PutHeader(room, length)
		from := lp[pos+1:]
		if length <= piece && len(from) >= piece {
			*(*[piece]byte)(room[size:]) = [piece]byte(from)
		} else {
			copy(room[size:], from[:length:len(from)])
		}
		size += length
		binary.LittleEndian.PutUint16(room[size:], resp.LineEnd)
		at += size + 2
		pos += length + 2
	}
	return dst[:at], pos, n
}
