package scripting

import (
	"slices"
	"sort"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/glob"
	"github.com/redstart-db/redstart/internal/script"
	"github.com/redstart-db/redstart/internal/words"
)

// library is functions that were loaded together.
type library struct {
	name, code string
	functions  []*function // by name
}

type function struct {
	script.Function
	lib *library
}

func (s *Scripts) flushFunctions() {
	s.libraries, s.functions = make(map[string]*library), make(map[string]*function)
	s.libBytes = 0
}

// header reads the first line of a library's code: "#!lua name=mylib".
func header(code string) (name, body, text string) {
	line, body, ok := strings.Cut(code, "\n")
	if !strings.HasPrefix(code, "#!") {
		return "", "", "ERR Missing library metadata"
	}
	if !ok {
		return "", "", "ERR Invalid library metadata"
	}
	split, ok := words.Split([]byte(line))
	if !ok || len(split) == 0 {
		return "", "", "ERR Invalid library metadata"
	}
	named := false
	for _, word := range split[1:] {
		w := string(word)
		if len(w) < 5 || !strings.EqualFold(w[:5], "name=") {
			return "", "", "ERR Invalid metadata value given: " + w
		}
		if named {
			return "", "", "ERR Invalid metadata value, name argument was given multiple times"
		}
		name, named = w[5:], true
	}
	if !named {
		return "", "", "ERR Library name was not given"
	}
	if !script.ValidName(name) {
		return "", "", "ERR " + script.BadName
	}
	if engine := string(split[0][2:]); !strings.EqualFold(engine, "lua") {
		return "", "", "ERR Engine '" + engine + "' not found"
	}
	return name, "\n" + body, ""
}

// LoadLibrary takes up a library. It gives its name, or the error for a client. All
// workers must be stopped, or nothing run yet.
func (s *Scripts) LoadLibrary(code string, replace bool) (name, text string) {
	name, body, text := header(code)
	if text != "" {
		return "", text
	}
	old := s.libraries[name]
	if old != nil && !replace {
		return "", "ERR Library '" + name + "' already exists"
	}
	found, err := s.engine.Load(body, &loading{s: s})
	if err != nil {
		return "", "ERR " + err.Error()
	}
	if len(found) == 0 {
		return "", "ERR No functions registered"
	}
	lib := &library{name: name, code: code}
	for _, f := range found {
		if have := s.functions[strings.ToLower(f.Name)]; have != nil && have.lib != old {
			return "", "ERR Function " + f.Name + " already exists"
		}
		lib.functions = append(lib.functions, &function{f, lib})
	}
	if old != nil {
		s.remove(old)
	}
	slices.SortFunc(lib.functions, func(a, b *function) int { return strings.Compare(a.Name, b.Name) })
	s.libraries[name] = lib
	for _, f := range lib.functions {
		s.functions[strings.ToLower(f.Name)] = f
	}
	s.libBytes += lib.size()
	return name, ""
}

// loading is the host of a library that is being loaded: it runs no commands, and may
// take little time.
type loading struct {
	s     *Scripts
	polls int
}

func (*loading) Call([][]byte) []byte                 { return []byte("-ERR not while a library is loaded\r\n") }
func (*loading) SetProto(int)                         {}
func (*loading) CheckACL([][]byte) (allowed, ok bool) { return false, false }
func (l *loading) Log(level int, msg string)          {}

// loadPolls bounds the loading of a library, in thousands of instructions.
const loadPolls = 20_000

func (l *loading) Poll() string {
	if l.polls++; l.polls > loadPolls {
		return "ERR FUNCTION LOAD timeout"
	}
	return ""
}

func (l *library) size() int64 {
	n := int64(len(l.code) + len(l.name) + 100)
	for _, f := range l.functions {
		n += int64(len(f.Name) + len(f.Description) + 120)
	}
	return n
}

func (s *Scripts) remove(l *library) {
	delete(s.libraries, l.name)
	for _, f := range l.functions {
		delete(s.functions, strings.ToLower(f.Name))
	}
	s.libBytes -= l.size()
}

// Libraries gives the sources of all libraries, by name. All workers must be stopped.
func (s *Scripts) Libraries() []string {
	var all []string
	for _, l := range s.sorted() {
		all = append(all, l.code)
	}
	return all
}

