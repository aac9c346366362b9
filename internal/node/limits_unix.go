//go:build unix

package node

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reservedFiles is how many descriptors the server needs beside its clients.
const reservedFiles = 32

// fitMaxClients makes room for maxclients connections among the files this
// process may have open, and gives how many fit.
func (n *Node) fitMaxClients(want int) int {
	need := uint64(want) + reservedFiles
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		n.log.Warn("Unable to obtain the current NOFILE limit, assuming 1024", "err", err)
		lim = unix.Rlimit{Cur: 1024, Max: 1024}
	}
	have := uint64(lim.Cur)
	if have >= need {
		return want
	}
	// Raising the hard limit takes privileges, up to it anyone may go.
	raised := lim
	assign(&raised.Cur, need)
	assign(&raised.Max, max(need, uint64(lim.Max)))
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &raised)
	if err == nil {
		n.log.Info(fmt.Sprintf("Increased maximum number of open files to %d (it was originally set to %d).", need, have))
		return want
	}
	if have < uint64(lim.Max) && unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: lim.Max, Max: lim.Max}) == nil {
		have = uint64(lim.Max)
	}
	fit := 0
	if have > reservedFiles {
		fit = int(have - reservedFiles)
	}
	if fit == 0 {
		n.log.Warn(fmt.Sprintf("Your current 'ulimit -n' of %d is not enough for the server to start. "+
			"Please increase your open file limit to at least %d. Exiting.", have, need))
		return 0
	}
	n.log.Warn(fmt.Sprintf("You requested maxclients of %d requiring at least %d max file descriptors.", want, need))
	n.log.Warn(fmt.Sprintf("Server can't set maximum open files to %d because of OS error: %s.", need, reason(err)))
	n.log.Warn(fmt.Sprintf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. "+
		"If you need higher maxclients increase 'ulimit -n'.", have, fit))
	return fit
}

// assign sets a field whose type differs from system to system.
func assign[T int64 | uint64](field *T, v uint64) { *field = T(v) }
