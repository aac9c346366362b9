package glua

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// jsonOptions are the settings of cjson, which scripts can change.
type jsonOptions struct {
	sparseConvert             bool
	sparseRatio, sparseSafe   int
	encodeDepth, decodeDepth  int
	digits                    int
	encodeInvalid, encodeNull bool
	decodeInvalid             bool
	keepBuffer                bool
}

// jsonDepth bounds what scripts may set as the deepest nesting.
const jsonDepth = 10_000

func jsonDefaults() jsonOptions {
	return jsonOptions{sparseRatio: 2, sparseSafe: 10, encodeDepth: 1000, decodeDepth: 1000, digits: 14, decodeInvalid: true, keepBuffer: true}
}

func (m *machine) openJSON() {
	t := m.l.CreateTable(0, 14)
	t.RawSetString("null", m.null)
	t.RawSetString("_NAME", lua.LString("cjson"))
	t.RawSetString("_VERSION", lua.LString("2.1.0"))
	o := &m.json
	m.set(t, map[string]lua.LGFunction{
		"encode": func(L *lua.LState) int {
			if L.GetTop() != 1 {
				argError(L, 1, "expected 1 argument")
			}
			e := jsonEncoder{m: m, L: L, b: m.text[:0]}
			e.value(L.Get(1), 0)
			if cap(e.b) <= keptText {
				m.text = e.b
			}
			L.Push(text(e.b))
			return 1
		},
		"decode": func(L *lua.LState) int {
			if L.GetTop() != 1 {
				argError(L, 1, "expected 1 argument")
			}
			L.Push(m.jsonDecode(L, checkString(L, 1)))
			return 1
		},
		"encode_max_depth":        jsonSettings(jsonInt(1, &o.encodeDepth, 1, math.MaxInt32)),
		"decode_max_depth":        jsonSettings(jsonInt(1, &o.decodeDepth, 1, math.MaxInt32)),
		"encode_number_precision": jsonSettings(jsonInt(1, &o.digits, 1, 14)),
		"encode_keep_buffer":      jsonSettings(jsonBool(1, &o.keepBuffer)),
		"decode_invalid_numbers":  jsonSettings(jsonBool(1, &o.decodeInvalid)),
		"encode_invalid_numbers":  jsonSettings(o.setEncodeInvalid),
		"encode_sparse_array": jsonSettings(jsonBool(1, &o.sparseConvert),
			jsonInt(2, &o.sparseRatio, 0, math.MaxInt32), jsonInt(3, &o.sparseSafe, 0, math.MaxInt32)),
		"new": func(L *lua.LState) int {
			L.Push(m.globals.RawGetString("cjson"))
			return 1
		},
	})
	m.module("cjson", t)
}

// jsonSetting sets what its argument says, if there is one, and gives what is set then.
type jsonSetting func(L *lua.LState) lua.LValue

// jsonSettings makes the function of some settings, in the order of its arguments.
func jsonSettings(settings ...jsonSetting) lua.LGFunction {
	return func(L *lua.LState) int {
		if L.GetTop() > len(settings) {
			argError(L, len(settings)+1, "found too many arguments")
		}
		L.SetTop(len(settings))
		for _, set := range settings {
			L.Push(set(L))
		}
		return len(settings)
	}
}

func jsonInt(arg int, at *int, low, high int) jsonSetting {
	return func(L *lua.LState) lua.LValue {
		if L.Get(arg) != lua.LNil {
			n := checkInt(L, arg)
			if n < low || n > high {
				argError(L, 1, fmt.Sprintf("expected integer between %d and %d", low, high))
			}
			*at = n
		}
		return lua.LNumber(*at)
	}
}

func jsonBool(arg int, at *bool) jsonSetting {
	return func(L *lua.LState) lua.LValue {
		switch v := L.Get(arg).(type) {
		case *lua.LNilType:
		case lua.LBool:
			*at = bool(v)
		default:
			*at = checkOption(L, arg, "", "off", "on") == 1
		}
		return lua.LBool(*at)
	}
}

func (o *jsonOptions) setEncodeInvalid(L *lua.LState) lua.LValue {
	switch v := L.Get(1).(type) {
	case *lua.LNilType:
	case lua.LBool:
		o.encodeInvalid, o.encodeNull = bool(v), false
	default:
		word := checkOption(L, 1, "", "off", "on", "null")
		o.encodeInvalid, o.encodeNull = word == 1, word == 2
	}
	if o.encodeNull {
		return lua.LString("null")
	}
	return lua.LBool(o.encodeInvalid)
}

