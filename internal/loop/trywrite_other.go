//go:build !unix

package loop

import "syscall"

// tryWriter returns nil: there is no write that cannot wait, so replies take the way over the writer.
func tryWriter(syscall.RawConn) func(b []byte) (int, error) { return nil }
