package serial

import (
	"io"

	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/stream"
	"github.com/redstart-db/redstart/internal/ds/triples"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/store"
)

// Commands writes values as the commands that make them: the base of an append
// only file without RDB. Errors of the writer are kept.
type Commands struct {
	w    io.Writer
	buf  []byte
	err  error
	args [][]byte // of the command that is being made
	text []byte   // where those of args lie that are not borrowed
	n    int      // elements in it
}

const (
	// perCommand is how many elements one command makes.
	perCommand = 64
	// commandsBuffer is how many bytes are collected before they are written.
	commandsBuffer = 64 << 10
)

// NewCommands writes to w.
func NewCommands(w io.Writer) *Commands { return &Commands{w: w} }

// Flush writes what was collected, and gives the first error.
func (c *Commands) Flush() error {
	if c.err == nil && len(c.buf) > 0 {
		_, c.err = c.w.Write(c.buf)
	}
	c.buf = c.buf[:0]
	return c.err
}

// Write writes one command.
func (c *Commands) Write(args ...[]byte) {
	c.buf = resp.AppendCommand(c.buf, args...)
	if len(c.buf) > commandsBuffer {
		c.Flush()
	}
}

// Select chooses the database of what follows.
func (c *Commands) Select(db int) { c.Write([]byte("SELECT"), num.AppendInt(nil, int64(db))) }

// Entry writes the value of an entry, and its deadline.
func (c *Commands) Entry(e store.Entry) {
	key := e.Key()
	switch e.Type() {
	case store.String:
		var scratch store.Scratch
		c.Write([]byte("SET"), key, e.Bytes(&scratch))
	case store.List:
		c.list(key, e)
	case store.Set:
		c.begin("SADD", key)
		for m := range e.Members {
			c.value(m)
			c.element()
		}
		c.end()
	case store.ZSet:
		c.zset(key, e)
	case store.Hash:
		c.hash(key, e)
	case store.Stream:
		c.stream(key, e.Object().(*stream.Stream))
	}
	if at := e.Deadline(); at != 0 {
		c.Write([]byte("PEXPIREAT"), key, num.AppendInt(nil, at))
	}
}

// begin begins a command that takes elements.
func (c *Commands) begin(name string, key []byte) {
	c.args = append(c.args[:0], []byte(name), key)
	c.text, c.n = c.text[:0], 0
}

// arg adds a copy of b to the command.
func (c *Commands) arg(b []byte) {
	from := len(c.text)
	c.text = append(c.text, b...)
	c.args = append(c.args, c.text[from:len(c.text):len(c.text)])
}

func (c *Commands) value(v listpack.Value) {
	var digits [num.MaxIntLen]byte
	c.arg(v.Bytes(digits[:]))
}

// element says that an element is complete.
func (c *Commands) element() {
	if c.n++; c.n == perCommand || len(c.text) > commandsBuffer {
		c.end()
	}
}

// end writes the command, if it has elements, and begins another.
func (c *Commands) end() {
	if c.n > 0 {
		c.Write(c.args...)
	}
	clear(c.args[2:])
	c.args = c.args[:2]
	if cap(c.text) > 4*commandsBuffer {
		c.text = nil
	}
	c.text, c.n = c.text[:0], 0
}

func (c *Commands) list(key []byte, e store.Entry) {
	c.begin("RPUSH", key)
	pack := func(lp []byte) {
		for pos, ok := listpack.First(lp); ok; pos, ok = listpack.Next(lp, pos) {
			c.value(listpack.Get(lp, pos))
			c.element()
		}
	}
	if e.Packed() {
		pack(e.Pack())
	} else {
		e.Object().(*qlist.List).Walk(0, func(plain bool, data []byte) bool {
			if plain {
				c.arg(data)
				c.element()
			} else {
				pack(data)
			}
			return c.err == nil
		})
	}
	c.end()
}

