package aof

import "github.com/redstart-db/redstart/internal/oplog"

const (
	// chunkSize is the capacity of a chunk, in bytes. An effect that takes more gets a chunk of
	// its own.
	chunkSize = 1 << 20
	// spareMost is how many chunks are kept for what will be appended: one while another is
	// written.
	spareMost = 2
	// frame is the most that an effect has around it, in bytes: a time, SELECT, MULTI and EXEC.
	frame = 160
)

// chunk is a piece of what is on its way to the file, in a mapping of its own: the system gives
// it a page when the first byte of that page is appended, so to begin a chunk costs no more
// than to go on with one, what waits for a slow disk is not copied as it grows, and it is no
// garbage when it is written.
//
// A chunk has one owner at a time, and nobody keeps a view of its bytes:
//
//	Log.buf, full, cut   appended to, or full; under Log.mu
//	Log.taken            being written, or not written yet as that failed; under Log.fileMu
//	Log.spare            empty; under Log.mu
//
// Commands lie in it whole, so that a file ends with a whole one wherever writing fails. A
// sync in the background knows the file alone.
type chunk struct {
	b       []byte // what was appended; the capacity is that of the mapping
	written int    // bytes of it that are in the file
	touched int    // bytes that it ever held: so many are resident
}

// resident is the memory of a chunk, in bytes.
func (c *chunk) resident() int { return max(c.touched, len(c.b)) }

// resident is the memory of some chunks, in bytes.
func resident(chunks []chunk) (n int) {
	for i := range chunks {
		n += chunks[i].resident()
	}
	return n
}

// waiting is how many bytes of some chunks are not in the file.
func waiting(chunks []chunk) (n int) {
	for i := range chunks {
		n += len(chunks[i].b) - chunks[i].written
	}
	return n
}

// room is how many bytes some effects may take.
func room(effects []oplog.Effect) int {
	n := frame
	for i := range effects {
		n += len(effects[i].Cmds) + frame
	}
	return n
}

// reserve makes buf a chunk that has room for n bytes, and tells whether another is
// full. The lock mu is held.
func (l *Log) reserve(n int) (full bool) {
	if cap(l.buf.b)-len(l.buf.b) >= n {
		return false
	}
	if full = cap(l.buf.b) > 0; full {
		l.full = append(l.full, l.buf)
	}
	if k := len(l.spare); k > 0 && n <= chunkSize {
		l.buf = l.spare[k-1]
		l.spare = l.spare[:k-1]
	} else {
		l.buf = chunk{b: mapChunk(max(n, chunkSize))}
	}
	return full
}

// take adds what was appended to taken. The locks fileMu and mu are held.
func (l *Log) take(chunks []chunk, last chunk) {
	l.taken = append(l.taken, chunks...)
	if cap(last.b) > 0 {
		l.taken = append(l.taken, last)
	}
	l.inHand.Store(int64(resident(l.taken)))
}

// recycle gives a chunk back that is written. The lock fileMu is held.
func (l *Log) recycle(c chunk) {
	l.inHand.Add(-int64(c.resident()))
	l.mu.Lock()
	keep := cap(c.b) == chunkSize && len(l.spare) < spareMost
	if keep {
		l.spare = append(l.spare, chunk{b: c.b[:0], touched: c.resident()})
	}
	l.mu.Unlock()
	if !keep {
		unmapChunk(c.b)
	}
}

// putTaken writes what was taken, in its order. What cannot be written stays for the next time:
// whole commands, if the file can be cut to where it was. The lock fileMu is held.
func (l *Log) putTaken() error {
	for len(l.taken) > 0 {
		c := &l.taken[0]
		n, err := l.put(c.b[c.written:])
		c.written += n
		if err != nil {
			return err
		}
		l.recycle(*c)
		*c = chunk{}
		l.taken = l.taken[1:]
	}
	l.taken = nil
	return nil
}

// drop forgets what was appended and not taken. The lock mu is held.
func (l *Log) drop() {
	chunks := append(l.full, l.buf)
	if l.cut != nil {
		chunks = append(chunks, l.cut.sealed...)
	}
	unmapAll(append(chunks, l.spare...))
	l.full, l.buf, l.spare, l.cut, l.pending = nil, chunk{}, nil, nil, 0
}

// dropTaken forgets what was taken. The lock fileMu is held.
func (l *Log) dropTaken() {
	unmapAll(l.taken)
	l.taken = nil
	l.inHand.Store(0)
}

func unmapAll(chunks []chunk) {
	for i := range chunks {
		unmapChunk(chunks[i].b)
	}
}

// buffered is the number of bytes that were not written yet.
func (l *Log) buffered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.buf.b) + waiting(l.full)
	if l.cut != nil {
		n += waiting(l.cut.sealed)
	}
	return n
}

// Memory is what the log's buffers take, in bytes.
func (l *Log) Memory() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := resident(l.full) + l.buf.resident() + resident(l.spare) + int(l.inHand.Load())
	if l.cut != nil {
		n += resident(l.cut.sealed)
	}
	return n
}
