package node

import (
	"os"

	"golang.org/x/sys/unix"
)

// limitMode gives the file that the socket will be bound to no more permissions
// than perm: Linux takes them from the socket.
func limitMode(fd int, perm uint32) (restore func()) {
	// Where it fails, the change of mode that follows the bind remains.
	_ = unix.Fchmod(fd, perm)
	return func() {}
}

// markSocket sets the mark that the system's routing and filtering know the
// socket by.
func markSocket(fd int, mark uint32) error {
	if mark == 0 {
		return nil
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(mark)))
}
