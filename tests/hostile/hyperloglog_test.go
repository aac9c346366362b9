package hostile

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const (
	hllSparse = "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
	hllDense  = "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
)

// useHLL does with the value of a key what can be done with a HyperLogLog. Whatever
// the replies are, there has to be one to each.
func (s *target) useHLL(value string) {
	s.t.Helper()
	c := s.Dial(s.t)
	defer c.Close()
	for _, line := range []string{
		"", "PFCOUNT h", "PFADD h a b c d e f g h i j", "PFCOUNT h other", "PFMERGE to h", "PFMERGE h other", "PFDEBUG DECODE h",
		"PFDEBUG GETREG h", "PFDEBUG TODENSE h", "PFADD h", "DEL h",
	} {
		args := strings.Fields(line)
		if line == "" {
			args = []string{"SET", "h", value}
		}
		if _, err := c.Do(args...); err != nil {
			s.t.Fatalf("%.20s of %.100q: %v\n%s", line, value, err, s.Log())
		}
	}
}

// TestDamagedHyperLogLogs damages values of each form, and makes up others.
func TestDamagedHyperLogLogs(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	c.Must(t, "PFADD", "other", "x", "y", "z")
	for _, v := range []string{
		hllSparse, hllSparse[:15], hllDense, hllSparse + "\x7f", hllSparse + "\x7f\xff\x7f\xff", hllSparse + strings.Repeat("\x40\x00", 1<<14),
		hllSparse + strings.Repeat("\x00", 1<<14), hllSparse + strings.Repeat("\x80", 1<<14), hllSparse + strings.Repeat("\xff", 1<<13),
		// Runs whose lengths add up to more than 32 bits.
		hllSparse + strings.Repeat("\x7f\xff", 1<<18+1), hllSparse + strings.Repeat("\x00", 16<<20), hllSparse + strings.Repeat("\x83", 16<<20),
		hllDense + strings.Repeat("\xff", 12288), hllDense + strings.Repeat("\xff", 12287), hllDense + strings.Repeat("\xff", 12289),
		"HYLL\x02" + hllSparse[5:] + "\x7f\xff", "HYLL\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f\xff",
	} {
		s.useHLL(v)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		c.Must(t, "DEL", "h")
		args := []string{"PFADD", "h"}
		for range r.IntN(500) {
			args = append(args, string(rune('a'+r.IntN(26)))+string(rune('a'+r.IntN(1000))))
		}
		c.Must(t, args...)
		v := c.Must(t, "GET", "h").Str
		for range 1 + r.IntN(5) {
			v[r.IntN(len(v))] = byte(r.Uint32())
		}
		s.useHLL(string(v[:len(v)-r.IntN(min(4, len(v)))]))
	}
	s.expect(c, "PFCOUNT other", "3")
}

// TestUnionOfMany counts the union of the same value many times.
func TestUnionOfMany(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	c.Must(t, "PFADD", "h", "x", "y", "z")
	c.Must(t, "PFDEBUG", "TODENSE", "h")
	args := []string{"PFCOUNT"}
	for range 1000 {
		args = append(args, "h")
	}
	if r, err := c.Do(args...); err != nil || r.Int != 3 {
		t.Errorf("%v %v", r, err)
	}
}
