package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/config"
)

// LevelVerbose lies between debug and info, as loglevel verbose does.
const LevelVerbose = slog.LevelDebug + 2

// levelOf gives the level of slog for a loglevel.
func levelOf(l config.LogLevel) slog.Level {
	switch l {
	case config.LogDebug:
		return slog.LevelDebug
	case config.LogVerbose:
		return LevelVerbose
	case config.LogNotice:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// Roles of a process, as they are shown in its log.
const (
	RoleStarting = 'C'
	RoleMaster   = 'M'
	RoleReplica  = 'S'
)

// LogHandler writes the log as Redis does, one line per message:
//
//	4711:M 21 Nov 2026 20:28:00.123 * message key=value
//
// with a sign for the level: . debug, - verbose, * notice, # warning.
type LogHandler struct {
	sink  *logSink
	attrs string // of With, rendered
	group string // of WithGroup, with its dot
}

type logSink struct {
	level atomic.Int64
	role  atomic.Int32
	pid   int
	path  string // empty: out is used
	also  func(l slog.Level, msg string)

	mu  sync.Mutex
	out io.Writer
	buf []byte
}

// NewLogHandler makes the handler that the configuration asks for. Without a
// log file, lines go to out. A log file that cannot be written to is an error.
func NewLogHandler(cfg *config.Config, out io.Writer) (*LogHandler, error) {
	s := &logSink{pid: os.Getpid(), out: out}
	s.level.Store(int64(levelOf(cfg.LogLevel)))
	s.role.Store(RoleStarting)
	if cfg.LogFile != "" {
		s.path = cfg.Path(cfg.LogFile)
		f, err := openLog(s.path)
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	if cfg.SyslogEnabled {
		s.also = openSyslog(cfg.SyslogIdent, int(cfg.SyslogFacility))
	}
	return &LogHandler{sink: s}, nil
}

func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

// SetLevel changes which messages are written.
func (h *LogHandler) SetLevel(l config.LogLevel) { h.sink.level.Store(int64(levelOf(l))) }

// SetRole changes the letter behind the process id.
func (h *LogHandler) SetRole(role rune) { h.sink.role.Store(role) }

// Raw writes text that is not a message, such as a banner.
func (h *LogHandler) Raw(text string) {
	h.sink.mu.Lock()
	defer h.sink.mu.Unlock()
	h.sink.write([]byte(text))
}

// Enabled implements slog.Handler.
func (h *LogHandler) Enabled(_ context.Context, l slog.Level) bool {
	return int64(l) >= h.sink.level.Load()
}

// Handle implements slog.Handler.
func (h *LogHandler) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	text.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		writeAttr(&text, h.group, a)
		return true
	})
	return h.sink.message(r.Time, r.Level, text.String())
}

// WithAttrs implements slog.Handler.
func (h *LogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var text strings.Builder
	text.WriteString(h.attrs)
	for _, a := range attrs {
		writeAttr(&text, h.group, a)
	}
	return &LogHandler{h.sink, text.String(), h.group}
}

// WithGroup implements slog.Handler.
func (h *LogHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &LogHandler{h.sink, h.attrs, h.group + name + "."}
}

func writeAttr(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, sub := range v.Group() {
			writeAttr(b, group, sub)
		}
		return
	}
	if a.Key == "" {
		return
	}
	s := v.String()
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || r == 0x7f }) {
		s = strconv.Quote(s)
	}
	fmt.Fprintf(b, " %s%s=%s", group, a.Key, s)
}

func sign(l slog.Level) byte {
	switch {
	case l < LevelVerbose:
		return '.'
	case l < slog.LevelInfo:
		return '-'
	case l < slog.LevelWarn:
		return '*'
	}
	return '#'
}

// message writes one line. What others have put into it cannot begin another.
func (s *logSink) message(t time.Time, l slog.Level, text string) error {
	if t.IsZero() {
		t = time.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := strconv.AppendInt(s.buf[:0], int64(s.pid), 10)
	b = append(b, ':', byte(s.role.Load()), ' ')
	b = t.AppendFormat(b, "02 Jan 2006 15:04:05.000")
	b = append(b, ' ', sign(l), ' ')
	for i := range len(text) {
		c := text[i]
		if c == '\n' || c == '\r' {
			c = ' '
		}
		b = append(b, c)
	}
	b = append(b, '\n')
	s.buf = b[:0]
	if s.also != nil {
		s.also(l, text)
	}
	return s.write(b)
}

// write opens a log file anew each time, so that it can be moved away at any
// moment (logrotate).
func (s *logSink) write(b []byte) error {
	if s.path == "" {
		_, err := s.out.Write(b)
		return err
	}
	f, err := openLog(s.path)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
