package exec

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/store"
)

// A landing is a large argument that arrives where it is going to be kept: in a block of the
// arena of its key's shard, which becomes the value when the command stores it. So it is
// not received into a buffer and then copied.
//
// The command does not know: its argument lies in the block, and the store sees that when
// it is to keep a copy (store.Landing). If it does something else, as in a transaction, for
// NX or with an error, the block is freed behind it.
//
// # Invariants
//
//   - While the block is not full the connection receives into it, and Process reads no
//     request. So the landing is that of the first request that Process reads next.
//   - The connection's goroutine writes to the block without a lock. So the block is freed
//     by its Process or in Closed, and by nobody who closes the connection from elsewhere.
//   - What has arrived counts as the connection's input; the block counts nowhere until it
//     is a value.
type landing struct {
	block *store.Landing
	args  [][]byte // the command's name, those in front, and the one that lands
	more  int      // arguments that follow
	there int      // bytes of it that the connection had received already
}

const (
	// landingLeast is the smallest argument that lands, in bytes, and landingRest how much
	// of it has not arrived: a copy of less costs nothing that can be measured.
	landingLeast = 64 << 10
	landingRest  = 32 << 10
	// landingHead bounds what is in front of it, which is copied.
	landingHead = 4 << 10
	// Of more than landingTrust bytes a share, one part in landingShare, has to be there
	// before a block is taken: the length is the peer's word.
	landingTrust = 4 << 20
	landingShare = 16
)

// diverter is a connection that can receive into memory that is not its own; see
// loop.Conn.Divert.
type diverter interface{ Divert(b []byte) bool }

// land begins a landing with a request of which in is what has arrived, and tells whether
// all of that is taken. The worker must be locked.
func (cl *Client) land(in []byte) bool {
	x, s := cl.x, &cl.Sess
	if cl.parser.Need()-len(in) < landingRest || cl.parser.Parsed() > landingHead || uint32(s.Flags&unusual)|x.alert.Load() != 0 {
		return false
	}
	conn, ok := s.Conn.(diverter)
	if !ok {
		return false
	}
	args, from, to, more := cl.parser.Head(in)
	if size := to - from; len(args) < 2 || size < landingLeast || to-len(in) < landingRest {
		return false
	} else if spec := x.resolve(cl, args); spec == nil || spec.Lands != len(args) || !spec.Takes(len(args)+1+more) {
		return false
	} else if size > landingTrust && len(in)-from < size/landingShare {
		cl.expect(from + size/landingShare)
		return false
	}
	sh := x.Store.ShardOf(x.Store.Key(args[1]).H)
	sh.Lock()
	block := sh.Land(to - from)
	sh.Unlock()
	if block == nil {
		return false
	}
	there := copy(block.Bytes(), in[from:])
	if !conn.Divert(block.Bytes()[there:]) {
		sh.Lock()
		block.End()
		sh.Unlock()
		return false
	}
	cl.landing = &landing{block, append(cloned(args, from), block.Bytes()), more, there}
	cl.parser.Detach(cl.landing.args, more)
	return true
}

// cloned gives copies of arguments, with room for one more. They have size bytes at most.
func cloned(args [][]byte, size int) [][]byte {
	b, list := make([]byte, 0, size), make([][]byte, 0, len(args)+1)
	for _, a := range args {
		b = append(b, a...)
		list = append(list, b[len(b)-len(a):len(b):len(b)])
	}
	return list
}

// needed is how many bytes the request needs that is under way.
func (l *landing) needed() int {
	n := 0
	for _, a := range l.args {
		n += len(a)
	}
	return n
}

// received is how many bytes came that Process has not seen.
func (l *landing) received() int { return len(l.block.Bytes()) - l.there }

// again has the parser read the request once more, which has to wait.
func (l *landing) again(cl *Client) { cl.parser.Detach(l.args, l.more) }

// landed is called when the request has run, or never will: it frees the block unless it
// has become a value. The worker must be locked, and no shard.
func (cl *Client) landed() {
	block := cl.landing.block
	cl.landing, cl.Sess.Needed = nil, 0
	if block.Taken() {
		return
	}
	end := func() {
		block.Shard().Lock()
		block.End()
		block.Shard().Unlock()
	}
	if cl.x.Alerted(AlertBusy) { // a script has the shards
		cl.x.script.later.Go(end)
		return
	}
	end()
}

// callLanded is what call does with a shard when the request has a landing: the arguments
// may be somebody else's as soon as it is unlocked, so the call is noted before.
func (x *Exec) callLanded(w *Worker, c *command.Ctx, cl *Client, sh *store.Shard) {
	x.measure(w, c, cl)
	c.Args = c.Args[:1]
	sh.Unlock()
	if w.again != 0 {
		x.serveAgain(w)
	}
}
