package loop

// Barrier holds back what connections are sent until something else has happened: that what they are told is on disk.
// Its methods are called by any goroutine.
type Barrier interface {
	// Holds tells whether anything is held back at present. It is called under the locks of others.
	Holds() bool
	// Mark is called before replies and pushed bytes leave, once for all those of a round of an event loop, or of one
	// connection with its own goroutine. It gives the point that has to be reached first, or 0 if they may leave. It may
	// take the time of a write to a file.
	Mark() uint64
	// Press begins to have everything reached that a mark has been given for, and is called when a loop has nothing else
	// to do. When it is not done it is to be called again: with soon after the requests that come in a moment, for they
	// can be reached together with what there is; else when what is being reached at present is, which Group.Pass tells.
	Press() (done, soon bool)
	// Underway is the point that is being reached: what has a later mark will come to be reached later.
	Underway() uint64
	// Signal is a descriptor that becomes readable, by an edge, when Landed is to be called by any goroutine; -1 if that
	// is never needed.
	Signal() int
	Landed()
	// Reached tells whether a point has been reached. Group.Pass is to be called after that has become true.
	Reached(mark uint64) bool
	// Wait returns when a point has been reached, with true, or with false when that will never be: then the bytes do
	// not leave.
	Wait(mark uint64) bool
}

// Pass has the event loops look again for bytes that may leave.
func (g *Group) Pass() {
	for _, p := range g.pollers {
		p.pass()
	}
}

// holds tells whether bytes are held back at present.
func (g *Group) holds() bool { return g.cfg.Barrier != nil && g.cfg.Barrier.Holds() }

// passes waits until bytes of a connection with its own goroutine may leave, and tells whether they may.
func (g *Group) passes() bool {
	b := g.cfg.Barrier
	if b == nil {
		return true
	}
	mark := b.Mark()
	return mark == 0 || b.Wait(mark)
}
