package aof

import (
	"bytes"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/redstart-db/redstart/internal/words"
)

// Kind is what a file of the folder is.
type Kind byte

// The kinds, as they are written in a manifest.
const (
	Base    Kind = 'b'
	Incr    Kind = 'i'
	History Kind = 'h' // replaced by a newer base, and to be removed
)

// File is one line of a manifest.
type File struct {
	Name string
	Seq  int64
	Kind Kind
}

// Manifest tells which files of the folder count. A manifest is changed by
// changing a copy, bringing that to disk, and only then using it.
//
//	file appendonly.aof.2.base.rdb seq 2 type b
//	file appendonly.aof.1.incr.aof seq 1 type h
//	file appendonly.aof.2.incr.aof seq 2 type i
type Manifest struct {
	Base    *File // nil: there is none
	History []File
	Incrs   []File // in order
	baseSeq int64  // the newest ever used
	incrSeq int64
}

const (
	// maxLine is how long a line of a manifest may be, in bytes with its end.
	maxLine = 1024
	// maxManifest bounds what is read of one: a server that makes an increment
	// an hour needs years to get there.
	maxManifest = 16 << 20

	baseSuffix     = ".base"
	incrSuffix     = ".incr"
	rdbSuffix      = ".rdb"
	aofSuffix      = ".aof"
	manifestSuffix = ".manifest"
	tempPrefix     = "temp-"
)

// ManifestName is the name of the manifest of files that begin with prefix.
func ManifestName(prefix string) string { return prefix + manifestSuffix }

// LockName is the path of what is locked by whoever writes the files of a folder that
// begin with prefix.
func LockName(dir, prefix string) string { return filepath.Join(dir, "."+prefix+".lock") }

// prefixOf is what the names of all files begin with of which name is one.
func prefixOf(name string) string {
	prefix := strings.TrimSuffix(name, manifestSuffix)
	for _, suffix := range []string{baseSuffix + rdbSuffix, baseSuffix + aofSuffix, incrSuffix + aofSuffix} {
		rest, ok := strings.CutSuffix(name, suffix)
		if at := strings.LastIndexByte(rest, '.'); ok && at >= 0 {
			if _, err := strconv.ParseUint(rest[at+1:], 10, 64); err == nil {
				return rest[:at]
			}
		}
	}
	return prefix
}

// What is wrong with a manifest.
var (
	errFormat    = errors.New("Invalid AOF manifest file format")
	errLong      = errors.New("The AOF manifest file contains too long line")
	errEmpty     = errors.New("Found an empty AOF manifest")
	errPath      = errors.New("File can't be a path, just a filename")
	errKind      = errors.New("Unknown AOF file type")
	errTwoBases  = errors.New("Found duplicate base file information")
	errMonotonic = errors.New("Found a non-monotonic sequence number")
)

// ManifestError is a manifest that cannot be used.
type ManifestError struct {
	Line int    // from 1
	Text string // of the line
	Err  error
}

func (e *ManifestError) Error() string { return e.Err.Error() }
func (e *ManifestError) Unwrap() error { return e.Err }

// ParseManifest reads a manifest. Errors are ManifestErrors.
func ParseManifest(b []byte) (*Manifest, error) {
	m := new(Manifest)
	n := 0
	for len(b) > 0 {
		n++
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		fail := func(err error) (*Manifest, error) {
			return nil, &ManifestError{n, string(line), err}
		}
		if len(line)+1 >= maxLine {
			return fail(errLong)
		}
		b = rest
		if len(line) > 0 && line[0] == '#' {
			continue
		}
		f, err := parseLine(line)
		if err == nil && len(f.append(nil)) >= maxLine {
			// It is read once, and written with quotes could not be read again. The names
			// that a server chooses are shorter, as those of files have 255 bytes at most.
			err = errLong
		}
		if err == nil {
			err = m.add(f)
		}
		if err != nil {
			return fail(err)
		}
	}
	if n == 0 {
		return nil, &ManifestError{0, "", errEmpty}
	}
	return m, nil
}

