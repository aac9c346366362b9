package store

// Collapse turns up to max full regions of 2 MiB of the shards' arenas into huge
// pages, and gives their number. It takes one shard's lock at a time, and none
// while the system moves a region. The caller makes sure that the store is not
// closed meanwhile, and that nobody gives memory back to the system.
func (st *Store) Collapse(max int) (n int) {
	for i := range st.shards {
		sh := &st.shards[i]
		sh.Lock()
		r := sh.arena.NextRegion()
		sh.Unlock()
		if r == nil {
			continue
		}
		// A region that cannot be moved now stays as it is: nothing is lost
		// but speed.
		if r.Collapse() == nil {
			n++
		}
		if max--; max <= 0 {
			break
		}
	}
	return n
}
