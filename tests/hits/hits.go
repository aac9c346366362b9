// Package hits has what ratios of hits are measured with: traces of requests, and caches
// that evict exactly by their rule, for comparison with a server's, which samples.
package hits

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"sort"
)

// Trace is a series of keys that are asked for, each a number from 0 on.
type Trace []uint32

// Zipf makes a trace of n requests for one of a number of keys, of which the key with
// rank r, from 1 on, has a probability that goes with 1/r^s. The ranks are given to keys
// in no order. With drift above 0, after so many requests each a thousandth of all keys
// changes ranks: one out of the first tenth with any other.
func Zipf(n, keys int, s float64, drift int, rnd *rand.Rand) Trace {
	below := make([]float64, keys) // probability of this rank or a lower one
	sum := 0.0
	for i := range below {
		sum += math.Pow(float64(i+1), -s)
		below[i] = sum
	}
	ranked := rnd.Perm(keys)
	t := make(Trace, n)
	for i := range t {
		if drift > 0 && i > 0 && i%drift == 0 {
			for range max(keys/1000, 1) {
				a, b := rnd.IntN(keys/10), rnd.IntN(keys)
				ranked[a], ranked[b] = ranked[b], ranked[a]
			}
		}
		t[i] = uint32(ranked[sort.SearchFloat64s(below, rnd.Float64()*sum)])
	}
	return t
}

// Cache is a cache of a number of keys.
type Cache interface {
	// Get tells whether a key is there. If not it is put there, and another one evicted
	// if the cache is full.
	Get(key uint32) bool
}

// Replay gives the share of requests that a cache answers, of those behind the first
// warm ones.
func Replay(c Cache, t Trace, warm int) float64 {
	hits := 0
	for i, key := range t {
		if c.Get(key) && i >= warm {
			hits++
		}
	}
	return float64(hits) / float64(len(t)-warm)
}

// entry is a key that an exact cache holds.
type entry struct {
	key  uint32
	at   int   // in the heap
	uses int64 // since it came; always 0 where only the time of use counts
	last int64 // number of the request that used it last
}

// exact evicts what was used least often since it came, and of those the one whose last
// use is longest ago.
type exact struct {
	capacity int
	count    bool // uses count
	now      int64
	keys     map[uint32]*entry
	heap     entries
}

// LRU is a cache that evicts the key whose last use is longest ago.
func LRU(capacity int) Cache { return &exact{capacity: capacity, keys: map[uint32]*entry{}} }

// LFU is a cache that evicts the key that was used least often since it came, and of
// those the one whose last use is longest ago.
func LFU(capacity int) Cache {
	return &exact{capacity: capacity, count: true, keys: map[uint32]*entry{}}
}

func (c *exact) Get(key uint32) bool {
	c.now++
	e := c.keys[key]
	hit := e != nil
	switch {
	case hit:
		e.last = c.now
		if c.count {
			e.uses++
		}
		heap.Fix(&c.heap, e.at)
		return true
	case len(c.heap) >= c.capacity:
		e = heap.Pop(&c.heap).(*entry)
		delete(c.keys, e.key)
	default:
		e = new(entry)
	}
	*e = entry{key: key, last: c.now}
	c.keys[key] = e
	heap.Push(&c.heap, e)
	return false
}

// entries is a heap.Interface with what is to be evicted first.
type entries []*entry

func (h entries) Len() int { return len(h) }

func (h entries) Less(i, j int) bool {
	if h[i].uses != h[j].uses {
		return h[i].uses < h[j].uses
	}
	return h[i].last < h[j].last
}

func (h entries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *entries) Push(x any) {
	e := x.(*entry)
	e.at = len(*h)
	*h = append(*h, e)
}

func (h *entries) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