// parseLine reads one line: keys and values in any order, others than those known
// are passed over.
func parseLine(line []byte) (f File, err error) {
	if len(bytes.TrimSpace(line)) == 0 {
		return f, errFormat
	}
	args, ok := words.Split(line)
	if !ok || len(args) < 6 || len(args)%2 != 0 {
		return f, errFormat
	}
	for i := 0; i < len(args); i += 2 {
		value := string(args[i+1])
		switch strings.ToLower(string(args[i])) {
		case "file":
			if f.Name = value; !baseName(value) {
				return f, errPath
			}
		case "seq":
			f.Seq, _ = strconv.ParseInt(value, 10, 64)
		case "type":
			if value != "" {
				f.Kind = Kind(value[0])
			}
		}
	}
	if f.Name == "" || f.Seq <= 0 || f.Seq == math.MaxInt64 || f.Kind == 0 {
		return f, errFormat
	}
	return f, nil
}

func baseName(s string) bool { return !strings.ContainsAny(s, `/\`) && s != "." && s != ".." }

// add takes up a line.
func (m *Manifest) add(f File) error {
	switch f.Kind {
	case Base:
		if m.Base != nil {
			return errTwoBases
		}
		m.Base, m.baseSeq = &f, f.Seq
	case History:
		m.History = append(m.History, f)
	case Incr:
		if f.Seq <= m.incrSeq {
			return errMonotonic
		}
		m.Incrs = append(m.Incrs, f)
		m.incrSeq = f.Seq
	default:
		return errKind
	}
	return nil
}

// Append appends the manifest as text.
func (m *Manifest) Append(dst []byte) []byte {
	if m.Base != nil {
		dst = m.Base.append(dst)
	}
	for _, f := range m.History {
		dst = f.append(dst)
	}
	for _, f := range m.Incrs {
		dst = f.append(dst)
	}
	return dst
}

func (f *File) append(dst []byte) []byte {
	dst = append(dst, "file "...)
	if plainName(f.Name) {
		dst = append(dst, f.Name...)
	} else {
		dst = words.AppendQuoted(dst, f.Name)
	}
	dst = strconv.AppendInt(append(dst, " seq "...), f.Seq, 10)
	return append(append(dst, " type "...), byte(f.Kind), '\n')
}

// plainName tells whether a name can be written without quotes.
func plainName(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\'' || c == '\\' || c == '#' {
			return false
		}
	}
	return s != ""
}

// Clone gives a copy to be changed.
func (m *Manifest) Clone() *Manifest {
	c := *m
	if m.Base != nil {
		b := *m.Base
		c.Base = &b
	}
	c.History, c.Incrs = slices.Clone(m.History), slices.Clone(m.Incrs)
	return &c
}

// Empty tells whether nothing is there to load.
func (m *Manifest) Empty() bool { return m.Base == nil && len(m.Incrs) == 0 }

// Files gives what is to be loaded, in order.
func (m *Manifest) Files() (all []File) {
	if m.Base != nil {
		all = append(all, *m.Base)
	}
	return append(all, m.Incrs...)
}

// nextBase makes a new file the base and gives its name. The one before becomes
// history.
func (m *Manifest) nextBase(prefix string, rdb bool) string {
	if m.Base != nil {
		m.History = slices.Insert(m.History, 0, File{m.Base.Name, m.Base.Seq, History})
	}
	m.baseSeq++
	format := aofSuffix
	if rdb {
		format = rdbSuffix
	}
	m.Base = &File{prefix + "." + strconv.FormatInt(m.baseSeq, 10) + baseSuffix + format, m.baseSeq, Base}
	return m.Base.Name
}

// nextIncr adds an increment and gives its name.
func (m *Manifest) nextIncr(prefix string) string {
	m.incrSeq++
	for slices.ContainsFunc(m.History, func(f File) bool { return f.Name == incrName(prefix, m.incrSeq) }) {
		m.incrSeq++
	}
	m.Incrs = append(m.Incrs, File{incrName(prefix, m.incrSeq), m.incrSeq, Incr})
	return m.Incrs[len(m.Incrs)-1].Name
}

func incrName(prefix string, seq int64) string {
	return prefix + "." + strconv.FormatInt(seq, 10) + incrSuffix + aofSuffix
}

// tempIncrName is the name of the increment that is written until there is a
// first base.
func tempIncrName(prefix string) string { return tempPrefix + prefix + incrSuffix }

// retire makes all increments but the last keep history. The newest comes first.
func (m *Manifest) retire(keep int) {
	for len(m.Incrs) > keep {
		f := m.Incrs[0]
		m.Incrs = m.Incrs[1:]
		m.History = slices.Insert(m.History, 0, File{f.Name, f.Seq, History})
	}
	if len(m.Incrs) == 0 {
		m.Incrs, m.incrSeq = nil, 0 // numbers begin anew, as after a start
	}
}
