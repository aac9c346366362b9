package rdb

import (
	"encoding/binary"
	"errors"
)

// The payload of DUMP is
//
//	type byte | value | version, 2 bytes LE | CRC-64 of all before it, 8 bytes LE

// DumpFooterLen is the length of what follows the value in a payload, in bytes.
const DumpFooterLen = 2 + 8

// ErrDump reports a payload whose version or checksum are wrong. RESTORE answers
// "ERR DUMP payload version or checksum are wrong" to it.
var ErrDump = errors.New("rdb: DUMP payload version or checksum are wrong")

// AppendDumpHeader starts a payload. The caller appends the value and ends with
// AppendDumpFooter.
func AppendDumpHeader(dst []byte, t Type) []byte {
	return append(dst, byte(t))
}

// AppendDumpFooter ends the payload that started at dst[start]. Its version is
// Version, or the first that knows the type.
func AppendDumpFooter(dst []byte, start int) []byte {
	version := Version
	if start < len(dst) {
		version = Type(dst[start]).Since()
	}
	dst = binary.LittleEndian.AppendUint16(dst, uint16(version))
	return binary.LittleEndian.AppendUint64(dst, CRC64(0, dst[start:]))
}

// VerifyDump checks the footer of a payload and returns what is before it: the
// type byte and the value. The body aliases payload. Without check (Redis's
// DEBUG setting for tests) the checksum may be anything.
func VerifyDump(payload []byte, check bool) (body []byte, err error) {
	end := len(payload) - DumpFooterLen
	if end < 0 || binary.LittleEndian.Uint16(payload[end:]) > MaxVersion {
		return nil, ErrDump
	}
	sum := binary.LittleEndian.Uint64(payload[end+2:])
	if check && sum != CRC64(0, payload[:end+2]) {
		return nil, ErrDump
	}
	return payload[:end:end], nil
}
