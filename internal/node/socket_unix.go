//go:build unix

package node

import (
	"context"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const errNoSocketSupport = unix.ESOCKTNOSUPPORT

// setBacklog listens once more, which changes the length of the queue alone.
func setBacklog(fd, length int) error { return os.NewSyscallError("listen", unix.Listen(fd, length)) }

// listenUnix listens on path. With a perm, the file has at no moment more
// permissions than that.
func listenUnix(path string, perm uint32) (net.Listener, error) {
	var lc net.ListenConfig
	restore := func() {}
	if perm != 0 {
		lc.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { restore = limitMode(int(fd), perm) })
		}
	}
	ln, err := lc.Listen(context.Background(), "unix", path)
	restore()
	if err != nil {
		return nil, err
	}
	if perm != 0 {
		// The umask may have taken bits away that were asked for.
		if err := os.Chmod(path, os.FileMode(perm)); err != nil {
			ln.Close()
			return nil, err
		}
	}
	return ln, nil
}