type jsonEncoder struct {
	m     *machine
	L     *lua.LState
	b     []byte
	grown int
}

func (e *jsonEncoder) value(v lua.LValue, depth int) {
	e.m.limit.step(1)
	if len(e.b)-e.grown > 1<<14 {
		e.m.limit.grow(len(e.b) - e.grown)
		e.grown = len(e.b)
	}
	if cap(e.b)-len(e.b) < 64 {
		e.b = room(e.b, 64)
	}
	switch v := v.(type) {
	case lua.LString:
		e.text(string(v))
	case lua.LNumber:
		e.number(float64(v))
	case lua.LBool:
		e.b = strconv.AppendBool(e.b, bool(v))
	case *lua.LTable:
		e.table(e.m.realOf(v), depth+1)
	case *lua.LNilType:
		e.b = append(e.b, "null"...)
	default:
		if v == lua.LValue(e.m.null) {
			e.b = append(e.b, "null"...)
			return
		}
		raise(e.L, "Cannot serialise %s: type not supported", v.Type().String())
	}
}

func (e *jsonEncoder) number(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		switch {
		case e.m.json.encodeNull:
			e.b = append(e.b, "null"...)
			return
		case !e.m.json.encodeInvalid:
			raise(e.L, "Cannot serialise number: must not be NaN or Inf")
		}
	}
	e.b = appendNumber(e.b, f, e.m.json.digits)
}

// arrayLength gives the length of a table that is an array, or -1.
func (e *jsonEncoder) arrayLength(t *lua.LTable) int {
	most, items := t.Len(), 0
	if most > 0 { // as most arrays are: nothing beside its array, and no holes
		if k, _ := t.Next(lua.LNumber(most)); k == lua.LNil {
			for i := 1; i <= most; i++ {
				if t.RawGetInt(i) != lua.LNil {
					items++
				}
			}
			return e.dense(most, items)
		}
	}
	most = 0
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		n, ok := k.(lua.LNumber)
		if !ok || n < 1 || n != lua.LNumber(math.Floor(float64(n))) || n > 1<<53 {
			return -1
		}
		if v != lua.LNil {
			most = max(most, int(n))
			items++
		}
	}
	return e.dense(most, items)
}

// dense gives the length of an array, or -1 if it has so many holes that it is not to be one.
func (e *jsonEncoder) dense(most, items int) int {
	o := &e.m.json
	if o.sparseRatio > 0 && most > items*o.sparseRatio && most > o.sparseSafe {
		if !o.sparseConvert {
			raise(e.L, "Cannot serialise table: excessively sparse array")
		}
		return -1
	}
	return most
}

func (e *jsonEncoder) table(t *lua.LTable, depth int) {
	if depth > min(e.m.json.encodeDepth, jsonDepth) {
		raise(e.L, "Cannot serialise, excessive nesting (%d)", depth)
	}
	if n := e.arrayLength(t); n > 0 {
		e.b = append(e.b, '[')
		for i := 1; i <= n; i++ {
			if i > 1 {
				e.b = append(e.b, ',')
			}
			e.value(t.RawGet(lua.LNumber(i)), depth)
		}
		e.b = append(e.b, ']')
		return
	}
	e.b = append(e.b, '{')
	first := true
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if !first {
			e.b = append(e.b, ',')
		}
		first = false
		switch k := k.(type) {
		case lua.LString:
			e.text(string(k))
		case lua.LNumber:
			e.b = append(e.b, '"')
			e.number(float64(k))
			e.b = append(e.b, '"')
		default:
			raise(e.L, "Cannot serialise %s: table key must be a number or string", k.Type().String())
		}
		e.b = append(e.b, ':')
		e.value(v, depth)
	}
	e.b = append(e.b, '}')
}