func (s *Scripts) sorted() []*library {
	all := make([]*library, 0, len(s.libraries))
	for _, l := range s.libraries {
		all = append(all, l)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

// FlushFunctions forgets all libraries. All workers must be stopped.
func (s *Scripts) FlushFunctions() {
	s.flushFunctions()
	s.engine.FlushFunctions()
}

func (s *Scripts) fcall(c *command.Ctx) {
	f, ok := s.functions[strings.ToLower(string(c.Args[1]))]
	if !ok {
		c.Err("ERR Function not found")
		return
	}
	keys, args, ok := keysOf(c, "ERR Bad number of keys provided")
	if !ok {
		return
	}
	o := command.ScriptOptions{
		Name: f.Name, Function: true, ReadOnly: f.Flags&script.NoWrites != 0,
		AllowOOM: f.Flags&(script.AllowOOM|script.NoWrites) != 0, Stale: f.Flags&script.AllowStale != 0,
	}
	if readOnly(c) && !o.ReadOnly {
		c.Err(errWriting)
		return
	}
	s.x.BeginScript(c, o)
	defer s.x.EndScript(c)
	s.host.c = c
	call := script.Call{Host: &s.host, Keys: keys, Args: args, Proto: int(c.Sess.Proto)}
	start := len(c.Out)
	out, fail := s.engine.Invoke(c.Out, f.Func, &call)
	s.replied(c, out, start, f.Name, fail, call.Counted)
}

func (s *Scripts) functionLoad(c *command.Ctx) {
	replace := false
	for i := 2; i < len(c.Args)-1; i++ {
		if !c.Is(i, "REPLACE") {
			c.Err("ERR Unknown option given: " + command.PrintedLast(c.Args[i]))
			return
		}
		replace = true
	}
	name, text := s.LoadLibrary(string(c.Args[len(c.Args)-1]), replace)
	if text != "" {
		c.Err(text)
		return
	}
	c.Dirty(1)
	c.Str(name)
}

func (s *Scripts) functionDelete(c *command.Ctx) {
	l, ok := s.libraries[string(c.Args[2])]
	if !ok {
		c.Err("ERR Library not found")
		return
	}
	s.remove(l)
	c.Dirty(1)
	c.OK()
}

func (s *Scripts) functionFlush(c *command.Ctx) {
	if len(c.Args) > 3 {
		c.UnknownSubcommand(c.Args[1])
		return
	}
	if len(c.Args) == 3 && !c.Is(2, "SYNC") && !c.Is(2, "ASYNC") {
		c.Err("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
		return
	}
	s.FlushFunctions()
	c.Dirty(1)
	c.OK()
}

func (s *Scripts) functionList(c *command.Ctx) {
	var pattern []byte
	withCode := false
	for i := 2; i < len(c.Args); i++ {
		switch {
		case !withCode && c.Is(i, "WITHCODE"):
			withCode = true
		case pattern == nil && c.Is(i, "LIBRARYNAME"):
			if i++; i >= len(c.Args) {
				c.Err("ERR library name argument was not given")
				return
			}
			pattern = c.Args[i]
		default:
			c.Err("ERR Unknown argument " + command.PrintedAll(c.Args[i]))
			return
		}
	}
	m, n := c.Defer(), 0
	for _, l := range s.sorted() {
		if pattern != nil && !glob.Match(pattern, []byte(l.name), true) {
			continue
		}
		n++
		l.describe(c, withCode)
	}
	c.End(m, n)
}

func (l *library) describe(c *command.Ctx, withCode bool) {
	if withCode {
		c.Map(4)
	} else {
		c.Map(3)
	}
	c.Str("library_name")
	c.Str(l.name)
	c.Str("engine")
	c.Str("LUA")
	c.Str("functions")
	c.Array(len(l.functions))
	for _, f := range l.functions {
		c.Map(3)
		c.Str("name")
		c.Str(f.Name)
		c.Str("description")
		if f.Description == "" {
			c.Null()
		} else {
			c.Str(f.Description)
		}
		c.Str("flags")
		var names []string
		for i, name := range script.FlagNames() {
			if f.Flags>>i&1 != 0 {
				names = append(names, name)
			}
		}
		c.Set(len(names))
		for _, name := range names {
			c.Simple(name)
		}
	}
	if withCode {
		c.Str("library_code")
		c.Str(l.code)
	}
}

func (s *Scripts) functionStats(c *command.Ctx) {
	c.Map(2)
	c.Str("running_script")
	if r := s.x.RunningScript(); r != nil {
		c.Map(3)
		c.Str("name")
		c.Str(r.Name)
		c.Str("command")
		c.Array(len(r.Command))
		for _, a := range r.Command {
			c.Str(a)
		}
		c.Str("duration_ms")
		c.Int((c.Clock.Nano() - r.Start) / 1e6)
	} else {
		c.Null()
	}
	c.Str("engines")
	c.Map(1)
	c.Str("LUA")
	c.Map(2)
	c.Str("libraries_count")
	c.Int(int64(len(s.libraries)))
	c.Str("functions_count")
	c.Int(int64(len(s.functions)))
}

func (s *Scripts) functionKill(c *command.Ctx) { s.killed(c, s.x.KillScript(true)) }

func (s *Scripts) functionHelp(c *command.Ctx) {
	c.Help(
		"LOAD [REPLACE] <FUNCTION CODE>",
		"    Add the library of a source, or put it in the place of one with its name.",
		"DELETE <LIBRARY NAME>",
		"    Remove a library.",
		"LIST [LIBRARYNAME PATTERN] [WITHCODE]",
		"    Libraries with their functions, and their sources if wanted.",
		"STATS",
		"    The function that runs, and what the engine holds.",
		"KILL",
		"    End the function that runs, unless it has written.",
		"FLUSH [ASYNC|SYNC]",
		"    Remove all libraries.",
		"DUMP",
		"    All libraries as a payload for RESTORE.",
		"RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
		"    Add the libraries of a payload: after removing all others, or only if all are new,",
		"    or in the place of those with their names.",
	)

}
