package store

// Wake has those who wait for a key look at it again, without a change of which
// those who watch it are told. The shard must be locked.
func (ks *Keyspace) Wake(key []byte) {
	if len(ks.sh.waiting) != 0 {
		ks.sh.wake(ks.db, key)
	}
}
