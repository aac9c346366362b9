package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	minInt    = math.MinInt32
	maxInt    = math.MaxInt32
	maxUint32 = math.MaxUint32
	maxInt64  = math.MaxInt64
)

type kind uint8

const (
	kindBool kind = iota
	kindInt
	kindMemory
	kindUnsignedMemory
	kindPercentMemory
	kindOctal
	kindEnum
	kindFlags
	kindString
	kindSpecial // reads and writes the Config itself
	kindDir     // special, and has no default
	kindLine    // a line of the file that the loader handles
)

// typ says how a directive's words become its value and back.
type typ struct {
	kind     kind
	min, max int64    // of numbers
	names    []string // of enums and flags
	values   []uint8  // of names; nil means their positions
	multi    bool     // takes any number of words, which may come in one
	text     string   // what Reference calls the type

	check  func(string) error // of a string
	adjust func(int64) int64  // of a number within its range

	// For kindSpecial and kindDir. set replaces what it changes and leaves c
	// alone on error. loading is true for lines of a file.
	set func(c *Config, words []string, loading bool) error
	get func(c *Config) string
}

func boolean() typ                     { return typ{kind: kindBool} }
func integer(min, max int64) typ       { return typ{kind: kindInt, min: min, max: max} }
func memory(min, max int64) typ        { return typ{kind: kindMemory, min: min, max: max} }
func unsignedMemory() typ              { return typ{kind: kindUnsignedMemory} }
func percentMemory() typ               { return typ{kind: kindPercentMemory} }
func octal(max int64) typ              { return typ{kind: kindOctal, max: max} }
func enum(names ...string) typ         { return typ{kind: kindEnum, names: names} }
func str() typ                         { return typ{kind: kindString} }
func checked(f func(string) error) typ { return typ{kind: kindString, check: f} }
func line(text string) typ             { return typ{kind: kindLine, text: text, multi: true} }

// clamped accepts the range of t and then moves the number to [lo, hi].
func clamped(t typ, lo, hi int64) typ {
	t.adjust = func(n int64) int64 { return min(max(n, lo), hi) }
	return t
}

var shutdownFlags = typ{
	kind:   kindFlags,
	names:  []string{"default", "save", "nosave", "now", "force"},
	values: []uint8{0, uint8(ShutdownSave), uint8(ShutdownNoSave), uint8(ShutdownNow), uint8(ShutdownForce)},
	multi:  true,
}

// The texts of errors that clients see.
var (
	errWords     = errors.New("wrong number of arguments")
	errInteger   = errors.New("argument couldn't be parsed into an integer")
	errOctal     = errors.New("argument couldn't be parsed as an octal number")
	errMemory    = errors.New("argument must be a memory value")
	errPercent   = errors.New("argument must be a memory or percent value")
	errPercent99 = errors.New("percentage argument must be less or equal to 100")
	errBool      = errors.New("argument must be 'yes' or 'no'")
	errSaveBoth  = errors.New("shutdown options SAVE and NOSAVE can't be used simultaneously")
)

func (t *typ) errEnum() error {
	return errors.New("argument(s) must be one of the following: " + strings.Join(t.names, ", "))
}

func errRange(format string, min, max any) error {
	return fmt.Errorf("argument must be between "+format+" and "+format+" inclusive", min, max)
}

// parse sets the value of d, which is row i, from the words of a line.
func (d *directive) parse(c *Config, i int, words []string, loading bool) error {
	t := &d.typ
	if t.multi && len(words) == 1 && words[0] != "" {
		words = strings.Split(words[0], " ")
	}
	if t.kind == kindSpecial || t.kind == kindDir {
		return t.set(c, words, loading)
	}
	if t.kind == kindFlags {
		return t.setFlags(d.pointer(c, i), words)
	}
	if len(words) != 1 {
		return errWords
	}
	return t.setOne(d.pointer(c, i), words[0])
}

// value renders the value of d, which is row i, as CONFIG GET shows it.
func (d *directive) value(c *Config, i int) string {
	t := &d.typ
	if t.get != nil {
		return t.get(c)
	}
	if t.kind == kindLine {
		return ""
	}
	return t.render(d.pointer(c, i))
}

// splitDefault returns the words that set the default of d.
func splitDefault(d *directive) []string {
	if d.typ.multi && d.def == "" {
		return nil
	}
	return []string{d.def}
}

