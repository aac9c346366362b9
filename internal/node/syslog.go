//go:build !windows && !plan9

package node

import (
	"log/slog"
	"log/syslog"
)

// openSyslog gives a function that sends messages to the system's log. Without
// one on this system there is none either: the log itself goes on.
func openSyslog(ident string, facility int) func(l slog.Level, msg string) {
	f := syslog.LOG_USER
	if facility > 0 {
		f = syslog.LOG_LOCAL0 + syslog.Priority(facility-1)<<3
	}
	w, err := syslog.New(f|syslog.LOG_NOTICE, ident)
	if err != nil {
		return nil
	}
	return func(l slog.Level, msg string) {
		// A failure has nowhere to be reported but the log itself, which
		// has the message.
		switch {
		case l < slog.LevelInfo:
			_ = w.Debug(msg)
		case l < slog.LevelWarn:
			_ = w.Notice(msg)
		default:
			_ = w.Warning(msg)
		}
	}
}
