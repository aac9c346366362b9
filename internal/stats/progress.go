package stats

import "sync/atomic"

// Progress is how far the loading of files has come, for INFO. Any goroutine may read it;
// the one that loads writes it.
type Progress struct {
	Start   atomic.Int64 // Unix seconds
	Total   atomic.Int64 // bytes, of all files
	Loaded  atomic.Int64 // bytes
	UsedMem atomic.Int64 // bytes of memory that the data took when it was saved; 0 if no file says it
}

// Begin says that so many bytes are going to be loaded.
func (p *Progress) Begin(now, total int64) {
	p.Start.Store(now)
	p.Total.Store(total)
	p.Loaded.Store(0)
	p.UsedMem.Store(0)
}
