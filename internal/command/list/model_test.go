package list_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstart-db/redstart/tests/peer"
)

func fields(line string) []string { return strings.Fields(line) }

// lines writes a reply in one line.
func lines(reply string) string { return strings.Join(strings.Fields(reply), " ") }

// split takes apart what Recorded has joined.
func split(effects string) []string {
	if effects == "" {
		return nil
	}
	return strings.Split(effects, "; ")
}

// random makes commands that take memory, and some that give it back.
type random struct {
	*rand.Rand
	keys []string
}

func newRandom(t *testing.T) random {
	seed := peer.Seed(t)
	if s := os.Getenv("REDSTART_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("replay with REDSTART_SEED=%d", seed)
	r := random{Rand: rand.New(rand.NewPCG(seed, 1))}
	for i := range 12 {
		r.keys = append(r.keys, fmt.Sprintf("key:%d", i))
	}
	return r
}

func (r random) key() string { return r.keys[r.IntN(len(r.keys))] }

func (r random) elem(i int) string {
	switch r.IntN(10) {
	case 0:
		return strconv.Itoa(r.IntN(100))
	case 1:
		return strings.Repeat("long", r.IntN(3000)) + "e"
	}
	return fmt.Sprintf("element:%d:%s", i, strings.Repeat("x", r.IntN(100)))
}

func (r random) side() string { return []string{"LEFT", "RIGHT"}[r.IntN(2)] }

func (r random) command(i int) string {
	k := r.key()
	switch r.IntN(20) {
	case 0:
		return "LSET " + k + " " + strconv.Itoa(r.IntN(300)-100) + " " + r.elem(i)
	case 1:
		return "LINSERT " + k + " BEFORE " + strconv.Itoa(r.IntN(100)) + " " + r.elem(i)
	case 2, 3:
		return "LMOVE " + k + " " + r.key() + " " + r.side() + " " + r.side()
	case 4:
		return "LTRIM " + k + " " + strconv.Itoa(r.IntN(30)) + " -" + strconv.Itoa(1+r.IntN(30))
	case 5:
		return "LREM " + k + " 0 " + strconv.Itoa(r.IntN(100))
	case 6:
		return "LPOP " + k + " " + strconv.Itoa(r.IntN(20))
	case 7:
		return "LMPOP 2 " + k + " " + r.key() + " " + r.side() + " COUNT 3"
	case 8:
		if r.IntN(20) == 0 {
			return "DEL " + k
		}
		return "RPOP " + k
	case 9:
		return "COPY " + k + " " + r.key() + " REPLACE"
	}
	line := []string{"LPUSH", "RPUSH"}[r.IntN(2)] + " " + k
	for range 1 + r.IntN(6) {
		line += " " + r.elem(i)
	}
	return line
}

// model is a list as a slice.
type model []string

func (m model) reply() string {
	b := fmt.Sprintf("*%d\r\n", len(m))
	for _, e := range m {
		b += fmt.Sprintf("$%d\r\n%s\r\n", len(e), e)
	}
	return b
}

// window is what LRANGE and LTRIM select.
func (m model) window(start, stop int) model {
	if start < 0 {
		start = max(start+len(m), 0)
	}
	if stop < 0 {
		stop += len(m)
	}
	stop = min(stop, len(m)-1)
	if start > stop {
		return nil
	}
	return m[start : stop+1]
}

// remove is LREM.
func (m model) remove(count int, elem string) (left model, removed int) {
	back := count < 0
	if back {
		count = -count
		slices.Reverse(m)
	}
	for _, e := range m {
		if e == elem && (count == 0 || removed < count) {
			removed++
		} else {
			left = append(left, e)
		}
	}
	if back {
		slices.Reverse(left)
	}
	return left, removed
}

// positions is LPOS with COUNT.
func (m model) positions(elem string, rank, count, maxLen int) (at []int) {
	for i := range m {
		if rank < 0 {
			i = len(m) - 1 - i
		}
		if maxLen > 0 && (i >= maxLen && rank > 0 || i < len(m)-maxLen && rank < 0) {
			break
		}
		if m[i] == elem {
			at = append(at, i)
		}
	}
	if rank < 0 {
		rank = -rank
	}
	at = at[min(rank-1, len(at)):]
	if count > 0 {
		at = at[:min(count, len(at))]
	}
	return at
}

// TestModel compares a list with a slice after each of many changes, under all
// kinds of limits of nodes.
func TestModel(t *testing.T) {
	s := newServer(t)
	rapid.Check(t, func(t *rapid.T) {
		s.Do("DEL l")
		s.Config.ListMaxListpackSize = rapid.SampledFrom([]int{-2, -1, 1, 2, 3, 16}).Draw(t, "fill")
		s.ListPlainSize = rapid.SampledFrom([]int{0, 0, 100, 9}).Draw(t, "plain")
		var m model
		check := func(line, want string) {
			if got := s.Do(line); got != want {
				t.Fatalf("%s: %q, want %q", line, got, want)
			}
		}
		elem := func(t *rapid.T) string {
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0, 1, 2:
				return strconv.Itoa(rapid.IntRange(-3, 3).Draw(t, "int"))
			case 3:
				return strings.Repeat("L", rapid.IntRange(1, 3000).Draw(t, "length"))
			case 4:
				return strconv.Itoa(int(rapid.Int64().Draw(t, "wide")))
			}
			return rapid.SampledFrom([]string{"a", "b", "abc", strings.Repeat("x", 70)}).Draw(t, "elem")
		}
		index := func(t *rapid.T) int { return rapid.IntRange(-len(m)-2, len(m)+2).Draw(t, "index") }
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				elems := make([]string, rapid.SampledFrom([]int{1, 1, 2, 5, 60}).Draw(t, "n"))
				for i := range elems {
					elems[i] = elem(t)
				}
				if rapid.Bool().Draw(t, "left") {
					for _, e := range elems {
						m = slices.Insert(m, 0, e)
					}
					check("LPUSH l "+strings.Join(elems, " "), fmt.Sprintf(":%d\r\n", len(m)))
				} else {
					m = append(m, elems...)
					check("RPUSH l "+strings.Join(elems, " "), fmt.Sprintf(":%d\r\n", len(m)))
				}
			},
			"pop": func(t *rapid.T) {
				n := rapid.IntRange(1, 80).Draw(t, "n")
				k := min(n, len(m))
				if k == 0 {
					check("RPOP l "+strconv.Itoa(n), "*-1\r\n")
					return
				}
				if rapid.Bool().Draw(t, "left") {
					check("LPOP l "+strconv.Itoa(n), m[:k].reply())
					m = slices.Clone(m[k:])
					return
				}
				gone := slices.Clone(m[len(m)-k:])
				slices.Reverse(gone)
				check("RPOP l "+strconv.Itoa(n), gone.reply())
				m = m[:len(m)-k]
			},
			"set": func(t *rapid.T) {
				i, e := index(t), elem(t)
				at := i
				if at < 0 {
					at += len(m)
				}
				switch {
				case len(m) == 0:
					check(fmt.Sprintf("LSET l %d %s", i, e), "-ERR no such key\r\n")
				case at < 0 || at >= len(m):
					check(fmt.Sprintf("LSET l %d %s", i, e), "-ERR index out of range\r\n")
				default:
					check(fmt.Sprintf("LSET l %d %s", i, e), "+OK\r\n")
					m[at] = e
				}
			},
			"insert": func(t *rapid.T) {
				pivot, e := elem(t), elem(t)
				at := slices.Index(m, pivot)
				where, d := "BEFORE", 0
				if rapid.Bool().Draw(t, "after") {
					where, d = "AFTER", 1
				}
				want := -1
				if at >= 0 {
					m = slices.Insert(m, at+d, e)
					want = len(m)
				} else if len(m) == 0 {
					want = 0
				}
				check(fmt.Sprintf("LINSERT l %s %s %s", where, pivot, e), fmt.Sprintf(":%d\r\n", want))
			},
			"trim": func(t *rapid.T) {
				a, b := index(t), index(t)
				check(fmt.Sprintf("LTRIM l %d %d", a, b), "+OK\r\n")
				m = slices.Clone(m.window(a, b))
			},
			"remove": func(t *rapid.T) {
				n, e := rapid.IntRange(-3, 3).Draw(t, "count"), elem(t)
				var removed int
				m, removed = m.remove(n, e)
				check(fmt.Sprintf("LREM l %d %s", n, e), fmt.Sprintf(":%d\r\n", removed))
			},
			"rotate": func(t *rapid.T) {
				if len(m) == 0 {
					check("LMOVE l l LEFT RIGHT", "$-1\r\n")
					return
				}
				e := m[0]
				check("LMOVE l l LEFT RIGHT", fmt.Sprintf("$%d\r\n%s\r\n", len(e), e))
				m = append(m[1:], e)
			},
			"positions": func(t *rapid.T) {
				e, rank := elem(t), rapid.SampledFrom([]int{1, 2, 3, -1, -2, -3}).Draw(t, "rank")
				count, maxLen := rapid.IntRange(0, 3).Draw(t, "count"), rapid.IntRange(0, 200).Draw(t, "maxlen")
				at := m.positions(e, rank, count, maxLen)
				want := fmt.Sprintf("*%d\r\n", len(at))
				for _, i := range at {
					want += fmt.Sprintf(":%d\r\n", i)
				}
				check(fmt.Sprintf("LPOS l %s RANK %d COUNT %d MAXLEN %d", e, rank, count, maxLen), want)
			},
			"": func(t *rapid.T) {
				check("LLEN l", fmt.Sprintf(":%d\r\n", len(m)))
				check("LRANGE l 0 -1", m.reply())
				a, b := index(t), index(t)
				check(fmt.Sprintf("LRANGE l %d %d", a, b), m.window(a, b).reply())
				i := index(t)
				want := "$-1\r\n"
				if w := m.window(i, i); len(w) == 1 && i >= -len(m) {
					want = fmt.Sprintf("$%d\r\n%s\r\n", len(w[0]), w[0])
				}
				check(fmt.Sprintf("LINDEX l %d", i), want)
			},
		})
	})
}
