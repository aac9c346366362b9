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
// They are appended to dst.
func (q *query) collect(dst []place) []place {
	s := selection{places: dst, order: q.order}
	if q.order != unsorted {
		s.limit = int(min(q.count, 1<<40))
	}
	q.search(func(p *place) {
		p.found = s.found
		s.add(p)
	})
	if q.order != unsorted {
		slices.SortFunc(s.places, s.compare)
	}
	return s.places
}

// selection keeps the best of the places that are added to it. From the moment on
// at which it has as many as are wanted, they are a heap, with the worst one at the
// front.
type selection struct {
	places []place
	order  order
	limit  int // 0: keep all
	found  int
}

// compare is negative when a comes before b.
func (s *selection) compare(a, b place) int {
	x, y := a.distance, b.distance
	if s.order == descending {
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

func (s *selection) add(p *place) {
	s.found++
	switch {
	case s.limit == 0 || len(s.places) < s.limit:
		s.places = append(s.places, *p)
		if len(s.places) == s.limit {
			for i := s.limit/2 - 1; i >= 0; i-- {
				s.sink(i)
			}
		}
	case s.compare(*p, s.places[0]) < 0:
		s.places[0] = *p
		s.sink(0)
	}
}

// sink moves a place down the heap until none below it is worse.
func (s *selection) sink(i int) {
	h := s.places
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if s.compare(h[child], h[worst]) > 0 {
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
