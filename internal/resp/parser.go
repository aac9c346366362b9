package resp

import (
	"bytes"
	"math"

	"github.com/redstart-db/redstart/internal/words"
)

const (
	// maxHeader is how many bytes may wait for the end of an inline request or
	// of a header before the client is refused.
	maxHeader = 64 << 10

	defaultMaxBulk = 512 << 20
	maxArgs        = math.MaxInt32

	// What a client that has not logged in may send.
	unauthArgs = 10
	unauthBulk = 16384

	// Larger working slices are not kept from one request to the next.
	keptArgs    = 1024
	keptScratch = 4096
)

// ProtocolError is a request that cannot be read. Its text is what follows
// "-ERR " in the reply, after which the connection is closed.
type ProtocolError string

func (e ProtocolError) Error() string { return string(e) }

const (
	errInline        ProtocolError = "Protocol error: too big inline request"
	errQuotes        ProtocolError = "Protocol error: unbalanced quotes in request"
	errCountTooBig   ProtocolError = "Protocol error: too big mbulk count string"
	errCount         ProtocolError = "Protocol error: invalid multibulk length"
	errCountUnauth   ProtocolError = "Protocol error: unauthenticated multibulk length"
	errBulkLenTooBig ProtocolError = "Protocol error: too big bulk count string"
	errBulkLen       ProtocolError = "Protocol error: invalid bulk length"
	errBulkLenUnauth ProtocolError = "Protocol error: unauthenticated bulk length"
)

// Parser reads requests and keeps the progress of one that has arrived only in
// part, so that its bytes are not scanned again when more of them come. The zero
// value is ready for use.
//
// Progress is offsets from the start of the request, never pointers: the caller
// may move the bytes between two calls. Nor are the arguments of a partial
// request remembered. When its last byte is there, one walk over the headers,
// which are known to be valid by then, collects them. A client that declares a
// million arguments therefore costs nothing until it has sent them.
//
// Invariants between calls:
//
//	left == 0           the line that starts the request has not been read; pos == 0
//	left > 0            that many arguments are still to be read, from pos on
//	need > 0            the header at pos-1 and before is read; its argument ends at need
//	buf[pos:scan]       has been searched and holds no end of line
//	held != nil         the request begins with these arguments, and buf with the line end of the last; pos >= 2
type Parser struct {
	// MaxBulk is the longest argument accepted, in bytes (proto-max-bulk-len);
	// 0 means 512 MB.
	MaxBulk int64

	// Unauth limits a client that has yet to log in to 10 arguments of at most
	// 16384 bytes each.
	Unauth bool

	pos, left, need, scan int

	args    [][]byte
	scratch []byte // inline arguments that had to be unquoted

	held [][]byte // see Detach
	more int      // arguments that follow those
}

// Next reads one request from buf, the bytes received and not yet consumed.
//
// n > 0 means that a request of n bytes was read. Without arguments it is an
// empty one, to be skipped in silence. The arguments lie in buf, or for quoted
// inline ones in memory of the parser; they and the slice that holds them are
// valid until buf changes or Next or Reset is called.
//
// n == 0 without an error means that the request is incomplete: call again with
// the same bytes in front and more behind them. An error is a ProtocolError.
//
// With an empty buf Next lets go of what a large request made it hold.
func (p *Parser) Next(buf []byte) (args [][]byte, n int, err error) {
	if p.pos|p.scan != 0 {
		return p.resume(buf)
	}
	if cap(p.args) > keptArgs {
		p.args = nil
	}
	if cap(p.scratch) > keptScratch {
		p.scratch = nil
	}
	if len(buf) == 0 {
		return nil, 0, nil
	}
	if buf[0] == '*' {
		count, bulk := maxArgs, p.MaxBulk
		if bulk == 0 {
			bulk = defaultMaxBulk
		}
		if p.Unauth {
			count, bulk = unauthArgs, min(bulk, unauthBulk)
		}
		if args, n = p.collect(buf, count, bulk); n > 0 {
			return args, n, nil
		}
	}
	return p.resume(buf)
}

// Need returns, after Next found a request incomplete, the length that buf must
// reach before another call can get any further, or 0 when that is not known.
// It comes from the client: a hint of how much to read, not of how much to
// allocate.
func (p *Parser) Need() int { return p.need }

// Parsed returns how many bytes at the head of an incomplete request have been read:
// headers and whole arguments.
func (p *Parser) Parsed() int { return p.pos }

// Into makes the next request's arguments be listed in a slice of the caller's,
// from its start on; Next returns it, grown if need be. So several requests can
// be read before the first is done with.
func (p *Parser) Into(args [][]byte) { p.args = args }

