package bitmap

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

type operation uint8

const (
	opAnd operation = iota
	opOr
	opXor
	opNot
)

func parseOp(word []byte) (op operation, ok bool) {
	switch {
	case command.EqualFold(word, "AND"):
		return opAnd, true
	case command.EqualFold(word, "OR"):
		return opOr, true
	case command.EqualFold(word, "XOR"):
		return opXor, true
	case command.EqualFold(word, "NOT"):
		return opNot, true
	}
	return 0, false
}

// bitOp computes straight into the destination: it takes the room there, looks
// the sources up again, and goes through them a block at a time.
func bitOp(c *command.Ctx) {
	op, ok := parseOp(c.Args[1])
	if !ok {
		c.Err(command.ErrSyntax)
		return
	}
	if op == opNot && len(c.Args) != 4 {
		c.Err("ERR BITOP NOT must be called with a single source key.")
		return
	}
	n, ok := longest(c)
	if !ok {
		return
	}
	k := c.Key(2)
	if n == 0 {
		if e := c.Write(k); e.Ok() {
			c.Keyspace(k).Remove(k, e)
			c.Changed(k, command.NotifyGeneric, "del")
		}
		c.Int(0)
		return
	}
	dst, aliased := destination(c, k, n)
	var buf [16]store.Entry
	sources := buf[:0]
	for i := 3; i < len(c.Args); i++ {
		s := c.Key(i)
		sources = append(sources, c.Keyspace(s).Find(s))
	}
	if op == opNot {
		var digits store.Scratch
		not(dst, sources[0].Bytes(&digits))
	} else {
		combine(dst, sources, op, aliased)
	}
	c.Changed(k, command.NotifyString, "set")
	c.Int(int64(n))
}

// longest looks the sources up and gives the length of the longest one.
func longest(c *command.Ctx) (n int, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		e, ok := c.ReadType(c.Key(i), store.String)
		if !ok {
			return 0, false
		}
		if e.Ok() {
			n = max(n, e.Len())
		}
	}
	return n, true
}

// destination makes k a string of n bytes without a deadline. If it is a source
// as well (aliased) it keeps its bytes, with zeros behind them; that does not
// change its part in the outcome.
func destination(c *command.Ctx, k store.Key, n int) (dst []byte, aliased bool) {
	ks := c.Keyspace(k)
	e := c.Write(k)
	aliased = isSource(c, k.B)
	if aliased || e.Ok() && e.Type() == store.String && e.Len() == n {
		dst = resizePersistent(ks, k, e, n)
	} else {
		_, dst = ks.NewString(k, e, n, 0)
	}
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
	return dst, aliased
}

// resizePersistent resizes the value of e, a string or nothing, and takes the
// deadline off it. If there is no memory for that, all stays as it was.
func resizePersistent(ks *store.Keyspace, k store.Key, e store.Entry, n int) (dst []byte) {
	at := int64(0)
	if e.Ok() {
		at = e.Deadline()
	}
	if at == 0 {
		_, dst = ks.Resize(k, e, n)
		return dst
	}
	e = ks.SetDeadline(k, e, 0)
	defer func() {
		if dst == nil {
			ks.SetDeadline(k, e, at) // in the room that it has just left
		}
	}()
	_, dst = ks.Resize(k, e, n)
	return dst
}

func isSource(c *command.Ctx, key []byte) bool {
	for _, s := range c.Args[3:] {
		if bytes.Equal(s, key) {
			return true
		}
	}
	return false
}

const blockSize = 16 << 10 // so that what several sources share stays in the first cache

// combine writes the outcome of AND, OR or XOR to dst; sources that are shorter
// count as filled up with zeros. A third source that is the destination must
// not be written before it is read, so then a block is computed elsewhere.
func combine(dst []byte, sources []store.Entry, op operation, aliased bool) {
	if aliased && len(sources) > 2 {
		combineAside(dst, sources, op)
		return
	}
	for at := 0; at < len(dst); at += blockSize {
		combineBlock(dst[at:min(at+blockSize, len(dst))], sources, op, at)
	}
}

