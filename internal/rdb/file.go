package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// A file, from version 5 on, is
//
//	"REDIS" version, 4 digits | items | 255 | CRC-64 of all before it, 8 bytes LE, or 0
//
// and an item one of
//
//	250 name value                 an auxiliary field: who wrote the file, and when
//	254 number                     the database that what follows belongs to
//	251 keys keys                  how many keys come, and how many of them expire
//	245 code                       a library of functions
//	[253 s, 4 | 252 ms, 8] [248 s] [249 n, 1] type key value
//
// The numbers without a size are lengths.

// FileHeaderLen is the length of what a file begins with.
const FileHeaderLen = 9

var (
	// ErrMagic is the error for what is no RDB file.
	ErrMagic = errors.New("rdb: wrong signature trying to load DB from file")
	// ErrChecksum is the error for a file that is not as it was written.
	ErrChecksum = errors.New("rdb: RDB CRC error: the checksum is wrong")
	// ErrType is the error for a type or opcode that is not known.
	ErrType = fmt.Errorf("%w: unknown type", ErrCorrupt)
	// ErrModule is the error for values that only a module of Redis understands.
	ErrModule = errors.New("rdb: the file has values of a module, which cannot be read")
	// ErrFunctionPreGA is the error for functions in the form of a release candidate.
	ErrFunctionPreGA = errors.New("rdb: pre-release function format not supported")
)

// VersionError is the error for a file of a version that is not known.
type VersionError string

func (e VersionError) Error() string { return "rdb: can't handle RDB format version " + string(e) }

// AppendFileHeader starts a file.
func AppendFileHeader(dst []byte, version int) []byte {
	return fmt.Appendf(dst, "REDIS%04d", version)
}

// AppendAux appends an auxiliary field.
func AppendAux(dst []byte, name, value string) []byte {
	dst = AppendString(append(dst, byte(OpAux)), []byte(name), false)
	return AppendString(dst, []byte(value), false)
}

// AppendSelectDB appends the choice of a database.
func AppendSelectDB(dst []byte, db int) []byte {
	return AppendLen(append(dst, byte(OpSelectDB)), uint64(db))
}

// AppendResizeDB appends how many keys the database has, and how many of them expire.
func AppendResizeDB(dst []byte, keys, volatile int) []byte {
	return AppendLen(AppendLen(append(dst, byte(OpResizeDB)), uint64(keys)), uint64(volatile))
}

// AppendFunction appends the code of a library of functions.
func AppendFunction(dst, code []byte, compress bool) []byte {
	return AppendString(append(dst, byte(OpFunction2)), code, compress)
}

// AppendExpire appends the deadline, in Unix milliseconds, of the key that follows.
func AppendExpire(dst []byte, at int64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, byte(OpExpireTimeMs)), uint64(at))
}

// AppendFileEnd ends a file. sum is the checksum of everything up to and with the
// opcode OpEOF, which is not appended here, or 0 for none.
func AppendFileEnd(dst []byte, sum uint64) []byte {
	return binary.LittleEndian.AppendUint64(dst, sum)
}

// Reversioned gives the checksum of size bytes of a file of which the version in the
// header was changed from one to another, when sum is what it was before. (The checksum
// is linear: what changes it is that of the difference.)
func Reversioned(sum uint64, size int64, from, to int) uint64 {
	was, is := AppendFileHeader(nil, from), AppendFileHeader(nil, to)
	for i := range was {
		was[i] ^= is[i]
	}
	crc := CRC64(0, was)
	var zeros [4096]byte
	for left := size - FileHeaderLen; left > 0; left -= int64(len(zeros)) {
		crc = CRC64(crc, zeros[:min(left, int64(len(zeros)))])
	}
	return sum ^ crc
}

// Item is what a file has one of after another.
type Item struct {
	// Type is the type of a value, which the caller has to read next, or OpAux,
	// OpSelectDB, OpResizeDB, OpFunction2, OpModuleAux, OpSlotInfo or OpEOF.
	Type Type
	// Name is the key of a value or the name of an auxiliary field, Text what that
	// says, or the code of a library. They are valid until the next item is read.
	Name, Text []byte
	// DB is the database of a value.
	DB int
	// Keys and Volatile belong to OpResizeDB.
	Keys, Volatile uint64
	// ExpireAt is the deadline of a key in Unix milliseconds, or 0. Idle is for how
	// many seconds it had not been used, and Freq its use counter; -1 if the file
	// does not say.
	ExpireAt, Idle int64
	Freq           int
}

// File reads a file. It trusts nothing in it.
type File struct {
	Reader
	Version int
	// CheckSum says whether the checksum at the end is compared.
	CheckSum bool
	// Lenient has what is well formed but cannot be loaded, values of modules and
	// functions of a release candidate, passed over, values as items of their type
	// that are read already.
	Lenient bool
	// Sum is the checksum that the file ends with, once it has been read; 0 for none.
	Sum uint64

	whole  []byte
	summed int // bytes of whole that are in sum
	sum    uint64
	db     int
	name   []byte // memory for a compressed name,
	text   []byte // and a text
}

// OpenFile reads the header. b is the file, or begins with it.
func OpenFile(b []byte, checkSum bool) (*File, error) {
	if len(b) < FileHeaderLen || string(b[:5]) != "REDIS" {
		return nil, ErrMagic
	}
	digits := string(b[5:FileHeaderLen])
	version, err := strconv.Atoi(digits)
	if err != nil || version < 1 || version > MaxVersion {
		return nil, VersionError(digits)
	}
	return &File{
		Reader: NewReader(b[FileHeaderLen:]), Version: version, CheckSum: checkSum, whole: b,
		name: make([]byte, 0, 64),
	}, nil
}

