package rdb

import (
	"encoding/binary"
	"math"

	"github.com/redstart-db/redstart/internal/ds/idtree"
)

// These append the parts of collections in the forms of version 10. A count of
// elements (AppendLen) goes before them; packed collections are one string
// (AppendString).

// AppendListNode appends a node of TypeListQuicklist2: a listpack or, with plain,
// the bytes of one element.
func AppendListNode(dst []byte, plain bool, data []byte, compress bool) []byte {
	container := byte(containerPacked)
	if plain {
		container = containerPlain
	}
	return AppendString(append(dst, container), data, compress)
}

// AppendScored appends a member of TypeZset2. Redis writes them from the greatest
// to the least.
func AppendScored(dst, member []byte, score float64, compress bool) []byte {
	dst = AppendString(dst, member, compress)
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(score))
}

// AppendLeast appends what stands before the count of fields of TypeHashMetadata,
// and before the listpack of TypeHashListpackEx: the least deadline in Unix
// milliseconds.
func AppendLeast(dst []byte, at int64) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(at))
}

// AppendDeadline appends what stands before a field of TypeHashMetadata: its
// deadline in Unix milliseconds, or 0. least is what AppendLeast got.
func AppendDeadline(dst []byte, at, least int64) []byte {
	if at == 0 {
		return AppendLen(dst, 0)
	}
	return AppendLen(dst, uint64(at-least)+1)
}

// AppendStreamNode appends a node of a stream. master is the ID of its master
// entry, entries the listpack.
func AppendStreamNode(dst []byte, master idtree.ID, entries []byte, compress bool) []byte {
	dst = appendRawID(AppendLen(dst, 16), master)
	return AppendString(dst, entries, compress)
}

// AppendStreamState appends what follows the nodes of TypeStreamListpacks2, up to
// the number of groups.
func AppendStreamState(dst []byte, s StreamState, groups int) []byte {
	dst = appendID(AppendLen(dst, s.Length), s.Last)
	dst = appendID(appendID(dst, s.First), s.MaxDeleted)
	return AppendLen(AppendLen(dst, s.Added), uint64(groups))
}

// AppendStreamGroup appends a group of TypeStreamListpacks2, up to the number of
// its pending entries.
func AppendStreamGroup(dst []byte, g StreamGroup, compress bool) []byte {
	dst = appendID(AppendString(dst, g.Name, compress), g.Last)
	return AppendLen(AppendLen(dst, g.Read), uint64(g.Pending))
}

// AppendStreamPending appends a pending entry of a group. The number of consumers
// (AppendLen) goes behind the last.
func AppendStreamPending(dst []byte, p StreamPending) []byte {
	dst = appendRawID(dst, p.ID)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(p.Delivered))
	return AppendLen(dst, p.Deliveries)
}

// AppendStreamConsumer appends a consumer of TypeStreamListpacks2, up to the number
// of its pending entries.
func AppendStreamConsumer(dst []byte, c StreamConsumer, compress bool) []byte {
	dst = AppendString(dst, c.Name, compress)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(c.Seen))
	return AppendLen(dst, uint64(c.Owned))
}

// AppendStreamOwned appends the ID of a consumer's pending entry.
func AppendStreamOwned(dst []byte, id idtree.ID) []byte { return appendRawID(dst, id) }

func appendID(dst []byte, id idtree.ID) []byte {
	return AppendLen(AppendLen(dst, id.MS), id.Seq)
}

func appendRawID(dst []byte, id idtree.ID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, id.MS), id.Seq)
}
