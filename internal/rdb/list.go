package rdb

import "github.com/redstart-db/redstart/internal/ds/listpack"

// List is a list that is being read, in the way of Hash.
type List struct {
	r      *Reader
	packed cursor // of a list that was one ziplist
	t      Type
	n      int // parts in all
	left   int // parts to come
	buf    []byte
}

// Part says what a part of a list is.
type Part uint8

// The parts that lists are stored in.
const (
	Element    Part = iota // one element, to be pushed
	PackedNode             // a listpack that is a node of the list as it is
	PlainNode              // one element that is a node as it is
)

// The containers of the nodes of TypeListQuicklist2.
const (
	containerPlain  = 1
	containerPacked = 2
)

// List begins to read a list of type t. The error is ErrCorrupt if t is no list's,
// and ErrEmpty if there are no parts. A list all of whose nodes are empty turns
// out to have none.
func (r *Reader) List(t Type) (l List, err error) {
	l = List{r: r, t: t}
	switch t {
	case TypeList, TypeListQuicklist:
		l.left, err = r.elements(1)
	case TypeListQuicklist2:
		l.left, err = r.elements(2)
	case TypeListZiplist:
		lp, n, _, err := r.packed(fromZiplist, 1)
		if err != nil {
			return l, err
		}
		l.n = n
		l.packed.start(lp)
	default:
		err = r.Fail(ErrCorrupt)
	}
	l.n = max(l.n, l.left)
	return l, err
}

// Len is the number of parts that the list says it has, with nodes that are empty.
func (l *List) Len() int { return l.n }

// Next gives the next part.
func (l *List) Next() (part Part, data []byte, ok bool) {
	if l.packed.ok {
		return Element, textOf(l.packed.take(), &l.buf), true
	}
	for l.left > 0 && l.r.err == nil {
		l.left--
		if l.t == TypeList {
			data, err := l.r.text(&l.buf)
			return Element, data, err == nil
		}
		part, data := l.node()
		// Nodes without elements are skipped.
		if l.r.err == nil && (part == PlainNode || len(data) > len(listpack.Empty)) {
			return part, data, true
		}
	}
	return 0, nil, false
}

// blob reads a node. The last one stays valid, since of a list of one node it is all.
func (l *List) blob() ([]byte, error) {
	if l.left == 0 {
		return l.r.blob()
	}
	return l.r.blobIn(&l.buf)
}

func (l *List) node() (Part, []byte) {
	container := uint64(containerPacked)
	if l.t == TypeListQuicklist2 {
		n, encoded, _ := l.r.Len()
		if encoded {
			n = 0
		}
		container = n
	}
	switch container {
	case containerPlain:
		data, err := l.r.String()
		if err == nil && len(data) == 0 {
			l.r.Fail(ErrCorrupt)
		}
		return PlainNode, data
	case containerPacked:
		b, err := l.blob()
		if err == nil && l.t == TypeListQuicklist {
			b, err = fromZiplist(b)
		} else if err == nil {
			err = listpack.Validate(b, true)
		}
		if err != nil {
			l.r.Fail(ErrCorrupt)
		}
		return PackedNode, b
	}
	l.r.Fail(ErrCorrupt)
	return 0, nil
}
