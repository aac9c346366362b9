package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/node"
)

// reportCrashes has the log tell why the process ends, if that is not in order: by a
// mistake in a command, by a signal from outside, or, in the words of Go itself, by
// any other mistake.
func reportCrashes(cfg *config.Config, n *node.Node) {
	if !cfg.CrashLogEnabled {
		return
	}
	n.ReportPanics(func() { die(syscall.SIGABRT) })
	if cfg.LogFile != "" {
		// Without it the report would go to the standard error only.
		if f, err := os.OpenFile(cfg.Path(cfg.LogFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
			debug.SetCrashOutput(f, debug.CrashOptions{})
			f.Close() // it has been duplicated
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL)
	go func() {
		s := (<-signals).(syscall.Signal)
		n.ReportCrash(fmt.Sprintf("crashed by signal: %d, which was sent to it", int(s)), node.Stacks())
		die(s)
	}()
}

// die ends the process by a signal, as a crash of it would: the system may want to
// know.
func die(s syscall.Signal) {
	signal.Reset(s)
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		p.Signal(s)
	}
	time.Sleep(time.Second)
	os.Exit(2)
}
