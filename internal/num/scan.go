package num

type floatKind uint8

const (
	kindDec floatKind = iota
	kindHex
	kindInf
	kindNaN
)

// floatText is what a scan found at the start of a text. For kindDec the
// number's magnitude is mant * 10^exp, plus something below one unit of mant when
// sticky. For kindHex it is (mant + low / 2^64) * 2^exp, plus something below one
// unit of low when sticky.
type floatText struct {
	n      int    // bytes taken, 0 when there is no number
	expAt  int    // where the exponent starts, n when there is none
	mant   uint64 // the first significant digits, as many as always fit
	low    uint64
	exp    int // bounded by expLimit and the text's length
	digits int // significant digits, counted from the first nonzero one
	kind   floatKind
	neg    bool
	sticky bool
}

// expLimit bounds exponents so that adding the length of a text cannot
// overflow.
const expLimit = 1 << 27

// scanFloat reads a number from the start of b, by the grammar of C's strtod,
// without white space.
func scanFloat(b []byte) floatText {
	var t floatText
	i := 0
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		t.neg = b[i] == '-'
		i++
	}
	if i == len(b) {
		return t
	}
	switch c := b[i] | 0x20; {
	case c == 'i' || c == 'n':
		t.scanWord(b, i)
	case c == '0' && i+1 < len(b) && b[i+1]|0x20 == 'x' && startsNumeral(b[i+2:], isHex):
		t.kind = kindHex
		t.scanHex(b, i+2)
	case startsNumeral(b[i:], isDigit):
		t.scanDec(b, i)
	}
	return t
}

// startsNumeral tells whether b starts with a digit, or a point and a digit.
func startsNumeral(b []byte, digit func(byte) bool) bool {
	if len(b) > 1 && b[0] == '.' {
		b = b[1:]
	}
	return len(b) > 0 && digit(b[0])
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isHex(c byte) bool { return c-'0' <= 9 || c|0x20-'a' <= 5 }

func (t *floatText) scanDec(b []byte, i int) {
	point := false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !point {
			point = true
			continue
		}
		d := uint64(c - '0')
		if c-'0' > 9 {
			break
		}
		if point {
			t.exp--
		}
		if t.mant|d != 0 {
			t.digits++
		}
		if t.digits <= 19 {
			t.mant = t.mant*10 + d
		} else {
			t.exp++
			t.sticky = t.sticky || d != 0
		}
	}
	t.scanExp(b, i, 'e')
}

func (t *floatText) scanHex(b []byte, i int) {
	point := false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if !isHex(c) {
			break
		}
		d := uint64(c & 0xf)
		if c > '9' {
			d += 9
		}
		if point {
			t.exp -= 4
		}
		if t.mant|d != 0 {
			t.digits++
		}
		switch {
		case t.digits <= 16:
			t.mant = t.mant<<4 | d
			continue
		case t.digits <= 32:
			t.low |= d << (4 * (32 - t.digits))
		default:
			t.sticky = t.sticky || d != 0
		}
		t.exp += 4
	}
	t.scanExp(b, i, 'p')
}

// scanExp reads the exponent that may follow the digits, which end at i.
func (t *floatText) scanExp(b []byte, i int, mark byte) {
	t.n, t.expAt = i, i
	if i == len(b) || b[i]|0x20 != mark {
		return
	}
	i++
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	if i == len(b) || !isDigit(b[i]) {
		return
	}
	e := 0
	for ; i < len(b) && isDigit(b[i]); i++ {
		e = min(e*10+int(b[i]-'0'), expLimit)
	}
	if neg {
		e = -e
	}
	t.exp += e
	t.n = i
}

// scanWord reads "inf", "infinity", "nan" or "nan(characters)" in any case.
func (t *floatText) scanWord(b []byte, i int) {
	switch {
	case hasWord(b[i:], "infinity"):
		t.kind, t.n = kindInf, i+len("infinity")
	case hasWord(b[i:], "inf"):
		t.kind, t.n = kindInf, i+len("inf")
	case hasWord(b[i:], "nan"):
		i += len("nan")
		t.kind, t.n = kindNaN, i
		if i == len(b) || b[i] != '(' {
			return
		}
		for i++; i < len(b) && (isDigit(b[i]) || b[i]|0x20-'a' < 26 || b[i] == '_'); i++ {
		}
		if i < len(b) && b[i] == ')' {
			t.n = i + 1
		}
	}
}

// hasWord tells whether b starts with word, which is in lower case letters.
func hasWord(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := range len(word) {
		if b[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}
