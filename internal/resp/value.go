package resp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Kinds of values: the first byte of each in the protocol.
const (
	KindSimple    byte = '+'
	KindError     byte = '-'
	KindInt       byte = ':'
	KindBulk      byte = '$'
	KindArray     byte = '*'
	KindNull      byte = '_'
	KindDouble    byte = ','
	KindBool      byte = '#'
	KindBulkError byte = '!'
	KindVerbatim  byte = '='
	KindBigNumber byte = '('
	KindMap       byte = '%'
	KindSet       byte = '~'
	KindPush      byte = '>'
	KindAttribute byte = '|'
)

// Value is one reply, of RESP2 or RESP3. It owns its memory.
type Value struct {
	// Kind says which of the other fields are in use.
	Kind byte
	// Null marks the absent value, of kind bulk or array in RESP2.
	Null bool
	// Str is the content of strings and errors, of verbatim ones with "txt:" in
	// front, and the text of doubles and big numbers as it was received.
	Str []byte
	// Int is an integer, or 1 for true.
	Int int64
	// Float is a double.
	Float float64
	// Elems are the elements of an aggregate, of a map keys and values in turn.
	Elems []Value
	// Attrs are the attributes sent before the value, keys and values in turn.
	Attrs []Value
}

// ErrReply is the cause of an error for bytes that are not a reply; errors of
// the connection are returned as they are.
var ErrReply = errors.New("malformed reply")

// readStep is how far memory for a string may run ahead of its bytes.
const readStep = 64 << 10

// ReadValue reads one reply. Aggregates within aggregates deeper than maxDepth,
// and strings, lines or aggregates longer than maxBulk bytes or elements, are an
// error that wraps ErrReply. Nothing is allocated before it arrives.
func ReadValue(br *bufio.Reader, maxDepth, maxBulk int) (Value, error) {
	return (&valueReader{br, maxBulk}).value(maxDepth)
}

type valueReader struct {
	br  *bufio.Reader
	max int
}

func malformed(what string, b []byte) error {
	return fmt.Errorf("%w: %s %.64q", ErrReply, what, b)
}

func (r *valueReader) value(depth int) (Value, error) {
	line, err := r.line()
	if err != nil {
		return Value{}, err
	}
	if len(line) == 0 {
		return Value{}, malformed("empty line", nil)
	}
	v := Value{Kind: line[0]}
	text := line[1:]
	switch v.Kind {
	case KindSimple, KindError:
		v.Str = bytes.Clone(text)
	case KindInt:
		var ok bool
		if v.Int, ok = parseInt(text); !ok {
			return Value{}, malformed("integer", text)
		}
	case KindDouble:
		v.Str = bytes.Clone(text)
		if v.Float, err = parseDouble(text); err != nil {
			return Value{}, err
		}
	case KindBigNumber:
		if v.Str = bytes.Clone(text); !isBigNumber(text) {
			return Value{}, malformed("big number", text)
		}
	case KindBool:
		if len(text) != 1 || text[0] != 't' && text[0] != 'f' {
			return Value{}, malformed("boolean", text)
		}
		if text[0] == 't' {
			v.Int = 1
		}
	case KindNull:
		if v.Null = true; len(text) != 0 {
			return Value{}, malformed("null", text)
		}
	case KindBulk, KindBulkError, KindVerbatim:
		return r.bulk(v, text)
	case KindArray, KindMap, KindSet, KindPush, KindAttribute:
		return r.aggregate(v, text, depth)
	default:
		return Value{}, malformed("type", line)
	}
	return v, nil
}

// bulk reads the rest of a string whose length is text.
func (r *valueReader) bulk(v Value, text []byte) (Value, error) {
	n, ok := parseInt(text)
	if ok && n == -1 && v.Kind == KindBulk {
		v.Null = true
		return v, nil
	}
	if !ok || n < 0 || n > int64(r.max) {
		return Value{}, malformed("length", text)
	}
	v.Str = make([]byte, 0, min(int(n), readStep))
	for left := int(n); left > 0; {
		step := min(left, max(readStep, len(v.Str)))
		from := len(v.Str)
		v.Str = append(v.Str, make([]byte, step)...)
		if _, err := io.ReadFull(r.br, v.Str[from:]); err != nil {
			return Value{}, unexpected(err)
		}
		left -= step
	}
	var end [2]byte
	if _, err := io.ReadFull(r.br, end[:]); err != nil {
		return Value{}, unexpected(err)
	}
	if end != [2]byte{'\r', '\n'} {
		return Value{}, malformed("end of string", end[:])
	}
	if v.Kind == KindVerbatim && (n < 4 || v.Str[3] != ':') {
		return Value{}, malformed("verbatim string", v.Str)
	}
	return v, nil
}

