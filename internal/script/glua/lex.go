package glua

import (
	"fmt"
	"strings"
)

// kind is a kind of token: a byte that stands for itself, or one of those below.
type kind int

const (
	tAnd kind = 256 + iota
	tBreak
	tDo
	tElse
	tElseif
	tEnd
	tFalse
	tFor
	tFunction
	tIf
	tIn
	tLocal
	tNil
	tNot
	tOr
	tRepeat
	tReturn
	tThen
	tTrue
	tUntil
	tWhile
	tConcat
	tDots
	tEqual
	tAtLeast
	tAtMost
	tUnequal
	tNumber
	tName
	tString
	tEOF
)

// kindNames has the words first; all are in the order of their kinds.
var kindNames = [...]string{"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
	"repeat", "return", "then", "true", "until", "while", "..", "...", "==", ">=", "<=", "~=", "<number>", "<name>", "<string>", "<eof>"}

// word gives the kind of a word that no name can be, or tName.
func word(s []byte) kind {
	for i, k := range kindNames[:tConcat-tAnd] {
		if k == string(s) {
			return tAnd + kind(i)
		}
	}
	return tName
}

func (k kind) String() string {
	switch {
	case k >= tAnd:
		return kindNames[k-tAnd]
	case k < ' ' || k == 127:
		return fmt.Sprintf("char(%d)", int(k))
	}
	return string([]byte{byte(k)})
}

// malformed is the panic of a source that is none: what the C compiler says of it.
type malformed string

// lexer reads the tokens of Lua 5.1, which are fewer than the parser knows: for that,
// "goto" is a word, a number ends where another begins, and "\999" is a byte.
type lexer struct {
	src, name string
	at        int
	line      int    // of the last token that was read
	text      []byte // the last name, number or string as errors show it, of which escapes are done
}

// fail ends the reading with an error at a token; 0 is none.
func (x *lexer) fail(text string, near kind) {
	s := fmt.Sprintf("%s:%d: %s", x.name, x.line, text)
	switch near {
	case 0:
	case tName, tString, tNumber:
		shown, _, _ := strings.Cut(string(x.text), "\x00")
		s += " near '" + shown + "'"
	default:
		s += " near '" + near.String() + "'"
	}
	panic(malformed(s))
}

// peek gives the byte that is so many behind the next; behind the end there are zeros.
func (x *lexer) peek(n int) byte {
	if x.at+n < len(x.src) {
		return x.src[x.at+n]
	}
	return 0
}

func (x *lexer) done() bool { return x.at >= len(x.src) }

// newline passes the end of a line, which may be of two different bytes.
func (x *lexer) newline() {
	c := x.peek(0)
	x.at++
	if d := x.peek(0); isNewline(d) && d != c {
		x.at++
	}
	x.line++
}

func isNewline(c byte) bool { return c == '\n' || c == '\r' }
func isNumeral(c byte) bool { return c >= '0' && c <= '9' }
func isLetter(c byte) bool  { return c == '_' || c|32 >= 'a' && c|32 <= 'z' }

// pairs are the tokens of two bytes.
var pairs = [...]struct {
	text string
	kind kind
}{{"==", tEqual}, {">=", tAtLeast}, {"<=", tAtMost}, {"~=", tUnequal}}

// next reads a token.
func (x *lexer) next() kind {
	for !x.done() {
		c := x.peek(0)
		switch {
		case isNewline(c):
			x.newline()
		case c == ' ' || c == '\t' || c == '\v' || c == '\f':
			x.at++
		case c == '-' && x.peek(1) == '-':
			x.comment()
		case c == '[':
			level := x.brackets('[')
			if level >= 0 {
				x.long(level, false)
				return tString
			}
			if level < -1 {
				x.text = append(x.text[:0], x.src[x.at:x.at-level]...)
				x.fail("invalid long string delimiter", tString)
			}
			x.at++
			return '['
		case c == '"' || c == '\'':
			x.quoted(c)
			return tString
		case isNumeral(c) || c == '.' && isNumeral(x.peek(1)):
			x.number()
			return tNumber
		case isLetter(c):
			end := x.at
			for end < len(x.src) && (isLetter(x.src[end]) || isNumeral(x.src[end])) {
				end++
			}
			x.text = append(x.text[:0], x.src[x.at:end]...)
			x.at = end
			return word(x.text)
		case c == '.' && x.peek(1) == '.':
			if x.peek(2) == '.' {
				x.at += 3
				return tDots
			}
			x.at += 2
			return tConcat
		default:
			for _, p := range pairs {
				if strings.HasPrefix(x.src[x.at:], p.text) {
					x.at += 2
					return p.kind
				}
			}
			x.at++
			return kind(c)
		}
	}
	return tEOF
}

