//go:build windows || plan9

package node

import "log/slog"

func openSyslog(string, int) func(l slog.Level, msg string) { return nil }
