package resp

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/redstart-db/redstart/internal/num"
)

// BulkRoom is how many bytes of capacity are enough to write a string of up to 63
// bytes, or an integer, without a look at each of its bytes: moved in pieces of 16.
const BulkRoom = 8 + 64 + 8

// LineEnd is CR and LF as a little endian number.
const LineEnd = '\r' | '\n'<<8

// AppendBulk appends a string of bytes.
func AppendBulk(dst, b []byte) []byte {
	dst = appendHeader(dst, '$', int64(len(b)))
	if len(b) > maxPiece {
		dst, b = appendLarge(dst, b)
	}
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

// maxPiece is the most that is copied at once to a reply. From 1 MiB on the runtime
// writes past the caches of the processor, where the kernel would find the reply
// while it is sent.
const maxPiece = 512 << 10

// appendLarge appends all of b but a rest of up to maxPiece bytes.
func appendLarge(dst, b []byte) (out, rest []byte) {
	dst = slices.Grow(dst, len(b)+2)
	for len(b) > maxPiece {
		dst = append(dst, b[:maxPiece]...)
		b = b[maxPiece:]
	}
	return dst, b
}

// PutHeader writes the header of a string of n bytes, n from 0 to 99, to dst, and
// gives its size.
func PutHeader(dst []byte, n int) (size int) {
	if n < 10 {
		binary.LittleEndian.PutUint32(dst, '$'|'0'<<8|LineEnd<<16+uint32(n)<<8)
		return 4
	}
	dst[4] = '\n'
	binary.LittleEndian.PutUint32(dst, '$'|uint32(pairs[2*n])<<8|uint32(pairs[2*n+1])<<16|'\r'<<24)
	return 5
}

// AppendBulkString is AppendBulk of a string.
func AppendBulkString(dst []byte, s string) []byte {
	dst = appendHeader(dst, '$', int64(len(s)))
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendBulkInt appends a string that is a number in decimal.
func AppendBulkInt(dst []byte, n int64) []byte {
	if uint64(n) >= 1e8 || cap(dst)-len(dst) < BulkRoom {
		var text [num.MaxIntLen]byte
		return AppendBulk(dst, num.AppendInt(text[:0], n))
	}
	at := len(dst)
	size := PutBulkInt(dst[at:at+BulkRoom], uint32(n))
	return dst[:at+size]
}

// PutBulkInt writes a number below 1e8 as a string to dst, of which it may overwrite
// BulkRoom bytes, and gives the size of the string.
func PutBulkInt(dst []byte, n uint32) (size int) {
	text, length := num.Text8(n)
	binary.LittleEndian.PutUint32(dst, '$'|'0'<<8|LineEnd<<16+uint32(length)<<8)
	binary.LittleEndian.PutUint64(dst[4:], text)
	binary.LittleEndian.PutUint16(dst[4+length:], LineEnd)
	return length + 6
}

// AppendDouble appends a number in the form of AppendFloat, in RESP2 as a string.
func AppendDouble(dst []byte, f float64, proto int) []byte {
	if n, ok := wholeFloat(f); ok {
		if proto < 3 {
			return AppendBulkInt(dst, n)
		}
		return appendHeader(dst, ',', n)
	}
	if proto < 3 {
		var text [32]byte
		return AppendBulk(dst, AppendFloat(text[:0], f))
	}
	dst = AppendFloat(append(dst, ','), f)
	return append(dst, '\r', '\n')
}

// wholeFloat gives f as an integer if AppendFloat prints it like one.
func wholeFloat(f float64) (n int64, ok bool) {
	n = int64(f)
	return n, float64(n) == f && n > -1e17 && n < 1e17 && (n != 0 || !math.Signbit(f))
}