// Reset forgets a partial request and lets go of all memory, also of the buffer
// that the last arguments lie in.
func (p *Parser) Reset() {
	*p = Parser{MaxBulk: p.MaxBulk, Unauth: p.Unauth}
}

// Head gives the arguments of an incomplete request up to the one of which the header has been read, but not all of it:
// that is buf[from:to], as far as it is there. more is how many follow it. Without such an argument from is 0.
func (p *Parser) Head(buf []byte) (args [][]byte, from, to, more int) {
	if p.need == 0 || p.held != nil {
		return nil, 0, 0, 0
	}
	_, i := number(buf, 1)
	for {
		size, start := number(buf[i:], 1)
		if i += start; i == p.pos {
			return args, p.pos, p.need - 2, p.left - 1
		}
		args = append(args, buf[i:i+int(size)])
		i += int(size) + 2
	}
}

// Detach has the parser go on with a request of which the caller has taken the first arguments, as Head gave them with
// the one under way: it is given the bytes that follow the last of args, from its line end on, and the request that it
// reads is args and more others, with a length that is counted from there. args stays the caller's and must not change
// until then. After a Reset it may be called once more for the same request.
func (p *Parser) Detach(args [][]byte, more int) {
	p.begin()
	p.held, p.more = args, more
	p.pos, p.left = 2, more
}

// collect reads a request that is plain and complete and returns its arguments
// and length. Where it meets anything else it notes how far it came and returns
// 0; resume then goes on from there and finds out what is wrong or missing.
//
// Like the reference it takes the byte after a '\r', and the two after an
// argument, for the rest of a line end without looking at them.
//
// Every command passes through here: lengths below 100 are read in place, and
// the slice is stored only when it has grown, as storing a pointer is not free.
func (p *Parser) collect(buf []byte, maxCount int, maxBulk int64) ([][]byte, int) {
	count, i := 0, 4
	if len(buf) > 4 && buf[2] == '\r' && buf[1]-'1' < 9 {
		count = int(buf[1] - '0')
	} else {
		var long int64
		if long, i = number(buf, 1); long <= 0 || long > int64(maxCount) {
			return nil, 0
		}
		count = int(long)
	}
	args := p.args[:0]
	for ; count > 0; count-- {
		// The shortest argument is "$0", line end, line end.
		b := buf[i:]
		if len(b) < 6 || b[0] != '$' {
			break
		}
		size, start := int64(b[1])-'0', 4
		if b[2] != '\r' {
			if tens, ones := b[1]-'1', b[2]-'0'; tens < 9 && ones <= 9 && b[3] == '\r' {
				size, start = size*10+int64(ones), 5
			} else {
				size, start = number(b, 1)
			}
		} else if size > 9 {
			break
		}
		if uint64(size) > uint64(maxBulk) || size+2 > int64(len(b)-start) {
			break
		}
		end := start + int(size)
		args = append(args, b[start:end:end])
		i += end + 2
	}
	if cap(args) > cap(p.args) {
		p.args = args
	}
	if count > 0 {
		p.pos, p.left = i, count
		return nil, 0
	}
	return args, i
}

// number reads the decimal number at i, written without needless zeros and ended
// by '\r', and returns it with the index after the line end. It returns -1 for
// anything else, as well as for more than 18 digits, which may not fit.
func number(buf []byte, i int) (v int64, next int) {
	first := i
	for i < len(buf) {
		c := buf[i] - '0'
		if c > 9 {
			break
		}
		v = v*10 + int64(c)
		i++
		if i-first > 18 {
			return -1, 0
		}
	}
	digits := i - first
	if digits == 0 || i+1 >= len(buf) || buf[i] != '\r' || digits > 1 && buf[first] == '0' {
		return -1, 0
	}
	return v, i + 2
}

// resume reads on where the last call stopped, header by header.
func (p *Parser) resume(buf []byte) (args [][]byte, n int, err error) {
	if len(buf) == 0 || len(buf) < max(p.pos, p.scan) {
		return nil, 0, nil
	}
	if p.left == 0 && p.held == nil {
		if buf[0] != '*' {
			return p.inline(buf)
		}
		count, ok, err := p.count(buf)
		if err != nil || !ok {
			return nil, 0, err
		}
		if count <= 0 {
			n = p.pos
			p.begin()
			return nil, n, nil
		}
		p.left = count
	}
	for p.left > 0 {
		if p.need == 0 {
			ok, err := p.bulk(buf)
			if err != nil || !ok {
				return nil, 0, err
			}
		}
		if len(buf) < p.need {
			return nil, 0, nil
		}
		p.pos, p.need = p.need, 0
		p.left--
	}
	p.begin()
	if p.held != nil {
		args, n = p.attach(buf)
	} else {
		args, n = p.collect(buf, maxArgs, math.MaxInt64)
	}
	return args, n, nil
}