func (t *typ) setOne(p any, s string) error {
	switch t.kind {
	case kindBool:
		b, ok := parseBool(s)
		if !ok {
			return errBool
		}
		*p.(*bool) = b
		return nil
	case kindString:
		if t.check != nil {
			if err := t.check(s); err != nil {
				return err
			}
		}
		*p.(*string) = s
		return nil
	case kindEnum:
		v, ok := t.enumValue(s)
		if !ok {
			return t.errEnum()
		}
		*p.(*uint8) = v
		return nil
	case kindUnsignedMemory:
		n, ok := parseMemory(s)
		if !ok {
			return errMemory
		}
		*p.(*uint64) = n
		return nil
	case kindPercentMemory:
		n, err := parsePercentMemory(s)
		if err == nil {
			*p.(*MemoryOrPercent) = n
		}
		return err
	}
	n, err := t.parseNumber(s)
	if err != nil {
		return err
	}
	if t.adjust != nil {
		n = t.adjust(n)
	}
	storeNumber(p, n)
	return nil
}

// parseNumber reads a number within the range of t.
func (t *typ) parseNumber(s string) (int64, error) {
	switch t.kind {
	case kindMemory:
		u, ok := parseMemory(s)
		if !ok {
			return 0, errMemory
		}
		if u > uint64(t.max) || int64(u) < t.min {
			return 0, errRange("%d", t.min, t.max)
		}
		return int64(u), nil
	case kindOctal:
		n, err := strconv.ParseInt(s, 8, 64)
		if err != nil {
			return 0, errOctal
		}
		if n < t.min || n > t.max {
			return 0, errRange("%o", t.min, t.max)
		}
		return n, nil
	}
	n, ok := parseInt(s)
	if !ok {
		return 0, errInteger
	}
	if n < t.min || n > t.max {
		return 0, errRange("%d", t.min, t.max)
	}
	return n, nil
}

func (t *typ) setFlags(p any, words []string) error {
	if len(words) == 0 {
		return t.errEnum()
	}
	var set uint8
	for _, w := range words {
		v, ok := t.enumValue(w)
		if !ok {
			return t.errEnum()
		}
		set |= v
	}
	if both := uint8(ShutdownSave | ShutdownNoSave); set&both == both {
		return errSaveBoth
	}
	*p.(*uint8) = set
	return nil
}

func (t *typ) enumValue(s string) (uint8, bool) {
	i := slices.IndexFunc(t.names, func(n string) bool { return strings.EqualFold(n, s) })
	if i < 0 {
		return 0, false
	}
	if t.values == nil {
		return uint8(i), true
	}
	return t.values[i], true
}

// nameOf returns the first name of a value.
func (t *typ) nameOf(v uint8) string {
	i := int(v)
	if t.values != nil {
		i = slices.Index(t.values, v)
	}
	if i < 0 || i >= len(t.names) {
		return ""
	}
	return t.names[i]
}

func (t *typ) render(p any) string {
	switch t.kind {
	case kindBool:
		if *p.(*bool) {
			return "yes"
		}
		return "no"
	case kindString:
		return *p.(*string)
	case kindEnum:
		return t.nameOf(*p.(*uint8))
	case kindFlags:
		return t.renderFlags(*p.(*uint8))
	case kindUnsignedMemory:
		return strconv.FormatUint(*p.(*uint64), 10)
	case kindPercentMemory:
		if m := *p.(*MemoryOrPercent); m < 0 {
			return strconv.FormatInt(int64(-m), 10) + "%"
		}
		return strconv.FormatInt(int64(*p.(*MemoryOrPercent)), 10)
	case kindOctal:
		return strconv.FormatInt(loadNumber(p), 8)
	}
	return strconv.FormatInt(loadNumber(p), 10)
}

func (t *typ) renderFlags(set uint8) string {
	if set == 0 {
		return t.names[0]
	}
	var on []string
	for i, v := range t.values {
		if v != 0 && set&v != 0 {
			on = append(on, t.names[i])
		}
	}
	return strings.Join(on, " ")
}

// label names the type for documentation.
func (t *typ) label() string {
	switch t.kind {
	case kindBool:
		return "yes or no"
	case kindInt:
		return "integer, " + t.limits()
	case kindMemory, kindUnsignedMemory:
		return "memory"
	case kindPercentMemory:
		return "memory or percentage"
	case kindOctal:
		return "octal number"
	case kindEnum:
		return "one of " + strings.Join(t.names, ", ")
	case kindFlags:
		return "some of " + strings.Join(t.names, ", ")
	case kindString:
		return "string"
	}
	return t.text
}

func (t *typ) limits() string {
	switch {
	case t.max < maxInt:
		return fmt.Sprintf("%d to %d", t.min, t.max)
	case t.min == minInt:
		return "any"
	}
	return fmt.Sprintf("%d or more", t.min)
}

func storeNumber(p any, n int64) {
	switch p := p.(type) {
	case *int:
		*p = int(n)
	case *int64:
		*p = n
	case *uint32:
		*p = uint32(n)
	}
}

func loadNumber(p any) int64 {
	switch p := p.(type) {
	case *int:
		return int64(*p)
	case *int64:
		return *p
	case *uint32:
		return int64(*p)
	}
	return 0
}
