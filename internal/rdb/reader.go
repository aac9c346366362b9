package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/redstart-db/redstart/internal/num"
)

// ErrCorrupt reports bytes that are not what the format allows at their place,
// or that end too early. RESTORE answers "ERR Bad data format" to it.
var ErrCorrupt = errors.New("rdb: bad data format")

// ErrEmpty reports a collection without elements, which is not a value. It is
// ErrCorrupt, but does not stick: the Reader is behind the collection then.
var ErrEmpty = fmt.Errorf("%w: empty collection", ErrCorrupt)

// ErrShort reports bytes that end too early. It is ErrCorrupt as well.
var ErrShort = fmt.Errorf("%w: unexpected end", ErrCorrupt)

// Corrupt is ErrCorrupt with what is wrong, for logs.
type Corrupt string

func (e Corrupt) Error() string { return ErrCorrupt.Error() + ": " + string(e) }

// Unwrap gives ErrCorrupt.
func (e Corrupt) Unwrap() error { return ErrCorrupt }

// What is wrong with a value, in the words of Redis.
const (
	ErrPackedTwice Corrupt = "listpack with dup elements"
	ErrTwice       Corrupt = "Duplicate elements detected"
	ErrGroup       Corrupt = "Duplicate consumer group name detected"
	ErrConsumer    Corrupt = "Duplicate stream consumer detected"
	ErrPending     Corrupt = "Duplicated global PEL entry detected"
	ErrOwner       Corrupt = "Stream consumer PEL entry already has a consumer assigned, or is not pending"
)

// ErrTooLarge reports a compressed string beyond the reader's budget.
var ErrTooLarge = errors.New("rdb: decompressed data exceeds the budget")

// DefaultBudget is how many bytes a Reader decompresses in total unless SetBudget
// says otherwise, besides 16 for each byte of its input: Redis's own limit on a
// string. The most that one byte can become is 88.
const DefaultBudget = 512 << 20

// Reader decodes bytes that may be hostile. The first error sticks: every later
// call returns zero values and the same error, so that a decoder may check it
// once at the end of a record.
//
// Nothing is allocated on the word of a declared length: plain strings alias
// the input, compressed ones grow as they are produced, within the budget.
type Reader struct {
	b      []byte
	err    error
	left   int // bytes that had not been read when err came
	budget int
	room   []byte // what is decompressed lies here, as long as it fits; see Reset
}

// NewReader returns a Reader of b, which must not change while strings read from
// it are in use.
func NewReader(b []byte) Reader {
	return Reader{b: b, budget: DefaultBudget + 16*len(b)}
}

// Reset has the Reader read b, as a new one would, but for what it decompresses: that
// lies in memory of the Reader, if there is enough, and is valid until the next Reset.
func (r *Reader) Reset(b []byte) {
	if r.room == nil {
		r.room = make([]byte, 0, roomSize)
	}
	*r = Reader{b: b, budget: DefaultBudget + 16*len(b), room: r.room[:0]}
}

// roomSize is how much memory a Reader keeps for what it decompresses.
const roomSize = 64 << 10

// SetBudget sets how many more bytes may come out of decompression.
func (r *Reader) SetBudget(bytes int) { r.budget = bytes }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Rest returns what has not been read yet, nil after an error. It aliases the
// input.
func (r *Reader) Rest() []byte { return r.b }

// Unread is how many bytes have not been read; after an error, had not when it came.
func (r *Reader) Unread() int {
	if r.err != nil {
		return r.left
	}
	return len(r.b)
}

// Fail makes err stick, unless there was an error before, and returns the one
// that sticks. Decoders of values use it for what only they can tell.
func (r *Reader) Fail(err error) error {
	if r.err == nil {
		r.err, r.left = err, len(r.b)
		r.b = nil
	}
	return r.err
}

// Bytes reads n bytes, aliasing the input.
func (r *Reader) Bytes(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)) || r.err != nil {
		return nil, r.Fail(ErrShort)
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b, nil
}

