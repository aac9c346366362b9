package aof

import (
	"bytes"
	"io"
	"math"

	"github.com/redstart-db/redstart/internal/resp"
)

// Scanner reads commands off a file, a piece of it at a time. Nothing is allocated
// for what a length promises before the bytes are there.
//
//	*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n     a command
//	#TS:1628217470\r\n                    an annotation, up to a line end
type Scanner struct {
	src    io.Reader
	offset int64  // in the file, of what comes next
	left   []byte // read, not scanned: part of a command, copied
	eof    bool
	parser resp.Parser
	stamp  int64 // of the last annotation with a time
	err    error // of the source, kept until what came before is scanned
}

// Piece is a part of a file: whole commands.
type Piece struct {
	// Cmds are the arguments of the commands. They lie in memory of the piece.
	Cmds [][][]byte
	// Ends are where the commands end in the file.
	Ends []int64

	buf  []byte
	flat [][]byte
}

// What a file can end with, other than io.EOF.
type scanError string

func (e scanError) Error() string { return string(e) }

const (
	// ErrShort: the last command, or annotation, is not complete.
	ErrShort scanError = "Unexpected end of file"
	// ErrSyntax: what comes is no command.
	ErrSyntax scanError = "Bad file format"
)

const (
	scanChunk = 1 << 20
	// usualArgs is how many arguments a command has whose list is no memory of its own.
	usualArgs = 64
	// maxAnnotation is how long an annotation may be, with its line end.
	maxAnnotation = 1 << 10
)

// NewScanner reads from src, which is at an offset of its file.
func NewScanner(src io.Reader, offset int64) *Scanner {
	s := &Scanner{src: src, offset: offset}
	s.parser.MaxBulk = math.MaxInt64 / 4
	return s
}

// Offset is where what was scanned last ends.
func (s *Scanner) Offset() int64 { return s.offset }

// Stamp is the time of the last annotation, in Unix seconds, or 0.
func (s *Scanner) Stamp() int64 { return s.stamp }

// Next fills a piece with the commands that come next, at least one. Together with
// an error, which is io.EOF at the end, there may be commands in front of it.
func (s *Scanner) Next(p *Piece) error {
	p.Cmds, p.Ends, p.flat = p.Cmds[:0], p.Ends[:0], p.flat[:0]
	for {
		if err := s.fill(p); err != nil {
			return err
		}
		if err := s.cut(p); err != nil || len(p.Cmds) > 0 {
			return err
		}
	}
}

// cut takes whole commands off the piece's bytes.
func (s *Scanner) cut(p *Piece) error {
	b := p.buf
	for len(b) > 0 {
		k := len(p.flat)
		if cap(p.flat)-k < usualArgs {
			p.flat, k = make([][]byte, 0, max(1024, 2*cap(p.flat))), 0
		}
		s.parser.Into(p.flat[k : k : k+usualArgs])
		args, n, err := s.scan(b)
		if err != nil {
			s.left, s.eof, s.err = nil, true, err
			return err
		}
		if n == 0 {
			break
		}
		b = b[n:]
		s.offset += int64(n)
		if len(args) == 0 {
			continue
		}
		if len(args) <= usualArgs {
			p.flat = p.flat[:k+len(args)]
		}
		p.Cmds = append(p.Cmds, args)
		p.Ends = append(p.Ends, s.offset)
	}
	s.left = append(s.left[:0], b...)
	return nil
}

// fill gives the piece bytes: those that are left, and further ones.
func (s *Scanner) fill(p *Piece) error {
	if s.eof {
		switch {
		case s.err != nil:
			return s.err
		case len(s.left) > 0:
			return ErrShort
		}
		return io.EOF
	}
	room := scanChunk
	if len(s.left) > scanChunk {
		room = len(s.left) // so that a long command is not copied too often
	}
	k := len(s.left)
	if cap(p.buf) < k+room {
		p.buf = make([]byte, 0, k+room)
	}
	p.buf = append(p.buf[:0], s.left...)
	n, err := io.ReadFull(s.src, p.buf[k:k+room])
	p.buf = p.buf[:k+n]
	if err != nil {
		s.eof = true
		if err != io.EOF && err != io.ErrUnexpectedEOF {
			s.err = err
		}
	}
	return nil
}

// scan takes one command or annotation off b.
func (s *Scanner) scan(b []byte) (args [][]byte, n int, err error) {
	switch {
	case len(b) == 0:
		return nil, 0, nil
	case b[0] == '#':
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			if len(b) > maxAnnotation {
				return nil, 0, ErrSyntax
			}
			return nil, 0, nil
		}
		if at, ok := stampOf(b[:end]); ok {
			s.stamp = at
		}
		return nil, end + 1, nil
	case b[0] != '*':
		return nil, 0, ErrSyntax
	}
	args, n, err = s.parser.Next(b)
	if err != nil || n > 0 && len(args) == 0 {
		return nil, 0, ErrSyntax
	}
	return args, n, nil
}

// stampOf reads an annotation with a time.
func stampOf(line []byte) (at int64, ok bool) {
	digits, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("#TS:"))
	if !ok || len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		at = at*10 + int64(c-'0')
	}
	return at, true
}
