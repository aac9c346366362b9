package list

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/store"
)

// end is an end of a list.
type end uint8

const (
	left end = iota
	right
)

// pushed and popped are the events of either end.
func (at end) pushed() string { return [...]string{"lpush", "rpush"}[at] }
func (at end) popped() string { return [...]string{"lpop", "rpop"}[at] }

// value is the list of a key that exists: one listpack as long as that fits a node
// of list-max-listpack-size (q is nil then), else a list of such nodes. A list that
// became so small that it is at most half of a node is one listpack again.
type value struct {
	ks *store.Keyspace
	k  store.Key
	e  store.Entry
	q  *qlist.List
}

// open gives the list that an entry, which exists, holds.
func open(k store.Key, e store.Entry) value {
	return value{ks: e.Keyspace(), k: k, e: e, q: nodes(e)}
}

// nodes gives the list of nodes that an entry, which exists, holds, or nil.
func nodes(e store.Entry) *qlist.List {
	if o := e.Object(); o != nil {
		return o.(*qlist.List)
	}
	return nil
}

// fill says how full a node may become.
func fill(c *command.Ctx) qlist.Fill {
	return qlist.NewFill(c.Config.ListMaxListpackSize, c.ListPlainSize)
}

// len is the number of elements.
func (v *value) len() int {
	if v.q != nil {
		return v.q.Len()
	}
	return listpack.Len(v.e.Pack())
}

// peek gives the element at an end, valid until the list changes.
func (v *value) peek(at end) listpack.Value {
	if v.q != nil {
		return peekAt(v.q, at)
	}
	p := v.e.Pack()
	pos := listpack.HeaderSize
	if at == right {
		pos, _ = listpack.Last(p)
	}
	return listpack.Get(p, pos)
}

func peekAt(q *qlist.List, at end) listpack.Value {
	if at == left {
		return q.Front()
	}
	return q.Back()
}

// push adds elements at an end, each beyond the one before, to the list of k, or to
// a new one if e does not exist, and gives its length. They must not lie in it. When
// memory is exhausted nothing has changed.
func push(c *command.Ctx, k store.Key, e store.Entry, elems [][]byte, at end) int {
	if e.Ok() {
		if q := nodes(e); q != nil {
			q.SetPackedThreshold(c.ListPlainSize)
			pushAll(q, elems, at)
			return q.Len()
		}
	}
	v := value{ks: c.Keyspace(k), k: k, e: e}
	if n, ok := v.pushPacked(fill(c), elems, at); ok {
		return n
	}
	v.unpack(c, elems, at)
	return v.q.Len()
}

// pushPacked is push for a list that is one listpack, or is not there, if it can
// stay one.
func (v *value) pushPacked(f qlist.Fill, elems [][]byte, at end) (n int, ok bool) {
	var p []byte
	size, count := len(listpack.Empty), 0
	if v.e.Ok() {
		p = v.e.Pack()
		size, count = len(p), listpack.Len(p)
	}
	for _, elem := range elems {
		if !f.Fits(size, count, elem) {
			return 0, false
		}
		size += listpack.Size(elem)
		count++
	}
	if p == nil {
		v.e = v.ks.NewPacked(v.k, v.e, store.List, []byte(listpack.Empty), size, 0)
		p = v.e.Pack()
	} else if size > cap(p) {
		v.e = v.ks.Grow(v.e, size)
		p = v.e.Pack()
	}
	for _, elem := range elems {
		if at == left {
			p = listpack.Prepend(p, elem)
		} else {
			p = listpack.Append(p, elem)
		}
	}
	return count, true
}

// unpack makes a list of nodes of one that is a listpack, or is not there, and adds
// elements at an end.
func (v *value) unpack(c *command.Ctx, elems [][]byte, at end) {
	q := new(qlist.List)
	q.Init(v.ks.Arena(), c.Config.ListMaxListpackSize)
	q.SetPackedThreshold(c.ListPlainSize)
	v.ks.Build(q, func() {
		if v.e.Ok() {
			q.AppendNode(false, v.e.Pack())
		}
		pushAll(q, elems, at)
	})
	if v.e.Ok() {
		v.e = v.ks.Unpack(v.e, q)
	} else {
		v.e = v.ks.NewObject(v.k, v.e, store.List, q, 0)
	}
	v.q = q
}

// pushAll adds all elements or, when memory is exhausted, none.
func pushAll(q *qlist.List, elems [][]byte, at end) {
	if len(elems) == 1 {
		pushOne(q, elems[0], at)
		return
	}
	done := 0
	defer func() {
		switch {
		case done == len(elems):
		case at == left:
			q.RemoveRange(0, done, nil)
		default:
			q.RemoveRange(q.Len()-done, done, nil)
		}
	}()
	for _, elem := range elems {
		pushOne(q, elem, at)
		done++
	}
}

func pushOne(q *qlist.List, elem []byte, at end) {
	if at == left {
		q.PushFront(elem)
	} else {
		q.PushBack(elem)
	}
}

// drop removes the element at an end, and with the last one the key. It tells
// whether that is gone.
func (v *value) drop(at end) (gone bool) {
	if v.q != nil {
		dropAt(v.q, at)
	} else {
		p := v.e.Pack()
		pos := listpack.HeaderSize
		if at == right {
			pos, _ = listpack.Last(p)
		}
		listpack.Delete(p, pos)
	}
	return v.settle()
}

func dropAt(q *qlist.List, at end) {
	if at == left {
		q.RemoveFront()
	} else {
		q.RemoveBack()
	}
}

// atOnce is how many removed elements are freed at once; they may be a node each.
const atOnce = 4096

// dropRange removes elements that are there, and the key with the last. It tells
// whether that is gone.
func (v *value) dropRange(start, count int) (gone bool) {
	if count <= 0 {
		return false
	}
	if count == v.len() {
		v.ks.Remove(v.k, v.e) // however many there are, without looking at them
		return true
	}
	if v.q == nil {
		p := v.e.Pack()
		pos, _ := listpack.Seek(p, start)
		listpack.DeleteRange(p, pos, count)
	} else {
		v.removeRange(start, count)
	}
	return v.settle()
}

// removeRange removes elements of a list of nodes. When they are many they are
// freed later.
func (v *value) removeRange(start, count int) {
	if count <= atOnce {
		v.q.RemoveRange(start, count, nil)
		return
	}
	rest := new(qlist.List)
	rest.Init(v.ks.Arena(), 0)
	v.q.RemoveRange(start, count, rest)
	v.ks.Discard(rest)
}

// settle is called after removals: it removes the key of an empty list, and tells
// so; else it gives back memory that the list does not need.
func (v *value) settle() (gone bool) {
	if v.len() == 0 {
		v.ks.Remove(v.k, v.e)
		return true
	}
	if v.q == nil {
		v.e = v.ks.Shrink(v.e)
	} else if lp, ok := v.q.Single(); ok {
		v.pack(lp)
	}
	return false
}

// pack makes one listpack of a list of nodes that has one node, lp. Without memory
// it stays what it is.
func (v *value) pack(lp []byte) {
	defer func() {
		if r := recover(); r != nil && r != mem.ErrExhausted {
			panic(r)
		}
	}()
	e := v.ks.NewPacked(v.k, v.e, store.List, lp, len(lp), v.e.Deadline())
	v.e, v.q = e, nil
}
