package rdb

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/num"
)

const (
	maxIntText     = 11 // longer text is not tried as an integer
	minCompressLen = 21 // shorter text is not tried for compression
	minSaved       = 4  // bytes that compression must save
)

// AppendLen appends the length n in its shortest form.
func AppendLen(dst []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(dst, len6|byte(n))
	case n < 1<<14:
		return append(dst, len14|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, len32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, len64), n)
}

// AppendString appends b as a string: as an integer when b is the canonical form
// of an int32; else compressed when compress is set and b is long enough and
// shrinks; else plainly.
func AppendString(dst, b []byte, compress bool) []byte {
	if len(b) <= maxIntText {
		if n, ok := num.ParseInt(b); ok && int64(int32(n)) == n {
			return AppendInt(dst, n)
		}
	}
	if compress && len(b) >= minCompressLen {
		var ok bool
		if dst, ok = appendCompressed(dst, b); ok {
			return dst
		}
	}
	return append(AppendLen(dst, uint64(len(b))), b...)
}

// AppendInt appends the decimal form of n as a string. The result is what
// AppendString gives for the text.
func AppendInt(dst []byte, n int64) []byte {
	switch {
	case int64(int8(n)) == n:
		return append(dst, lenEnc|encInt8, byte(n))
	case int64(int16(n)) == n:
		return binary.LittleEndian.AppendUint16(append(dst, lenEnc|encInt16), uint16(n))
	case int64(int32(n)) == n:
		return binary.LittleEndian.AppendUint32(append(dst, lenEnc|encInt32), uint32(n))
	}
	return num.AppendInt(AppendLen(dst, uint64(num.IntLen(n))), n)
}

// appendCompressed appends b as a compressed string if that is worth it.
func appendCompressed(dst, b []byte) (out []byte, ok bool) {
	// The compressed length comes first but is known last: the lengths are
	// written with room for the largest and the data is moved up to them.
	start := len(dst)
	head := append(dst, lenEnc|encLZF)
	head = AppendLen(head, uint64(len(b)))
	head = AppendLen(head, uint64(len(b)))
	data := len(head)
	out, ok = AppendLZF(head, b, len(b)-minSaved)
	if !ok {
		return out[:start], false
	}
	packed := len(out) - data
	head = AppendLen(out[:start+1], uint64(packed))
	head = AppendLen(head, uint64(len(b)))
	n := copy(out[len(head):], out[data:])
	return out[:len(head)+n], true
}

// StringValue is a decoded value of TypeString.
type StringValue struct {
	// Bytes is the value when IsInt is false. It may alias the input.
	Bytes []byte
	Int   int64
	IsInt bool
}

// StringValue reads what follows TypeString. IsInt is set whenever the value is
// the canonical form of an int64, however it was stored.
func (r *Reader) StringValue() (StringValue, error) {
	v, err := r.str(nil)
	if err != nil || v.IsInt {
		return v, err
	}
	if n, ok := num.ParseInt(v.Bytes); ok {
		return StringValue{Int: n, IsInt: true}, nil
	}
	return v, nil
}

// AppendStringValue appends v, without its type byte.
func AppendStringValue(dst []byte, v StringValue, compress bool) []byte {
	if v.IsInt {
		return AppendInt(dst, v.Int)
	}
	return AppendString(dst, v.Bytes, compress)
}
