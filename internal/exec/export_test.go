package exec

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