// aggregate reads the elements of an aggregate whose length is text. Attributes
// are given to the value that follows them.
func (r *valueReader) aggregate(v Value, text []byte, depth int) (Value, error) {
	n, ok := parseInt(text)
	if ok && n == -1 && v.Kind == KindArray {
		v.Null = true
		return v, nil
	}
	if !ok || n < 0 || n > int64(r.max) {
		return Value{}, malformed("length", text)
	}
	if depth <= 0 {
		return Value{}, malformed("too deep", nil)
	}
	if v.Kind == KindMap || v.Kind == KindAttribute {
		if n *= 2; n > int64(r.max) {
			return Value{}, malformed("length", text)
		}
	}
	for ; n > 0; n-- {
		e, err := r.value(depth - 1)
		if err != nil {
			return Value{}, unexpected(err)
		}
		v.Elems = append(v.Elems, e)
	}
	if v.Kind != KindAttribute {
		return v, nil
	}
	about, err := r.value(depth - 1)
	if err != nil {
		return Value{}, unexpected(err)
	}
	about.Attrs = append(v.Elems, about.Attrs...)
	return about, nil
}

// line returns the bytes up to the next line end, valid until the next read.
func (r *valueReader) line() ([]byte, error) {
	line, err := r.br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line = bytes.Clone(line)
	}
	for err == bufio.ErrBufferFull && len(line) <= r.max+3 {
		var part []byte
		part, err = r.br.ReadSlice('\n')
		line = append(line, part...)
	}
	switch {
	case err == bufio.ErrBufferFull, len(line) > r.max+3: // type and line end are not counted
		return nil, malformed("line too long", line)
	case err != nil && len(line) > 0:
		return nil, unexpected(err)
	case err != nil:
		return nil, err
	case len(line) < 2 || line[len(line)-2] != '\r':
		return nil, malformed("end of line", line)
	}
	return line[:len(line)-2], nil
}

// unexpected turns the end of the stream within a value into an error.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func parseDouble(text []byte) (float64, error) {
	for _, c := range text {
		// ParseFloat accepts more forms than the protocol has.
		if c == '_' || c|0x20 == 'x' || c|0x20 == 'p' {
			return 0, malformed("double", text)
		}
	}
	s := string(text)
	if s == "-nan" {
		s = "nan"
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, malformed("double", text)
	}
	return f, nil
}

func isBigNumber(text []byte) bool {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}

// IsError reports whether the reply is an error.
func (v Value) IsError() bool { return v.Kind == KindError || v.Kind == KindBulkError }

// String renders the value on one line so that values of different content or
// kind look different:
//
//	+OK  -ERR text  12  "bulk\r\n"  ,1.5  #t  (123  ="txt:…"  !"ERR text"
//	nil (RESP3)  nil$  nil* (RESP2)
//	[1, 2]  {"k": "v"}  ~[1]  >["message"]  and before a value its attributes |{"k": 1}
func (v Value) String() string { return string(v.append(nil)) }

func (v Value) append(dst []byte) []byte {
	if len(v.Attrs) > 0 {
		dst = appendPairs(append(dst, '|'), v.Attrs)
		dst = append(dst, ' ')
	}
	switch v.Kind {
	case KindNull:
		return append(dst, "nil"...)
	case KindBulk, KindArray:
		if v.Null {
			return append(append(dst, "nil"...), v.Kind)
		}
		if v.Kind == KindBulk {
			return strconv.AppendQuote(dst, string(v.Str))
		}
		return appendList(dst, v.Elems)
	case KindInt:
		return strconv.AppendInt(dst, v.Int, 10)
	case KindBool:
		if v.Int != 0 {
			return append(dst, "#t"...)
		}
		return append(dst, "#f"...)
	case KindMap:
		return appendPairs(dst, v.Elems)
	case KindSet, KindPush:
		return appendList(append(dst, v.Kind), v.Elems)
	case KindVerbatim, KindBulkError:
		return strconv.AppendQuote(append(dst, v.Kind), string(v.Str))
	}
	return append(append(dst, v.Kind), v.Str...)
}

func appendList(dst []byte, elems []Value) []byte {
	dst = append(dst, '[')
	for i, e := range elems {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = e.append(dst)
	}
	return append(dst, ']')
}

func appendPairs(dst []byte, elems []Value) []byte {
	dst = append(dst, '{')
	for i, e := range elems {
		switch {
		case i == 0:
		case i%2 == 0:
			dst = append(dst, ", "...)
		default:
			dst = append(dst, ": "...)
		}
		dst = e.append(dst)
	}
	return append(dst, '}')
}
