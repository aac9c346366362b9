// Package hyperloglog is the family of commands that estimate how many different
// elements were seen. Their values are strings, in the bytes of Redis; see
// package hll.
package hyperloglog

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/hll"
	"github.com/redstart-db/redstart/internal/store"
)

const write = command.Write | command.DenyOOM

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "pfadd", Arity: -2, Flags: write | command.Fast, First: 1, Last: 1, Step: 1, Run: pfAdd},
		{Name: "pfcount", Arity: -2, Flags: command.ReadOnly | command.MayReplicate, First: 1, Last: -1, Step: 1, Run: pfCount},
		{Name: "pfdebug", Arity: 3, Flags: write | command.Admin, First: 2, Last: 2, Step: 1, Run: pfDebug},
		{Name: "pfmerge", Arity: -2, Flags: write, First: 1, Last: -1, Step: 1, Run: pfMerge},
		{Name: "pfselftest", Arity: 1, Flags: command.Admin, Run: pfSelfTest},
	}
}

const (
	errNotHLL  = "WRONGTYPE Key is not a valid HyperLogLog string value."
	errCorrupt = "INVALIDOBJ Corrupted HLL object detected"
)

// stackRoom is the size of the buffers in which handlers edit sparse values
// without taking memory from the heap. By default sparse values have up to 3000
// bytes, and a change may add up to 3 before it is found to be too much.
const stackRoom = 3072

// checked gives the bytes of a HyperLogLog; ok is false, and the error is in the
// reply, when e is something else.
func checked(c *command.Ctx, e store.Entry) (v []byte, ok bool) {
	if e.Type() != store.String {
		c.Err(command.ErrWrongType)
		return nil, false
	}
	if v = c.Value(e); !hll.Check(v) {
		c.Err(errNotHLL)
		return nil, false
	}
	return v, true
}

// writable gives the bytes of e, a HyperLogLog, to be changed in place. As in
// Redis, its encoding is raw from then on.
func writable(c *command.Ctx, k store.Key, e store.Entry) []byte {
	_, v := c.Keyspace(k).Resize(k, e, e.Len())
	return v
}

// put stores v as the value of k, in the place of e, a HyperLogLog or nothing.
func put(c *command.Ctx, k store.Key, e store.Entry, v []byte) {
	_, dst := c.Keyspace(k).Resize(k, e, len(v))
	copy(dst, v)
}

// promote makes e, a sparse value or nothing, a dense one of the given registers,
// and gives a view of it.
func promote(c *command.Ctx, k store.Key, e store.Entry, regs *hll.All) []byte {
	_, v := c.Keyspace(k).Resize(k, e, hll.DenseSize)
	if !e.Ok() {
		copy(v, hll.Empty)
	}
	regs.PutDense(v)
	return v
}