func (c *Commands) zset(key []byte, e store.Entry) {
	c.begin("ZADD", key)
	var score [40]byte
	if e.Packed() {
		p := zset.Packed(e.Pack())
		for m := p.First(); m.Valid(); m.Next() {
			c.arg(num.AppendFloat(score[:0], m.Score()))
			c.value(m.Member())
			c.element()
		}
	} else {
		for m := e.Object().(*zset.ZSet).First(); m.Valid() && c.err == nil; m.Next() {
			c.arg(num.AppendFloat(score[:0], m.Score()))
			c.arg(m.Member())
			c.element()
		}
	}
	c.end()
}

// hash writes the fields, and then the deadlines of those that have one.
func (c *Commands) hash(key []byte, e store.Entry) {
	c.begin("HMSET", key)
	if !e.Packed() {
		d := e.Object().(*dict.Dict)
		d.Each(func(f dict.Elem) {
			c.arg(f.Member())
			c.arg(f.Value())
			c.element()
		})
		c.end()
		if d.Volatile() > 0 {
			d.Each(func(f dict.Elem) { c.deadline(key, f.Member(), f.Deadline()) })
		}
		return
	}
	lp, step := e.Pack(), 2
	if e.Timed() {
		step = 3
	}
	var digits [num.MaxIntLen]byte
	for pos, ok := listpack.First(lp); ok; {
		value, _ := listpack.Next(lp, pos)
		c.value(listpack.Get(lp, pos))
		c.value(listpack.Get(lp, value))
		c.element()
		if step == 3 {
			value, _ = listpack.Next(lp, value)
		}
		pos, ok = listpack.Next(lp, value)
	}
	c.end()
	if step == 3 {
		for pos, n := listpack.HeaderSize, triples.Len(lp); n > 0; pos, n = triples.Next(lp, pos), n-1 {
			c.deadline(key, listpack.Get(lp, pos).Bytes(digits[:]), triples.Deadline(lp, pos))
		}
	}
}

func (c *Commands) deadline(key, field []byte, at int64) {
	if at != 0 {
		c.Write([]byte("HPEXPIREAT"), key, num.AppendInt(nil, at), []byte("FIELDS"), []byte("1"), field)
	}
}

func appendStreamID(dst []byte, id stream.ID) []byte {
	return num.AppendUint(append(num.AppendUint(dst, id.MS), '-'), id.Seq)
}

func (c *Commands) stream(key []byte, s *stream.Stream) {
	for e := s.Range(stream.ID{}, stream.MaxID); e.Next() && c.err == nil; {
		c.begin("XADD", key)
		c.arg(appendStreamID(nil, e.ID()))
		for range e.Fields() {
			field, value := e.Pair()
			c.value(field)
			c.value(value)
		}
		c.n = 1
		c.end()
	}
	last := appendStreamID(nil, s.Last())
	if s.Len() == 0 {
		id := last
		if s.Last() == (stream.ID{}) {
			id = []byte("0-1")
		}
		c.Write([]byte("XADD"), key, []byte("MAXLEN"), []byte("0"), id, []byte("x"), []byte("y"))
	}
	c.Write([]byte("XSETID"), key, last, []byte("ENTRIESADDED"), num.AppendUint(nil, s.Added()),
		[]byte("MAXDELETEDID"), appendStreamID(nil, s.MaxDeleted()))
	for _, g := range s.Groups() {
		c.group(key, g)
	}
}

func (c *Commands) group(key []byte, g *stream.Group) {
	name := []byte(g.Name())
	read := int64(-1)
	if g.Read() != stream.Unknown {
		read = g.Read()
	}
	c.Write([]byte("XGROUP"), []byte("CREATE"), key, name, appendStreamID(nil, g.Last()), []byte("ENTRIESREAD"),
		num.AppendInt(nil, read))
	for _, m := range g.Consumers() {
		c.Write([]byte("XGROUP"), []byte("CREATECONSUMER"), key, name, []byte(m.Name()))
		for p := g.PendingFrom(stream.ID{}, m); p.Valid() && c.err == nil; p.Next() {
			e := p.Pending()
			c.Write([]byte("XCLAIM"), key, name, []byte(m.Name()), []byte("0"), appendStreamID(nil, e.ID), []byte("TIME"),
				num.AppendInt(nil, e.Time), []byte("RETRYCOUNT"), num.AppendUint(nil, e.Count), []byte("JUSTID"), []byte("FORCE"))
		}
	}
}