func (e *jsonEncoder) text(s string) {
	const hex = "0123456789abcdef"
	e.b = append(room(e.b, len(s)+2), '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != '/' && c != 0x7f {
			continue
		}
		e.b = room(appendLong(e.b, s[from:i]), 8)
		from = i + 1
		switch c {
		case '"', '\\', '/':
			e.b = append(e.b, '\\', c)
		case '\b':
			e.b = append(e.b, '\\', 'b')
		case '\t':
			e.b = append(e.b, '\\', 't')
		case '\n':
			e.b = append(e.b, '\\', 'n')
		case '\f':
			e.b = append(e.b, '\\', 'f')
		case '\r':
			e.b = append(e.b, '\\', 'r')
		default:
			e.b = append(e.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	e.b = appendByte(appendLong(e.b, s[from:]), '"')
}

type jsonDecoder struct {
	m   *machine
	L   *lua.LState
	s   string
	at  int
	buf []byte

	keys   []string // of objects that are not at their end
	values []lua.LValue
}

func (m *machine) jsonDecode(L *lua.LState, s string) lua.LValue {
	if len(s) >= 2 && (s[0] == 0 || s[1] == 0) {
		raise(L, "JSON parser does not support UTF-16 or UTF-32")
	}
	d := jsonDecoder{m: m, L: L, s: s}
	v := d.value(0)
	if d.skip(); d.at < len(s) {
		d.bad("the end")
	}
	return v
}

func (d *jsonDecoder) skip() {
	for d.at < len(d.s) {
		switch d.s[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// bad raises the error of what is not expected at this place.
func (d *jsonDecoder) bad(want string) {
	found := "invalid token"
	if d.at >= len(d.s) || d.s[d.at] == 0 {
		found = "T_END"
	} else {
		switch c := d.s[d.at]; c {
		case '{':
			found = "T_OBJ_BEGIN"
		case '}':
			found = "T_OBJ_END"
		case '[':
			found = "T_ARR_BEGIN"
		case ']':
			found = "T_ARR_END"
		case ':':
			found = "T_COLON"
		case ',':
			found = "T_COMMA"
		case '"':
			found = "T_STRING"
		default:
			at := d.at
			switch {
			case d.word("true"), d.word("false"):
				found = "T_BOOLEAN"
			case d.word("null"):
				found = "T_NULL"
			case c == '-' || isDigit(c):
				found = "T_NUMBER"
				if _, ok := d.number(); !ok {
					found = "invalid number"
				}
			}
			d.at = at
		}
	}
	raise(d.L, "Expected %s but found %s at character %d", want, found, d.at+1)
}

func (d *jsonDecoder) value(depth int) lua.LValue {
	d.skip()
	d.m.limit.step(1)
	if d.at >= len(d.s) {
		d.bad("value")
	}
	switch c := d.s[d.at]; {
	case c == '{':
		return d.object(depth + 1)
	case c == '[':
		return d.array(depth + 1)
	case c == '"':
		return lua.LString(d.text())
	case c == 't' && d.word("true"):
		return lua.LTrue
	case c == 'f' && d.word("false"):
		return lua.LFalse
	case c == 'n' && d.word("null"):
		return d.m.null
	case c == '-' || c == '+' || isDigit(c) || c|0x20 == 'n' || c|0x20 == 'i':
		if n, ok := d.number(); ok {
			return n
		}
	}
	d.bad("value")
	return lua.LNil
}

func (d *jsonDecoder) word(w string) bool {
	if len(d.s)-d.at < len(w) || d.s[d.at:d.at+len(w)] != w {
		return false
	}
	d.at += len(w)
	return true
}

func (d *jsonDecoder) number() (lua.LNumber, bool) {
	i := d.at
	for i < len(d.s) && isDigit(d.s[i]) && i-d.at < 15 {
		i++
	}
	if n := i - d.at; n > 0 && (n == 1 || d.s[d.at] != '0') && (i == len(d.s) || d.s[i] == ',' || d.s[i] == '}' || d.s[i] == ']') {
		whole := 0
		for ; d.at < i; d.at++ {
			whole = whole*10 + int(d.s[d.at]-'0')
		}
		return lua.LNumber(whole), true
	}
	i = d.at
	for i < len(d.s) && (isDigit(d.s[i]) || isAlpha(d.s[i]) || d.s[i] == '.' || d.s[i] == '-' || d.s[i] == '+') {
		i++
	}
	text := d.s[d.at:i]
	n, ok := parseNumber(text)
	if !ok {
		return 0, false
	}
	plain := text
	if plain[0] == '-' {
		plain = plain[1:]
	}
	invalid := plain == "" || !isDigit(plain[0]) || len(plain) > 1 && plain[0] == '0' && (isDigit(plain[1]) || plain[1]|0x20 == 'x')
	if invalid && !d.m.json.decodeInvalid {
		return 0, false
	}
	d.at = i
	return n, true
}

func (d *jsonDecoder) deep(depth int) {
	if depth > min(d.m.json.decodeDepth, jsonDepth) {
		raise(d.L, "Found too many nested data structures (%d) at character %d", depth, d.at+1)
	}
}

// object and array collect what they have first, so that a table is made in its size.
func (d *jsonDecoder) object(depth int) lua.LValue {
	d.deep(depth)
	keys, values := len(d.keys), len(d.values)
	d.at++
	if d.skip(); d.at < len(d.s) && d.s[d.at] == '}' {
		d.at++
		return d.L.CreateTable(0, 0)
	}
	for {
		if d.skip(); d.at >= len(d.s) || d.s[d.at] != '"' {
			d.bad("object key string")
		}
		key := d.text()
		if d.skip(); d.at >= len(d.s) || d.s[d.at] != ':' {
			d.bad("colon")
		}
		d.at++
		v := d.value(depth)
		d.keys, d.values = append(d.keys, key), append(d.values, v)
		if d.skip(); d.at < len(d.s) && d.s[d.at] == '}' {
			d.at++
			break
		}
		if d.at >= len(d.s) || d.s[d.at] != ',' {
			d.bad("comma or object end")
		}
		d.at++
	}
	t := d.L.CreateTable(0, len(d.keys)-keys)
	for i, key := range d.keys[keys:] {
		t.RawSetString(key, d.values[values+i])
	}
	d.keys, d.values = d.keys[:keys], d.values[:values]
	return t
}

func (d *jsonDecoder) array(depth int) lua.LValue {
	d.deep(depth)
	values := len(d.values)
	d.at++
	if d.skip(); d.at < len(d.s) && d.s[d.at] == ']' {
		d.at++
		return d.L.CreateTable(0, 0)
	}
	for {
		v := d.value(depth)
		d.values = append(d.values, v)
		if d.skip(); d.at < len(d.s) && d.s[d.at] == ']' {
			d.at++
			break
		}
		if d.at >= len(d.s) || d.s[d.at] != ',' {
			d.bad("comma or array end")
		}
		d.at++
	}
	n := len(d.values) - values
	t := d.L.CreateTable(min(n, maxArray-1), 0)
	for i, v := range d.values[values:] {
		t.RawSetInt(i+1, v)
	}
	d.values = d.values[:values]
	return t
}

// text reads a string. Most have no escapes and are part of the source.
func (d *jsonDecoder) text() string {
	d.at++
	from := d.at
	for d.at < len(d.s) && d.s[d.at] != '"' && d.s[d.at] != '\\' && d.s[d.at] != 0 {
		d.at++
	}
	if d.at < len(d.s) && d.s[d.at] == '"' {
		s := d.s[from:d.at]
		d.at++
		return s
	}
	b := appendLong(d.buf[:0], d.s[from:d.at])
	for {
		if d.at >= len(d.s) {
			raise(d.L, "Expected value but found unexpected end of string at character %d", d.at+1)
		}
		c := d.s[d.at]
		d.at++
		if c == 0 {
			raise(d.L, "Expected value but found unexpected end of string at character %d", d.at)
		}
		if c == '"' {
			d.buf = b
			d.m.limit.grow(len(b))
			return string(text(b))
		}
		if c != '\\' {
			b = appendByte(b, c)
			continue
		}
		b = d.escape(b)
	}
}

func (d *jsonDecoder) escape(b []byte) []byte {
	if d.at >= len(d.s) {
		raise(d.L, "Expected value but found unexpected end of string at character %d", d.at+1)
	}
	at := d.at // behind the backslash: its place, counted from 1
	c := d.s[d.at]
	d.at++
	switch c {
	case '"', '\\', '/':
		return append(b, c)
	case 'b':
		return append(b, '\b')
	case 'f':
		return append(b, '\f')
	case 'n':
		return append(b, '\n')
	case 'r':
		return append(b, '\r')
	case 't':
		return append(b, '\t')
	case 'u':
		r, ok := d.hex()
		if ok && utf16.IsSurrogate(r) {
			ok = false
			if d.word(`\u`) {
				var low rune
				if low, ok = d.hex(); ok {
					r = utf16.DecodeRune(r, low)
					ok = r != utf8.RuneError
				}
			}
		}
		if ok {
			return utf8.AppendRune(b, r)
		}
		raise(d.L, "Expected value but found invalid unicode escape code at character %d", at)
	}
	raise(d.L, "Expected value but found invalid escape code at character %d", at)
	return b
}

func (d *jsonDecoder) hex() (rune, bool) {
	if len(d.s)-d.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(d.s[d.at:d.at+4], 16, 16)
	d.at += 4
	return rune(n), err == nil
}
