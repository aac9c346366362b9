package vfs

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Syncs has the system sync files while nobody waits for it: one sync at a time. It is
// used by one goroutine at a time.
//
// A goroutine that syncs would do the same, but it blocks a thread: the Go scheduler's
// monitor takes that one's processor away and stays awake for it, and goroutines move
// between threads. The system's own interface for files (io_submit)
// knows fdatasync since Linux 4.18; package unsafe is imported for its structures alone.
type Syncs struct {
	signal  int
	ctx     uintptr // 0: not set up yet
	none    bool    // the system has no such thing, or does not let us
	request iocb
	list    *iocb // of requests: the address of request
}

// iocb is struct iocb of linux/aio_abi.h. What a sync has no use for is blank: data, key
// and rw_flags; the priority; the buffer, its length and the offset.
type iocb struct {
	_      [2]uint64
	opcode uint16
	_      int16
	fd     uint32
	_      [4]uint64
	flags  uint32
	resfd  uint32
}

// ioEvent is struct io_event.
type ioEvent struct {
	data, obj uint64
	res, res2 int64
}

const (
	opFdsync  = 3 // IOCB_CMD_FDSYNC
	flagResfd = 1 // IOCB_FLAG_RESFD
)

// NewSyncs makes a Syncs. Close must be called.
func NewSyncs() *Syncs {
	s := &Syncs{signal: -1}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		s.none = true
		return s
	}
	s.signal = fd
	s.request = iocb{opcode: opFdsync, flags: flagResfd, resfd: uint32(fd)}
	s.list = &s.request
	return s
}

// Signal is a descriptor that becomes readable, by an edge, when a sync is done; -1 if
// none ever will be.
func (s *Syncs) Signal() int { return s.signal }

// start is Start for a file of the system.
func (s *Syncs) start(f osFile) error {
	if s.none {
		return ErrNoSyncs
	}
	if s.ctx == 0 {
		if _, _, e := unix.RawSyscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&s.ctx)), 0); e != 0 {
			s.none = true
			return ErrNoSyncs
		}
	}
	s.request.fd = uint32(f.Fd())
	if _, _, e := unix.RawSyscall(unix.SYS_IO_SUBMIT, s.ctx, 1, uintptr(unsafe.Pointer(&s.list))); e != 0 {
		s.none = e != unix.EAGAIN
		return ErrNoSyncs
	}
	return nil
}

// Wait tells whether the sync that is underway is done, and how it went. With wait it
// returns only then.
func (s *Syncs) Wait(wait bool) (done bool, err error) {
	var ev ioEvent
	for {
		var n uintptr
		var e unix.Errno
		if wait {
			n, _, e = unix.Syscall6(unix.SYS_IO_GETEVENTS, s.ctx, 1, 1, uintptr(unsafe.Pointer(&ev)), 0, 0)
		} else {
			n, _, e = unix.RawSyscall6(unix.SYS_IO_GETEVENTS, s.ctx, 0, 1, uintptr(unsafe.Pointer(&ev)), 0, 0)
		}
		switch {
		case e == unix.EINTR:
		case e != 0:
			return true, os.NewSyscallError("io_getevents", e)
		case n == 0:
			return false, nil
		case ev.res < 0:
			return true, os.NewSyscallError("fdatasync", unix.Errno(-ev.res))
		default:
			return true, nil
		}
	}
}

// Close lets go of what the system keeps for it. None is underway.
func (s *Syncs) Close() {
	if s.ctx != 0 {
		unix.RawSyscall(unix.SYS_IO_DESTROY, s.ctx, 0, 0)
	}
	if s.signal >= 0 {
		unix.Close(s.signal)
	}
	s.ctx, s.signal, s.none = 0, -1, true
}
