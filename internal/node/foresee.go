package node

// foresight tells from what the first part of the commands of append only files has
// brought how many keys all of them will bring, so that the tables, which would grow step
// by step and move each record several times, grow once. (An RDB file says it itself.)
type foresight struct {
	done    bool
	resized bool
	base    int64 // bytes of the RDB file in front of the commands
	ran     int64 // bytes of commands, about
	keys    []int // of each database before the first
}

const (
	foreseeLeast = 32 << 20 // bytes of commands; tables for what fewer bring grow in the cache
	foreseeAfter = 16       // one part in so many is looked at
	// foreseeBytes is how many bytes there have to be left for each key that is expected.
	foreseeBytes = 16
)

// foresee is told of commands that are going to run.
func (n *Node) foresee(f *foresight, cmds [][][]byte) {
	total := n.persist.Progress.Total.Load() - f.base
	if f.keys == nil {
		if total < foreseeLeast {
			f.done = true
			return
		}
		f.keys = n.keyCounts()
	}
	if f.ran < total/foreseeAfter {
		for _, cmd := range cmds {
			for _, arg := range cmd {
				f.ran += int64(len(arg)) + 6
			}
			f.ran += 4
		}
		return
	}
	f.done, f.resized = true, true
	left := max(total-f.ran, 0)
	for db, now := range n.keyCounts() {
		added := int64(now - f.keys[db])
		if added <= 0 {
			continue
		}
		more := min(float64(added)*float64(left)/float64(f.ran), float64(left)/foreseeBytes)
		each := (now + int(more)) / n.store.Shards()
		for i := range n.store.Shards() {
			sh := n.store.Shard(i)
			sh.Lock()
			if ks := sh.DB(db); each > ks.TableSlots() {
				ks.Provide(each)
			}
			sh.Unlock()
		}
	}
}

// keyCounts gives the number of keys of each database.
func (n *Node) keyCounts() []int {
	all := n.store.All()
	n.store.Lock(all)
	defer n.store.Unlock(all)
	counts := make([]int, n.store.Databases())
	for db := range counts {
		counts[db] = n.store.Len(db)
	}
	return counts
}

// fit gives back what tables have for keys that did not come.
func (n *Node) fit(f *foresight) {
	if !f.resized {
		return
	}
	for i := range n.store.Shards() {
		for db := range n.store.Databases() {
			sh := n.store.Shard(i)
			sh.Lock()
			sh.DB(db).Fit()
			sh.Unlock()
		}
	}
}
