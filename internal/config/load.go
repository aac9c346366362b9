package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxIncludeDepth = 16
	maxConfigBytes  = 64 << 20 // of all files of one load together
)

// FileError is a line that could not be taken, or a file that could not be
// read, in which case Line is 0.
type FileError struct {
	File string // empty for the command line and standard input
	Line int    // counted from 1
	Text string // the line
	Msg  string
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.Msg
	}
	where := e.File
	if where == "" {
		where = "configuration"
	}
	return fmt.Sprintf("%s:%d: '%s': %s", where, e.Line, e.Text, e.Msg)
}

// Report returns what the server prints before it gives up. version is like
// "Redis 7.0.15".
func (e *FileError) Report(version string) string {
	if e.Line == 0 {
		return e.Msg + "\n"
	}
	return fmt.Sprintf("\n*** FATAL CONFIG FILE ERROR (%s) ***\nReading the configuration file, at line %d\n>>> '%s'\n%s\n",
		version, e.Line, e.Text, e.Msg)
}

// Statement is a line that is kept as it was read, for its owner to carry out.
type Statement struct {
	Args []string // without the directive's name
	File string
	Line int
	Text string

	included bool // from a file that another names
}

// Error returns the error of a line that its owner cannot carry out.
func (s *Statement) Error(msg string) *FileError {
	return &FileError{s.File, s.Line, s.Text, msg}
}

// LoadFile reads a configuration file into c and notes it in File. Errors are
// *FileError; c is then partly changed and of no use.
func (c *Config) LoadFile(path string) error {
	l := newLoader(c)
	path = c.Path(path)
	text, err := l.read(path)
	if err != nil {
		return err
	}
	c.File = path
	return l.load(text, path)
}

// Load reads the text of a configuration file. name is used in errors. See
// LoadFile.
func (c *Config) Load(r io.Reader, name string) error {
	l := newLoader(c)
	text, err := l.readAll(r, name)
	if err != nil {
		return err
	}
	return l.load(text, name)
}

// loader reads the files of one configuration.
type loader struct {
	c      *Config
	depth  int
	budget int64 // bytes that may still be read
	users  map[string]bool

	open func(path string) (io.ReadCloser, error)
	glob func(pattern string) ([]string, error)
}

func newLoader(c *Config) *loader {
	return &loader{
		c:      c,
		budget: maxConfigBytes,
		users:  make(map[string]bool),
		open:   func(path string) (io.ReadCloser, error) { return os.Open(path) },
		glob:   filepath.Glob,
	}
}

func (l *loader) read(path string) (string, error) {
	f, err := l.open(path)
	if err != nil {
		return "", &FileError{File: path, Msg: fmt.Sprintf("Fatal error, can't open config file '%s': %s", path, systemError(err))}
	}
	defer f.Close()
	return l.readAll(f, path)
}

func (l *loader) readAll(r io.Reader, name string) (string, error) {
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, l.budget+1))
	if err != nil {
		return "", &FileError{File: name, Msg: fmt.Sprintf("Fatal error, can't read config file '%s': %s", name, systemError(err))}
	}
	if n > l.budget {
		return "", &FileError{File: name, Msg: fmt.Sprintf("Fatal error, config file '%s' is too large", name)}
	}
	l.budget -= n
	return b.String(), nil
}

// load carries out the lines of text.
func (l *loader) load(text, name string) error {
	for n := 1; text != ""; n++ {
		var raw string
		raw, text, _ = strings.Cut(text, "\n")
		s := Statement{File: name, Line: n, Text: strings.Trim(raw, " \t\r\n"), included: l.depth > 0}
		if s.Text == "" || s.Text[0] == '#' {
			continue
		}
		if err := l.line(&s); err != nil {
			var in *FileError
			if errors.As(err, &in) {
				return in
			}
			return s.Error(err.Error())
		}
	}
	return nil
}

var errDirective = errors.New("Bad directive or wrong number of arguments")

func (l *loader) line(s *Statement) error {
	words, ok := splitWords(s.Text)
	if !ok {
		return errors.New("Unbalanced quotes in configuration line")
	}
	if len(words) == 0 {
		return nil
	}
	name := strings.ToLower(words[0])
	s.Args = words[1:]
	if name == "sentinel" {
		return errors.New("sentinel directive while not in sentinel mode")
	}
	i, d := lookup(name)
	if d == nil {
		return errDirective
	}
	if d.typ.kind == kindLine {
		return l.fileOnly(name, s)
	}
	return d.parse(l.c, i, s.Args, true)
}

// fileOnly carries out the directives that CONFIG does not know.
func (l *loader) fileOnly(name string, s *Statement) error {
	switch n := len(s.Args); {
	case name == "include" && n == 1:
		return l.include(s.Args[0])
	case name == "rename-command" && n == 2:
		return l.rename(s)
	case name == "user" && n >= 1:
		return l.user(s)
	case name == "loadmodule" && n >= 1:
		l.c.Modules = append(l.c.Modules, *s)
		return nil
	case strings.HasPrefix(name, "list-max-ziplist-") && n == 1, name == "lua-replicate-commands" && n == 1:
		return nil
	}
	return errDirective
}

func (l *loader) rename(s *Statement) error {
	if l.c.RenameCommands == nil {
		l.c.RenameCommands = make(map[string]string)
	}
	l.c.RenameCommands[strings.ToLower(s.Args[0])] = s.Args[1]
	l.c.Renames = append(l.c.Renames, *s)
	return nil
}

func (l *loader) user(s *Statement) error {
	if l.users[s.Args[0]] {
		return fmt.Errorf("Error in user declaration '%s': Duplicate user found. A user can only be defined once in config files", s.Args[0])
	}
	l.users[s.Args[0]] = true
	l.c.Users = append(l.c.Users, *s)
	l.c.UserLines = append(l.c.UserLines, JoinWords(s.Args))
	return nil
}

// include reads a file, or all that match a pattern. A pattern may match none.
func (l *loader) include(name string) error {
	if l.depth == maxIncludeDepth {
		return errors.New("Too many levels of include")
	}
	paths := []string{l.c.Path(name)}
	if strings.ContainsAny(name, "*?[") {
		var err error
		if paths, err = l.glob(paths[0]); err != nil {
			return fmt.Errorf("Bad pattern in include: %w", err)
		}
	}
	l.depth++
	defer func() { l.depth-- }()
	for _, path := range paths {
		text, err := l.read(path)
		if err != nil {
			return err
		}
		if err := l.load(text, path); err != nil {
			return err
		}
	}
	return nil
}
