//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// daemonEnv is set for the process that goes on in the background. Its descriptor
// 3 is a pipe on which it says that it is ready.
const daemonEnv = "REDSTART_DAEMON"

func isDaemon() bool { return os.Getenv(daemonEnv) == "1" }

// daemonize goes on in the background and returns when the server is ready there.
// A Go program cannot fork, so it is started once more, in a session of its own,
// with what was read from standard input.
func daemonize(argv []string, stdin []byte, stderr io.Writer) int {
	ready, tell, err := os.Pipe()
	if err == nil {
		defer ready.Close()
		err = startDaemon(argv, stdin, tell)
		tell.Close()
	}
	if err != nil {
		fmt.Fprintln(stderr, "Can't go on in the background:", err)
		return 1
	}
	ready.SetReadDeadline(time.Now().Add(readyLimit)) // pipes have deadlines
	if n, err := ready.Read(make([]byte, 1)); n == 0 && err == io.EOF {
		fmt.Fprintln(stderr, "The server ended before it was ready; its log says why.")
		return 1
	}
	return 0
}

func startDaemon(argv []string, stdin []byte, tell *os.File) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Env = append(os.Environ(), daemonEnv+"=1")
	cmd.ExtraFiles = []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if len(stdin) > 0 {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	return cmd.Start()
}

// daemonReady tells the process that started this daemon that it may end.
func daemonReady() {
	if !isDaemon() {
		return
	}
	os.Unsetenv(daemonEnv)
	f := os.NewFile(3, "ready")
	f.Write([]byte{1}) // Without a reader nobody waits.
	f.Close()
}

// stopSelf stops this process until it is told to go on.
func stopSelf() { syscall.Kill(os.Getpid(), syscall.SIGSTOP) }