// brackets tells the level of a long bracket that begins here: n for two of them around n
// equals signs. If it is none it gives how many bytes look like one, negative.
func (x *lexer) brackets(bracket byte) int {
	n := 1
	for x.peek(n) == '=' {
		n++
	}
	if x.peek(n) == bracket {
		return n - 1
	}
	return -n
}

func (x *lexer) comment() {
	x.at += 2
	if x.peek(0) == '[' {
		if level := x.brackets('['); level >= 0 {
			x.long(level, true)
			return
		}
	}
	for !x.done() && !isNewline(x.peek(0)) {
		x.at++
	}
}

// long passes a long string or comment.
func (x *lexer) long(level int, comment bool) {
	begin := x.at
	x.at += level + 2
	for !x.done() {
		switch c := x.peek(0); {
		case isNewline(c):
			x.newline()
		case c == ']':
			if n := x.brackets(']'); n == level {
				x.at += level + 2
				x.text = append(x.text[:0], x.src[begin:x.at]...)
				return
			} else if n < 0 {
				x.at -= n
			} else {
				x.at += n + 1 // the second may begin another
			}
		default:
			x.at++
		}
	}
	if comment {
		x.fail("unfinished long comment", tEOF)
	}
	x.fail("unfinished long string", tEOF)
}

// escapes are the letters that stand for another byte behind a backslash.
const escapes = "a\ab\bf\fn\nr\rt\tv\v"

func (x *lexer) quoted(quote byte) {
	x.text = append(x.text[:0], quote)
	x.at++
	for {
		if x.done() {
			x.fail("unfinished string", tEOF)
		}
		c := x.peek(0)
		switch {
		case isNewline(c):
			x.fail("unfinished string", tString)
		case c == '\\':
			x.escape()
			continue
		}
		x.text = append(x.text, c)
		x.at++
		if c == quote {
			return
		}
	}
}

func (x *lexer) escape() {
	x.at++
	c := x.peek(0)
	switch i := strings.IndexByte(escapes, c); {
	case x.done():
	case isNewline(c):
		x.newline()
		x.text = append(x.text, '\n')
	case isNumeral(c):
		n := 0
		for i := 0; i < 3 && isNumeral(x.peek(0)); i++ {
			n = n*10 + int(x.peek(0)-'0')
			x.at++
		}
		if n > 255 {
			x.fail("escape sequence too large", tString)
		}
		x.text = append(x.text, byte(n))
	case i >= 0 && i%2 == 0:
		x.text = append(x.text, escapes[i+1])
		x.at++
	default:
		x.text = append(x.text, c)
		x.at++
	}
}

// number passes what may be a number and checks whether it is one.
func (x *lexer) number() {
	begin := x.at
	for isNumeral(x.peek(0)) || x.peek(0) == '.' {
		x.at++
	}
	if x.peek(0)|32 == 'e' {
		if x.at++; x.peek(0) == '+' || x.peek(0) == '-' {
			x.at++
		}
	}
	for isLetter(x.peek(0)) || isNumeral(x.peek(0)) {
		x.at++
	}
	x.text = append(x.text[:0], x.src[begin:x.at]...)
	if !isNumber(x.src[begin:x.at]) {
		x.fail("malformed number", tNumber)
	}
}

// isNumber tells whether what has the letters of a number is one: digits with at most one
// point among them, and perhaps an exponent, or hexadecimal ones.
func isNumber(s string) bool {
	if len(s) > 2 && s[0] == '0' && s[1]|32 == 'x' {
		return strings.Trim(s[2:], "0123456789abcdefABCDEF") == ""
	}
	digits, exponent := s, "0"
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		digits, exponent = s[:i], strings.TrimPrefix(strings.TrimPrefix(s[i+1:], "+"), "-")
	}
	return strings.Count(digits, ".") <= 1 && strings.Trim(digits, "0123456789.") == "" &&
		exponent != "" && strings.Trim(exponent, "0123456789") == ""
}