func combineAside(dst []byte, sources []store.Entry, op operation) {
	var buf [2048]byte
	for at := 0; at < len(dst); at += len(buf) {
		acc := buf[:min(len(buf), len(dst)-at)]
		combineBlock(acc, sources, op, at)
		copy(dst[at:], acc)
	}
}

// combineBlock computes the block at the given place.
func combineBlock(acc []byte, sources []store.Entry, op operation, at int) {
	var digits [2]store.Scratch
	first := block(sources[0], &digits[0], at, len(acc))
	if len(sources) == 1 {
		clear(acc[copy(acc, first):])
		return
	}
	merge(acc, first, block(sources[1], &digits[1], at, len(acc)), op)
	for _, e := range sources[2:] {
		merge(acc, acc, block(e, &digits[0], at, len(acc)), op)
	}
}

// block is what a source has of the n bytes from at on.
func block(e store.Entry, digits *store.Scratch, at, n int) []byte {
	if !e.Ok() {
		return nil
	}
	v := e.Bytes(digits)
	if at >= len(v) {
		return nil
	}
	return v[at:min(at+n, len(v))]
}

// merge writes a op b to dst, which is at least as long as both and may be one
// of them.
func merge(dst, a, b []byte, op operation) {
	if len(a) < len(b) {
		a, b = b, a
	}
	n := len(b)
	switch op {
	case opAnd:
		and(dst[:n], a[:n], b)
		clear(dst[n:])
		return
	case opOr:
		or(dst[:n], a[:n], b)
	case opXor:
		xor(dst[:n], a[:n], b)
	}
	copy(dst[n:], a[n:])
	clear(dst[len(a):])
}

// The loops below take 64 bytes at a time; all arguments have one length. The
// standard library has that of xor in assembly.

func and(dst, a, b []byte) {
	i := 0
	for ; i <= len(dst)-64; i += 64 {
		d, x, y := dst[i:i+64:i+64], a[i:i+64:i+64], b[i:i+64:i+64]
		put(d[0:], word(x[0:])&word(y[0:]))
		put(d[8:], word(x[8:])&word(y[8:]))
		put(d[16:], word(x[16:])&word(y[16:]))
		put(d[24:], word(x[24:])&word(y[24:]))
		put(d[32:], word(x[32:])&word(y[32:]))
		put(d[40:], word(x[40:])&word(y[40:]))
		put(d[48:], word(x[48:])&word(y[48:]))
		put(d[56:], word(x[56:])&word(y[56:]))
	}
	for ; i < len(dst); i++ {
		dst[i] = a[i] & b[i]
	}
}

func or(dst, a, b []byte) {
	i := 0
	for ; i <= len(dst)-64; i += 64 {
		d, x, y := dst[i:i+64:i+64], a[i:i+64:i+64], b[i:i+64:i+64]
		put(d[0:], word(x[0:])|word(y[0:]))
		put(d[8:], word(x[8:])|word(y[8:]))
		put(d[16:], word(x[16:])|word(y[16:]))
		put(d[24:], word(x[24:])|word(y[24:]))
		put(d[32:], word(x[32:])|word(y[32:]))
		put(d[40:], word(x[40:])|word(y[40:]))
		put(d[48:], word(x[48:])|word(y[48:]))
		put(d[56:], word(x[56:])|word(y[56:]))
	}
	for ; i < len(dst); i++ {
		dst[i] = a[i] | b[i]
	}
}

func xor(dst, a, b []byte) { subtle.XORBytes(dst, a, b) }

func not(dst, a []byte) {
	i := 0
	for ; i <= len(dst)-64; i += 64 {
		d, x := dst[i:i+64:i+64], a[i:i+64:i+64]
		put(d[0:], ^word(x[0:]))
		put(d[8:], ^word(x[8:]))
		put(d[16:], ^word(x[16:]))
		put(d[24:], ^word(x[24:]))
		put(d[32:], ^word(x[32:]))
		put(d[40:], ^word(x[40:]))
		put(d[48:], ^word(x[48:]))
		put(d[56:], ^word(x[56:]))
	}
	for ; i < len(dst); i++ {
		dst[i] = ^a[i]
	}
}

func word(b []byte) uint64   { return binary.LittleEndian.Uint64(b) }
func put(b []byte, x uint64) { binary.LittleEndian.PutUint64(b, x) }
