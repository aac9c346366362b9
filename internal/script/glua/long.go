package glua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Long strings. Nothing interrupts the copying of memory, not even a wish of the collector's
// to stop all goroutines: whoever joins two strings of 256 MB by one copy has the whole
// process wait for its end, some 100 ms, or seven times that where the system has to find
// the pages first. So what may be long is built by the functions below. They copy pieces,
// each by a call of its own, as the begin of a function is where a goroutine stops that has
// been told to; within a loop that does nothing but copy only a signal would stop it, which
// finds it copying nearly every time.

// pieceSize is the most bytes that are copied at a time.
const pieceSize = 256 << 10

//go:noinline
func appendPiece[T ~string | ~[]byte](b []byte, s T) []byte { return append(b, s...) }

//go:noinline
func writePiece(w *strings.Builder, s string) { w.WriteString(s) }

// appendLong is append for what may be long, or be added to what is long.
func appendLong[T ~string | ~[]byte](b []byte, s T) []byte {
	if len(b)+len(s) <= pieceSize {
		return append(b, s...)
	}
	for b = room(b, len(s)); len(s) > pieceSize; s = s[pieceSize:] {
		b = appendPiece(b, s[:pieceSize])
	}
	return appendPiece(b, s)
}

// appendByte is appendLong for one byte.
func appendByte(b []byte, c byte) []byte {
	if len(b) == cap(b) {
		b = room(b, 1)
	}
	return append(b, c)
}

// room gives b with room for n more bytes at least.
func room(b []byte, n int) []byte {
	if n <= cap(b)-len(b) {
		return b
	}
	old := b
	b = make([]byte, 0, len(old)+max(len(old)/2, n, 64))
	for ; len(old) > pieceSize; old = old[pieceSize:] {
		b = appendPiece(b, old[:pieceSize])
	}
	return appendPiece(b, old)
}

// writeLong is for what may be long; w should have room for it.
func writeLong(w *strings.Builder, s string) {
	for ; len(s) > pieceSize; s = s[pieceSize:] {
		writePiece(w, s[:pieceSize])
	}
	writePiece(w, s)
}

// joined is strings and numbers, of at most size bytes together, one behind the other.
func joined(size int, values ...lua.LValue) lua.LString {
	var w strings.Builder
	w.Grow(size)
	for _, v := range values {
		if s, ok := v.(lua.LString); ok {
			writeLong(&w, string(s))
		} else {
			w.Write(appendString(nil, v))
		}
	}
	return lua.LString(w.String())
}

// repeated is n times s.
func repeated(s string, n int) lua.LString {
	size := n * len(s)
	if size <= pieceSize {
		return lua.LString(strings.Repeat(s, n))
	}
	var w strings.Builder
	w.Grow(size)
	for writeLong(&w, s); w.Len() < size; {
		have := w.String() // a multiple of s
		writeLong(&w, have[:min(len(have), size-len(have), max(pieceSize/len(s), 1)*len(s))])
	}
	return lua.LString(w.String())
}

// text makes a string of b.
func text(b []byte) lua.LString {
	if len(b) <= pieceSize {
		return lua.LString(b)
	}
	var w strings.Builder
	for w.Grow(len(b)); len(b) > pieceSize; b = b[pieceSize:] {
		writePiece(&w, string(b[:pieceSize]))
	}
	writePiece(&w, string(b))
	return lua.LString(w.String())
}
