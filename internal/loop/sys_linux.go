package loop

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below enter the kernel without telling the Go scheduler, which costs more than the rest of such a call's
// way through user space. That is right only for calls that do not wait, or not for long: the descriptors are
// non-blocking. It is the one reason for this file to import unsafe; nothing but the address of a buffer is formed with it.

// recv receives into b, which is not empty. n is 0 at the end of the stream.
func recv(fd int32, b []byte) (n int, errno unix.Errno) {
	r, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(r), 0
}

// recvBoth receives into b, which is not empty, and then into behind.
func recvBoth(fd int32, b, behind []byte) (n int, errno unix.Errno) {
	if len(behind) == 0 {
		return recv(fd, b)
	}
	v := [2]unix.Iovec{{Base: &b[0]}, {Base: &behind[0]}}
	v[0].SetLen(len(b))
	v[1].SetLen(len(behind))
	r, _, e := unix.RawSyscall(unix.SYS_READV, uintptr(fd), uintptr(unsafe.Pointer(&v)), uintptr(len(v)))
	if e != 0 {
		return -1, e
	}
	return int(r), 0
}

// send sends of b, which is not empty, what the socket takes.
func send(fd int32, b []byte) (n int, errno unix.Errno) {
	for {
		r, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
			unix.MSG_NOSIGNAL, 0, 0)
		switch e {
		case 0:
			return int(r), 0
		case unix.EAGAIN:
			return 0, 0
		case unix.EINTR:
			continue
		}
		return 0, e
	}
}

// poll returns the number of events that are ready now.
func poll(epfd int, events []unix.EpollEvent) int {
	r, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), 0, 0, 0)
	if e != 0 {
		return 0
	}
	return int(r)
}

// nap is poll, but waits up to d for the first event. It returns 0 at once on kernels before 5.11.
func nap(epfd int, events []unix.EpollEvent, d *unix.Timespec) int {
	r, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(unsafe.Pointer(d)), 0, 0)
	if e != 0 {
		return 0
	}
	return int(r)
}

// wait waits until an event is ready, or a signal comes, and lets the Go scheduler use the processor meanwhile.
func wait(epfd int, events []unix.EpollEvent) int {
	r, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), ^uintptr(0), 0, 0)
	if e != 0 {
		return 0
	}
	return int(r)
}
