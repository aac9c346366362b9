package exec

import (
	"runtime"
	"slices"
	"strings"
)

// Elements gives the scratch space for elements of a series, whole.
func (w *Worker) Elements() [][]byte { return w.elems[:cap(w.elems)] }

// ChangeBetween has f change the rules of users at the moment when the commands that
// begin runs have passed the gates, and wait for the right to stop workers.
func (x *Exec) ChangeBetween(begin, f func()) {
	x.World.acquire(true)
	defer x.World.release()
	begin()
	for _, k := range x.World.workers {
		k.mu.Lock()
		defer k.mu.Unlock()
	}
	f()
	x.UsersChanged()
}

// CommandWaits tells whether a command waits for the right to stop workers. Nothing counts
// those who do, but the stacks of their goroutines show it.
func CommandWaits() bool {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	return slices.ContainsFunc(strings.Split(string(all), "\n\n"), func(stack string) bool {
		return strings.Contains(stack, "(*World).acquire(") && strings.Contains(stack, "(*Exec).call(")
	})
}
