package geo

import (
	"slices"

	"github.com/redstart-db/redstart/internal/ds/listpack"
)

// place is a member in the shape of a query.
type place struct {
	member   listpack.Value // valid until the set it was read from changes
	score    float64
	distance float64 // from the center, in meters
	found    int     // how many were found before
}

// fewPlaces is the number of places that are collected without memory of the heap.
const fewPlaces = 32

// collect gives the places of a query in the order wanted, and no more than wanted.
// They are appended to dst, which is empty.
func (q *query) collect(dst []place) []place {
	r := ranking{order: q.order}
	if q.order != unsorted {
		r.limit = int(min(q.count, 1<<40))
	}
	found := 0
	q.search(func(p place) {
		p.found = found
		found++
		dst = r.add(dst, p)
	})
	if q.order != unsorted {
		slices.SortFunc(dst, r.compare)
	}
	return dst
}

// ranking says which places are better than others, and how many are wanted. As soon
// as there are so many they are a heap, with the worst one at the front.
type ranking struct {
	order order
	limit int // 0: all
}

// compare is negative when a comes before b.
func (r ranking) compare(a, b place) int {
	x, y := a.distance, b.distance
	if r.order == descending {
		x, y = y, x
	}
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return a.found - b.found
}

// add gives h with one more place, or of these the best ones.
func (r ranking) add(h []place, p place) []place {
	switch {
	case r.limit == 0 || len(h) < r.limit:
		h = append(h, p)
		if len(h) == r.limit {
			for i := r.limit/2 - 1; i >= 0; i-- {
				r.sink(h, i)
			}
		}
	case r.compare(p, h[0]) < 0:
		h[0] = p
		r.sink(h, 0)
	}
	return h
}

// sink moves a place down the heap until none below it is worse.
func (r ranking) sink(h []place, i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if r.compare(h[child], h[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		h[i], h[worst] = h[worst], h[i]
		i = worst
	}
}
