// Package scripting has the commands that run scripts and functions.
package scripting

import (
	"context"
	"log/slog"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/script"
)

// Executor runs the commands of scripts; the executor is one.
type Executor interface {
	BeginScript(c *command.Ctx, o command.ScriptOptions)
	EndScript(c *command.Ctx)
	PollScript() string
	CallFromScript(args [][]byte) []byte
	ScriptProto(proto int)
	KillScript(function bool) string
	RunningScript() *command.RunningScript
	MayRun(c *command.Ctx, args [][]byte) (allowed, known bool)
}

// Engine is what this package asks of an interpreter.
type Engine interface {
	script.Engine
	// FlushFunctions forgets what functions have left.
	FlushFunctions()
	// UsedByFunctions is Used of what functions run in.
	UsedByFunctions() int64
}

// Scripts is the scripts and libraries of an instance. It is changed by commands that
// have stopped all workers, and may be read by any command.
type Scripts struct {
	x      Executor
	engine Engine

	cached map[string]*source // by SHA,
	bodies map[string]*source // and by what they are made of
	bytes  int64              // of them

	libraries map[string]*library
	functions map[string]*function
	libBytes  int64

	host host
}

// source is a script that was sent or loaded.
type source struct {
	sha    string
	script script.Script
	flags  script.Flags
}

// New makes an empty collection for an instance.
func New(x Executor, e Engine) *Scripts {
	s := &Scripts{x: x, engine: e}
	s.host.x = x
	s.flushScripts()
	s.flushFunctions()
	return s
}

// Close ends the interpreter. No script may run.
func (s *Scripts) Close() { s.engine.Close() }

// Usage is what scripts and functions take, for INFO.
type Usage struct {
	Engine, FunctionEngine, Scripts, Functions int64 // bytes
	Cached, Libraries, Defined                 int
}

// Usage tells what scripts and functions take. All workers must be stopped.
func (s *Scripts) Usage() Usage {
	return Usage{
		Engine: s.engine.Used(), FunctionEngine: s.engine.UsedByFunctions(), Scripts: s.bytes, Functions: s.libBytes,
		Cached: len(s.cached), Libraries: len(s.libraries), Defined: len(s.functions),
	}
}

// host is the server as scripts see it.
type host struct {
	x Executor
	c *command.Ctx
}

func (h *host) Call(args [][]byte) []byte { return h.x.CallFromScript(args) }
func (h *host) Poll() string              { return h.x.PollScript() }
func (h *host) SetProto(proto int)        { h.x.ScriptProto(proto) }

func (h *host) CheckACL(args [][]byte) (allowed, known bool) { return h.x.MayRun(h.c, args) }

func (h *host) Log(level int, msg string) {
	l := [...]slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}[level]
	h.c.Logger.Log(context.Background(), l, msg)
}

const (
	errNegative   = "ERR Number of keys can't be negative"
	errTooMany    = "ERR Number of keys can't be greater than number of args"
	errNoScript   = "NOSCRIPT No matching script. Please use EVAL."
	errNoDebugger = "ERR The script debugger is not available on this server"
	errWriting    = "ERR Can not execute a script with write flag using *_ro command."
)

// readOnly tells whether the command is one of those that end in _ro.
func readOnly(c *command.Ctx) bool { return strings.HasSuffix(c.Spec.Name, "_ro") }

// keys splits the arguments behind a number of keys. text is the error when there is
// no such number.
func keysOf(c *command.Ctx, text string) (keys, args [][]byte, ok bool) {
	n, isInt := num.ParseInt(c.Args[2])
	switch {
	case !isInt:
		c.Err(text)
	case n > int64(len(c.Args)-3):
		c.Err(errTooMany)
	case n < 0:
		c.Err(errNegative)
	default:
		return c.Args[3 : 3+n], c.Args[3+n:], true
	}
	return nil, nil, false
}

// done replies with the error of a script.
func done(c *command.Ctx, name string, fail *script.Error) {
	text := fail.Text + " script: " + name
	if fail.Source != "" && fail.Line > 0 {
		text += ", on @" + fail.Source + ":" + string(num.AppendInt(nil, int64(fail.Line))) + "."
	}
	if fail.Counted {
		c.Fail(text)
		return
	}
	c.Err(text)
}
