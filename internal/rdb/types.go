// Package rdb encodes and decodes values in the format of Redis's RDB files,
// which DUMP, RESTORE, MIGRATE and full synchronisation use as well.
//
// A value is a type byte followed by lengths and strings:
//
//	length   00xxxxxx                              6 bits
//	         01xxxxxx xxxxxxxx                     14 bits, big endian
//	         10000000 + 4 bytes                    32 bits, big endian
//	         10000001 + 8 bytes                    64 bits, big endian
//	string   length, bytes
//	         11000000 + 1 byte                     the decimal form of an int8
//	         11000001 + 2 bytes                    of an int16, little endian
//	         11000010 + 4 bytes                    of an int32, little endian
//	         11000011 length length bytes          LZF: compressed and plain length
//
// Encoders append to a slice and cannot fail. The decoder, Reader, trusts
// nothing that it reads. Each type's codec has a file of its own.
package rdb

// Version is the RDB version written, that of Redis 7.0. MaxVersion is the
// newest one read.
const (
	Version    = 10
	MaxVersion = 12
)

// Type is the byte that says how a value is encoded.
type Type byte

// The types of values, up to version 12 of the format. Each version writes some
// of them and reads all that came before.
const (
	TypeString              Type = 0
	TypeList                Type = 1
	TypeSet                 Type = 2
	TypeZset                Type = 3 // scores as text
	TypeHash                Type = 4
	TypeZset2               Type = 5 // scores as binary64
	TypeModulePreGA         Type = 6
	TypeModule2             Type = 7
	TypeHashZipmap          Type = 9
	TypeListZiplist         Type = 10
	TypeSetIntset           Type = 11
	TypeZsetZiplist         Type = 12
	TypeHashZiplist         Type = 13
	TypeListQuicklist       Type = 14
	TypeStreamListpacks     Type = 15
	TypeHashListpack        Type = 16
	TypeZsetListpack        Type = 17
	TypeListQuicklist2      Type = 18
	TypeStreamListpacks2    Type = 19
	TypeSetListpack         Type = 20 // version 11
	TypeStreamListpacks3    Type = 21 // version 11
	TypeHashMetadataPreGA   Type = 22 // version 12, before its release
	TypeHashListpackExPreGA Type = 23 // version 12, before its release
	TypeHashMetadata        Type = 24 // version 12: fields with expiry
	TypeHashListpackEx      Type = 25 // version 12
)

// The opcodes that stand in a file where a type may stand.
const (
	OpSlotInfo      Type = 244 // version 12
	OpFunction2     Type = 245
	OpFunctionPreGA Type = 246
	OpModuleAux     Type = 247
	OpIdle          Type = 248
	OpFreq          Type = 249
	OpAux           Type = 250
	OpResizeDB      Type = 251
	OpExpireTimeMs  Type = 252
	OpExpireTime    Type = 253
	OpSelectDB      Type = 254
	OpEOF           Type = 255
)

// IsValue tells whether t is the type of a value, and not an opcode or unknown.
func (t Type) IsValue() bool {
	return t <= TypeHashListpackEx && t != 8
}

// String names the type of a value by what it is and how it is stored.
func (t Type) String() string {
	if !t.IsValue() {
		return "Unknown type"
	}
	return typeNames[t]
}

var typeNames = [...]string{
	TypeString: "String", TypeList: "List", TypeSet: "Set", TypeZset: "Zset", TypeHash: "Hash", TypeZset2: "Zset",
	TypeModulePreGA: "Module", TypeModule2: "Module",
	TypeHashZipmap: "Zipmap", TypeListZiplist: "List ziplist", TypeSetIntset: "Intset", TypeZsetZiplist: "Zset ziplist",
	TypeHashZiplist: "Hash ziplist", TypeListQuicklist: "Quicklist ziplist",
	TypeStreamListpacks: "Stream listpack", TypeHashListpack: "Hash listpack", TypeZsetListpack: "Zset listpack",
	TypeListQuicklist2: "Quicklist listpack", TypeStreamListpacks2: "Stream listpack",
	TypeSetListpack: "Set listpack", TypeStreamListpacks3: "Stream listpack",
	TypeHashMetadataPreGA: "Hash", TypeHashListpackExPreGA: "Hash listpack",
	TypeHashMetadata: "Hash", TypeHashListpackEx: "Hash listpack",
}

// Since is the first version of the format with type t, at least Version.
func (t Type) Since() int {
	switch {
	case t < TypeSetListpack:
		return Version
	case t < TypeHashMetadataPreGA:
		return 11
	}
	return 12
}

// The first byte of a length says in its two top bits what follows.
const (
	len6   = 0x00
	len14  = 0x40
	len32  = 0x80
	len64  = 0x81
	lenEnc = 0xc0 // the low six bits are one of:

	encInt8  = 0
	encInt16 = 1
	encInt32 = 2
	encLZF   = 3
)
