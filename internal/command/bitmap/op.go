package bitmap

import (
	"bytes"
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
// the sources up again, and goes through them a block at a time. A source that
// is the destination too is read before its block is written.
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
	dst := destination(c, k, n)
	var buf [16]store.Entry
	sources := buf[:0]
	for i := 3; i < len(c.Args); i++ {
		s := c.Key(i)
		sources = append(sources, c.Keyspace(s).Find(s))
	}
	combine(dst, sources, op)
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
// as well it keeps its bytes, with zeros behind them; that does not change its
// part in the outcome.
func destination(c *command.Ctx, k store.Key, n int) (dst []byte) {
	ks := c.Keyspace(k)
	e := c.Write(k)
	if isSource(c, k.B) {
		kept := e
		if e.Ok() {
			kept = ks.SetDeadline(k, e, 0)
		}
		_, dst = ks.Resize(k, kept, n)
	} else {
		_, dst = ks.NewString(k, e, n, 0)
	}
	if !e.Ok() {
		c.Event(k, command.NotifyNew, "new")
	}
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

// combine writes the outcome of op to dst; sources that are shorter count as
// filled up with zeros.
func combine(dst []byte, sources []store.Entry, op operation) {
	var buf [2048]byte
	var digits store.Scratch
	for at := 0; at < len(dst); at += len(buf) {
		acc := buf[:min(len(buf), len(dst)-at)]
		for i, e := range sources {
			src := block(e, &digits, at, len(acc))
			if i == 0 {
				clear(acc[copy(acc, src):])
				continue
			}
			switch op {
			case opAnd:
				and(acc, src)
				clear(acc[len(src):])
			case opOr:
				or(acc, src)
			case opXor:
				xor(acc, src)
			}
		}
		if op == opNot {
			not(acc)
		}
		copy(dst[at:], acc)
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

// The loops below take 32 bytes at a time; dst is at least as long as src.

func and(dst, src []byte) {
	for ; len(src) >= 32; dst, src = dst[32:], src[32:] {
		d, s := dst[:32:32], src[:32:32]
		put(d[0:], word(d[0:])&word(s[0:]))
		put(d[8:], word(d[8:])&word(s[8:]))
		put(d[16:], word(d[16:])&word(s[16:]))
		put(d[24:], word(d[24:])&word(s[24:]))
	}
	for i, x := range src {
		dst[i] &= x
	}
}

func or(dst, src []byte) {
	for ; len(src) >= 32; dst, src = dst[32:], src[32:] {
		d, s := dst[:32:32], src[:32:32]
		put(d[0:], word(d[0:])|word(s[0:]))
		put(d[8:], word(d[8:])|word(s[8:]))
		put(d[16:], word(d[16:])|word(s[16:]))
		put(d[24:], word(d[24:])|word(s[24:]))
	}
	for i, x := range src {
		dst[i] |= x
	}
}

func xor(dst, src []byte) {
	for ; len(src) >= 32; dst, src = dst[32:], src[32:] {
		d, s := dst[:32:32], src[:32:32]
		put(d[0:], word(d[0:])^word(s[0:]))
		put(d[8:], word(d[8:])^word(s[8:]))
		put(d[16:], word(d[16:])^word(s[16:]))
		put(d[24:], word(d[24:])^word(s[24:]))
	}
	for i, x := range src {
		dst[i] ^= x
	}
}

func not(dst []byte) {
	for ; len(dst) >= 8; dst = dst[8:] {
		put(dst, ^word(dst))
	}
	for i := range dst {
		dst[i] = ^dst[i]
	}
}

func word(b []byte) uint64   { return binary.LittleEndian.Uint64(b) }
func put(b []byte, x uint64) { binary.LittleEndian.PutUint64(b, x) }