// Byte reads one byte.
func (r *Reader) Byte() (byte, error) {
	if len(r.b) == 0 {
		return 0, r.Fail(ErrShort)
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c, nil
}

// Type reads the type of a value, or an opcode. It does not check which.
func (r *Reader) Type() (Type, error) {
	c, err := r.Byte()
	return Type(c), err
}

// Uint32 and Uint64 read little endian integers, as stand behind expiry opcodes.
func (r *Reader) Uint32() (uint32, error) {
	b, err := r.Bytes(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// Uint64 reads eight bytes, little endian.
func (r *Reader) Uint64() (uint64, error) {
	b, err := r.Bytes(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// Float64 reads a binary64, little endian.
func (r *Reader) Float64() (float64, error) {
	u, err := r.Uint64()
	return math.Float64frombits(u), err
}

// Len reads a length. When encoded is true, n is instead the kind of a specially
// encoded string, which is only right where a string may stand.
func (r *Reader) Len() (n uint64, encoded bool, err error) {
	c, err := r.Byte()
	if err != nil {
		return 0, false, err
	}
	switch {
	case c&0xc0 == len6:
		return uint64(c), false, nil
	case c&0xc0 == len14:
		low, err := r.Byte()
		return uint64(c&0x3f)<<8 | uint64(low), false, err
	case c == len32:
		b, err := r.Bytes(4)
		if err != nil {
			return 0, false, err
		}
		return uint64(binary.BigEndian.Uint32(b)), false, nil
	case c == len64:
		b, err := r.Bytes(8)
		if err != nil {
			return 0, false, err
		}
		return binary.BigEndian.Uint64(b), false, nil
	case c&0xc0 == lenEnc:
		return uint64(c & 0x3f), true, nil
	}
	return 0, false, r.Fail(ErrCorrupt)
}

// Count reads a length that counts elements of at least size encoded bytes each.
// More than can still follow is an error, so the result may size an allocation.
func (r *Reader) Count(size int) (int, error) {
	n, encoded, err := r.Len()
	if err != nil {
		return 0, err
	}
	if encoded || n > uint64(len(r.b)/max(size, 1)) {
		return 0, r.Fail(ErrCorrupt)
	}
	return int(n), nil
}

// String reads a string. The result aliases the input when it is stored plainly
// and is freshly allocated when it is an integer or compressed.
func (r *Reader) String() ([]byte, error) {
	return r.StringIn(nil)
}

// StringIn reads a string like String but uses the room in scratch[:0], as far as
// it suffices, where String would allocate. So the result aliases the input,
// scratch, or neither.
func (r *Reader) StringIn(scratch []byte) ([]byte, error) {
	v, err := r.str(scratch[:0])
	if v.IsInt && err == nil {
		return num.AppendInt(scratch[:0], v.Int), nil
	}
	return v.Bytes, err
}

// AppendString reads a string and appends it to dst.
func (r *Reader) AppendString(dst []byte) ([]byte, error) {
	n, encoded, err := r.Len()
	switch {
	case err != nil:
		return dst, err
	case !encoded:
		b, err := r.Bytes(n)
		return append(dst, b...), err
	case n == encLZF:
		return r.lzf(dst)
	}
	i, err := r.int(n)
	if err != nil {
		return dst, err
	}
	return num.AppendInt(dst, i), nil
}

// str reads a string as it is stored.
func (r *Reader) str(scratch []byte) (v StringValue, err error) {
	n, encoded, err := r.Len()
	switch {
	case err != nil:
	case !encoded:
		v.Bytes, err = r.Bytes(n)
	case n == encLZF && scratch == nil:
		v.Bytes, err = r.lzfInRoom()
	case n == encLZF:
		v.Bytes, err = r.lzf(scratch)
	default:
		v.IsInt = true
		v.Int, err = r.int(n)
	}
	if err != nil {
		return StringValue{}, err
	}
	return v, nil
}

// int reads the integer behind the encoding enc.
func (r *Reader) int(enc uint64) (int64, error) {
	if enc > encInt32 {
		return 0, r.Fail(ErrCorrupt)
	}
	b, err := r.Bytes(1 << enc)
	if err != nil {
		return 0, err
	}
	switch enc {
	case encInt8:
		return int64(int8(b[0])), nil
	case encInt16:
		return int64(int16(binary.LittleEndian.Uint16(b))), nil
	}
	return int64(int32(binary.LittleEndian.Uint32(b))), nil
}

// lzfInRoom reads a compressed string into the Reader's room, or, where that is too
// small or there is none, into new memory.
func (r *Reader) lzfInRoom() ([]byte, error) {
	used := len(r.room)
	out, err := r.lzf(r.room[used:])
	if cap(out) == cap(r.room)-used {
		r.room = r.room[:used+len(out)]
	}
	return out[:len(out):len(out)], err
}

// lzf reads a compressed string and appends it to dst.
func (r *Reader) lzf(dst []byte) ([]byte, error) {
	packed, enc1, _ := r.Len()
	plain, enc2, _ := r.Len()
	src, err := r.Bytes(packed)
	switch {
	case err != nil:
		return dst, err
	case enc1 || enc2:
		return dst, r.Fail(ErrCorrupt)
	case plain > uint64(max(r.budget, 0)):
		return dst, r.Fail(ErrTooLarge)
	}
	out, err := AppendUnLZF(dst, src, int(plain))
	if err != nil {
		return dst, r.Fail(ErrCorrupt)
	}
	r.budget -= int(plain)
	return out, nil
}