// attach is collect for a request of which the first arguments are elsewhere.
func (p *Parser) attach(buf []byte) (args [][]byte, n int) {
	args, n = append(p.args[:0], p.held...), 2
	for range p.more {
		size, start := number(buf[n:], 1)
		start += n
		end := start + int(size)
		args = append(args, buf[start:end:end])
		n = end + 2
	}
	p.held, p.more, p.args = nil, 0, args
	return args, n
}

// begin gets ready for the next request.
func (p *Parser) begin() { p.pos, p.left, p.need, p.scan = 0, 0, 0, 0 }

// count reads the line that starts a request, as in "*3". A count that is not
// positive makes an empty request.
func (p *Parser) count(buf []byte) (count int, ok bool, err error) {
	line, ok := p.header(buf)
	if !ok {
		if len(buf) > maxHeader && line == nil {
			return 0, false, errCountTooBig
		}
		return 0, false, nil
	}
	v, valid := parseInt(line[1:])
	switch {
	case !valid || v > maxArgs:
		return 0, false, errCount
	case v > unauthArgs && p.Unauth:
		return 0, false, errCountUnauth
	}
	p.pos = len(line) + 2
	return int(max(v, 0)), true, nil
}

// bulk reads the header of an argument, as in "$5", and sets need.
func (p *Parser) bulk(buf []byte) (ok bool, err error) {
	line, ok := p.header(buf)
	if !ok {
		if len(buf)-p.pos > maxHeader && line == nil {
			return false, errBulkLenTooBig
		}
		return false, nil
	}
	// In an empty line the byte found here is the '\r' itself.
	if c := buf[p.pos]; c != '$' {
		return false, ProtocolError("Protocol error: expected '$', got '" + string([]byte{c}) + "'")
	}
	limit := p.MaxBulk
	if limit == 0 {
		limit = defaultMaxBulk
	}
	start := p.pos + len(line) + 2
	v, valid := parseInt(line[1:])
	switch {
	case !valid || v < 0 || v > limit || v > int64(math.MaxInt-2-start):
		return false, errBulkLen
	case v > unauthBulk && p.Unauth:
		return false, errBulkLenUnauth
	}
	p.pos = start
	p.need = start + int(v) + 2
	return true, nil
}

// header returns the line at pos without its end. If its end has not been
// received ok is false, and line is nil unless just the '\n' is missing.
func (p *Parser) header(buf []byte) (line []byte, ok bool) {
	end := p.find(buf, '\r')
	if end < 0 {
		return nil, false
	}
	return buf[p.pos:end], end+1 < len(buf)
}

// find returns the index of the first c at or after pos, or -1. Like the
// reference, which uses C strings here, it does not look beyond a zero byte, so
// that binary garbage is refused by its length and not taken for commands.
func (p *Parser) find(buf []byte, c byte) int {
	from := max(p.pos, p.scan)
	rest := buf[from:]
	if len(rest) > 0 && rest[0] == 0 {
		return -1 // as before, however much has come since
	}
	at := bytes.IndexByte(rest, c)
	if at >= 0 {
		rest = rest[:at]
	}
	if zero := bytes.IndexByte(rest, 0); zero >= 0 {
		p.scan = from + zero
		return -1
	}
	p.scan = from + len(rest)
	if at < 0 {
		return -1
	}
	return p.scan
}

// inline reads a request that is a line of words.
func (p *Parser) inline(buf []byte) (args [][]byte, n int, err error) {
	end := p.find(buf, '\n')
	if end < 0 {
		if len(buf) > maxHeader {
			return nil, 0, errInline
		}
		return nil, 0, nil
	}
	line := buf[:end]
	if end > 0 && line[end-1] == '\r' {
		line = line[:end-1]
	}
	p.begin()
	var ok bool
	p.args, p.scratch, ok = words.Append(p.args[:0], p.scratch[:0], line)
	if !ok {
		return nil, 0, errQuotes
	}
	return p.args, end + 1, nil
}

// parseInt reads a decimal number in its only accepted form: no sign but '-', no
// needless zeros, nothing around it.
func parseInt(b []byte) (v int64, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 || b[0] == '0' && (neg || len(b) > 1) {
		return 0, false
	}
	var u uint64
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		u = u*10 + uint64(c) // 19 digits fit
	}
	switch {
	case neg && u <= 1<<63:
		return int64(-u), true
	case !neg && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}
