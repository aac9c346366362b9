//go:build !unix

package main

import (
	"fmt"
	"io"
)

func isDaemon() bool { return false }

func daemonize(_ []string, _ []byte, stderr io.Writer) int {
	fmt.Fprintln(stderr, "This system has no way to go on in the background (daemonize yes).")
	return 1
}

func daemonReady() {}

func stopSelf() {}
