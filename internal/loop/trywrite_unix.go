//go:build unix

package loop

import "syscall"

// tryWriter returns a function that writes to a non-blocking descriptor what fits at once.
func tryWriter(rc syscall.RawConn) func(b []byte) (int, error) {
	return func(b []byte) (n int, err error) {
		cerr := rc.Write(func(fd uintptr) bool {
			for {
				n, err = syscall.Write(int(fd), b)
				if err != syscall.EINTR {
					break
				}
			}
			return true
		})
		if cerr != nil {
			return 0, cerr
		}
		if err == syscall.EAGAIN {
			err = nil
		}
		return max(n, 0), err
	}
}