// Offset is how far the file has been read, in bytes; after an error, up to where it was
// met.
func (f *File) Offset() int {
	return len(f.whole) - f.Unread()
}

// Before is the byte before an offset that is not 0.
func (f *File) Before(offset int) byte { return f.whole[offset-1] }

// sumStep is after how many bytes the checksum is brought up to date: they are in the
// caches still.
const sumStep = 64 << 10

// advance takes what has been read into the checksum.
func (f *File) advance(least int) {
	if at := f.Offset(); at-f.summed >= least {
		if f.CheckSum {
			f.sum = CRC64(f.sum, f.whole[f.summed:at])
		}
		f.summed = at
	}
}

// Next reads the next item, up to the value if it has one. After the last, of type
// OpEOF, Rest is what comes behind the file.
func (f *File) Next() (it Item, err error) {
	f.advance(sumStep)
	f.SetBudget(DefaultBudget + 16*len(f.Rest()))
	it.Idle, it.Freq = -1, -1
	for {
		if it.Type, err = f.Type(); err != nil {
			return it, err
		}
		switch it.Type {
		case OpExpireTime:
			var s uint32
			s, err = f.Uint32()
			it.ExpireAt = int64(int32(s)) * 1000
		case OpExpireTimeMs:
			var ms uint64
			ms, err = f.Uint64()
			it.ExpireAt = int64(ms)
		case OpIdle:
			it.Idle, err = f.idle()
		case OpFreq:
			var n byte
			n, err = f.Byte()
			it.Freq = int(n)
		case OpSlotInfo:
			for range 3 {
				_, err = f.plainLen()
			}
		default:
			return it, f.finish(&it)
		}
		if err != nil {
			return it, err
		}
	}
}

func (f *File) idle() (int64, error) {
	n, err := f.plainLen()
	return int64(min(n, 1<<40)), err
}

// plainLen reads a length that may be nothing else.
func (f *File) plainLen() (uint64, error) {
	n, encoded, err := f.Len()
	if err == nil && encoded {
		err = f.Fail(ErrCorrupt)
	}
	return n, err
}

// finish reads what follows the type of an item.
func (f *File) finish(it *Item) (err error) {
	it.DB = f.db
	switch it.Type {
	case OpEOF:
		return f.end()
	case OpSelectDB:
		n, err := f.plainLen()
		if err != nil {
			return err
		}
		if n > 1<<31-1 {
			return f.Fail(ErrCorrupt)
		}
		f.db, it.DB = int(n), int(n)
		return nil
	case OpResizeDB:
		it.Keys, _ = f.plainLen()
		it.Volatile, err = f.plainLen()
		return err
	case OpAux:
		it.Name, _ = f.keep(&f.name)
		it.Text, err = f.keep(&f.text)
		return err
	case OpFunction2:
		it.Text, err = f.keep(&f.text)
		return err
	case OpFunctionPreGA:
		return f.functionPreGA()
	case OpModuleAux:
		it.Name, err = f.module()
		return err
	}
	if !it.Type.IsValue() {
		return f.Fail(ErrType)
	}
	if it.Name, err = f.StringIn(f.name); err != nil {
		return err
	}
	switch it.Type {
	case TypeModule2:
		if f.Lenient {
			_, err = f.module()
			return err
		}
		return f.Fail(ErrModule)
	case TypeModulePreGA:
		return f.Fail(ErrModule)
	}
	return nil
}

// functionPreGA passes over a library in the form of the release candidates: name,
// engine, whether there is a description, that, and the code.
func (f *File) functionPreGA() error {
	if !f.Lenient {
		return f.Fail(ErrFunctionPreGA)
	}
	_, _ = f.keep(&f.text) // errors stick
	_, _ = f.keep(&f.text)
	described, err := f.plainLen()
	if described != 0 {
		_, _ = f.keep(&f.text)
	}
	if err == nil {
		_, err = f.keep(&f.text)
	}
	return err
}

// keep reads a string into buf, which it lets grow.
func (f *File) keep(buf *[]byte) ([]byte, error) {
	b, err := f.AppendString((*buf)[:0])
	if cap(b) <= sumStep {
		*buf = b[:0]
	}
	return b, err
}

// end reads the checksum.
func (f *File) end() error {
	f.advance(0)
	if f.Version < 5 {
		return nil
	}
	sum, err := f.Uint64()
	f.Sum = sum
	if err == nil && f.CheckSum && sum != 0 && sum != f.sum {
		return f.Fail(ErrChecksum)
	}
	return err
}

// The opcodes of what modules write beside the values.
const (
	moduleEnd = iota
	moduleInt
	moduleUint
	moduleFloat
	moduleDouble
	moduleString
)

// module passes over what a module has written, and gives the name of the module.
func (f *File) module() (name []byte, err error) {
	id, err := f.plainLen()
	for err == nil {
		var op uint64
		if op, err = f.plainLen(); err != nil || op == moduleEnd {
			break
		}
		switch op {
		case moduleInt, moduleUint:
			_, err = f.plainLen()
		case moduleFloat:
			_, err = f.Uint32()
		case moduleDouble:
			_, err = f.Uint64()
		case moduleString:
			_, err = f.keep(&f.text)
		default:
			err = f.Fail(ErrCorrupt)
		}
	}
	return moduleName(id), err
}

// moduleName gives the nine letters that are in an ID, six bits each, over ten bits of
// a version.
func moduleName(id uint64) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	name := make([]byte, 9)
	id >>= 10
	for i := len(name) - 1; i >= 0; i-- {
		name[i] = letters[id&63]
		id >>= 6
	}
	return name
}
