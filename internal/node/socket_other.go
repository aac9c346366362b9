//go:build !unix

package node

import (
	"net"
	"syscall"
)

const errNoSocketSupport = syscall.EAFNOSUPPORT

// setBacklog leaves the queue at the length that package net chose.
func setBacklog(int, int) error { return nil }

// markSocket does nothing: sockets have no marks here.
func markSocket(int, uint32) error { return nil }

// listenUnix listens on path. Permissions are those of the folder.
func listenUnix(path string, _ uint32) (net.Listener, error) { return net.Listen("unix", path) }
