// Package serial turns the values of a store into the bytes of package rdb and
// back. DUMP, RESTORE, snapshots and replication use it.
package serial

import (
	"fmt"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/store"
)

// Limits says which collections are small enough to be packed.
type Limits struct {
	HashEntries, HashValue int
	SetInts                int // integers in an intset
	SetEntries, SetValue   int // of other sets
	ZSetEntries, ZSetValue int
	ListFill, ListPlain    int // see qlist.NewFill
}

// LimitsOf gives the limits that are configured. listPlain is the size in bytes from
// which on an element of a list is a node of its own, 0 for Redis's.
func LimitsOf(c *config.Config, listPlain int) Limits {
	return Limits{
		HashEntries: int(c.HashMaxListpackEntries), HashValue: int(c.HashMaxListpackValue),
		SetInts:    int(c.SetMaxIntsetEntries),
		SetEntries: int(c.SetMaxListpackEntries), SetValue: int(c.SetMaxListpackValue),
		ZSetEntries: int(c.ZsetMaxListpackEntries), ZSetValue: int(c.ZsetMaxListpackValue),
		ListFill: c.ListMaxListpackSize, ListPlain: listPlain,
	}
}

// TypeOf is the type as which Append writes the value of an entry: what Redis 7.0
// writes, and for hashes that have fields with deadlines, which it does not know,
// what 7.4 does.
func TypeOf(e store.Entry) rdb.Type {
	packed := e.Packed()
	switch e.Type() {
	case store.String:
		return rdb.TypeString
	case store.List:
		return rdb.TypeListQuicklist2
	case store.Set:
		if packed && e.Intset() {
			return rdb.TypeSetIntset
		}
		return rdb.TypeSet
	case store.ZSet:
		if packed {
			return rdb.TypeZsetListpack
		}
		return rdb.TypeZset2
	case store.Hash:
		switch {
		case packed && e.Timed():
			return rdb.TypeHashListpackEx
		case packed:
			return rdb.TypeHashListpack
		case e.Object().(*dict.Dict).Volatile() > 0:
			return rdb.TypeHashMetadata
		}
		return rdb.TypeHash
	}
	return rdb.TypeStreamListpacks2
}

// Append appends the value of an entry, without its type. With compress, strings
// that become shorter are compressed.
func Append(dst []byte, e store.Entry, compress bool) []byte {
	return AppendPieces(dst, e, compress, 0, nil)
}

// AppendPieces is Append that calls full, between two parts of a large collection, with what
// there is when that is piece bytes or more, also what was in dst; full gives the buffer for
// what follows.
func AppendPieces(dst []byte, e store.Entry, compress bool, piece int, full func(b []byte) []byte) []byte {
	if e.Type() == store.String {
		if n, ok := e.Int(); ok {
			return rdb.AppendInt(dst, n)
		}
		return rdb.AppendString(dst, e.Bytes(nil), compress)
	}
	a := appender{dst, compress, piece, full}
	if e.Packed() {
		a.packed(e)
		return a.b
	}
	switch o := e.Object().(type) {
	case *dict.Dict:
		a.dict(o)
	case *qlist.List:
		a.list(o)
	case *zset.ZSet:
		a.zset(o)
	case *stream.Stream:
		a.stream(o)
	default:
		panic(fmt.Sprintf("serial: no way to write a %T", o))
	}
	return a.b
}

// AppendDump appends the payload of DUMP.
func AppendDump(dst []byte, e store.Entry, compress bool) []byte {
	start := len(dst)
	dst = Append(rdb.AppendDumpHeader(dst, TypeOf(e)), e, compress)
	return rdb.AppendDumpFooter(dst, start)
}
