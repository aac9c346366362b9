package geo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/geo"
	families "github.com/redstart-db/redstart/internal/command/strings"
	"github.com/redstart-db/redstart/internal/command/zset"
)

func newServer(tb testing.TB) *commandtest.Server {
	return commandtest.New(tb, families.Specs(), zset.Specs(), geo.Specs())
}

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, geo.Specs(), "geo") }

// TestEffects compares what commands propagate, publish and count as changes with
// what redis-server 7.0.15 does for the same list.
func TestEffects(t *testing.T) {
	s := newServer(t)
	s.Record()
	w := s.World.Workers()[0]
	s.Do("SET text x")
	s.Recorded()
	for _, c := range []struct {
		line, effects, events string
		changes               uint64
	}{
		{"GEOADD g 13 38 a 15 37 b", "zadd g 3479065152021743 a 3476504601741708 b", "new g; zadd g", 2},
		{"GEOADD g 13 38 a", "", "", 0},
		{"GEOADD g CH XX 13.5 38 a 1 1 new", "zadd g CH XX 3479097324432493 a 3377822707026402 new", "zadd g", 1},
		{"GEOADD g 200 38 a", "", "", 0},
		{"GEOSEARCH g FROMMEMBER a BYRADIUS 1000 km", "", "", 0},
		{"GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1000 km", "GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1000 km", "new d; geosearchstore d", 2},
		{"GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1 m STOREDIST", "GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1 m STOREDIST", "geosearchstore d", 1},
		{"GEOSEARCHSTORE d g FROMLONLAT 0 0 BYRADIUS 1 m", "GEOSEARCHSTORE d g FROMLONLAT 0 0 BYRADIUS 1 m", "del d", 1},
		{"GEOSEARCHSTORE d g FROMLONLAT 0 0 BYRADIUS 1 m", "", "", 0},
		{"GEORADIUS g 13 38 1000 km STORE d", "GEORADIUS g 13 38 1000 km STORE d", "new d; georadiusstore d", 2},
		{"GEORADIUSBYMEMBER nokey a 1000 km STORE d", "GEORADIUSBYMEMBER nokey a 1000 km STORE d", "keymiss nokey; del d", 1},
		{"GEORADIUSBYMEMBER g a 1000 km STOREDIST text", "GEORADIUSBYMEMBER g a 1000 km STOREDIST text", "georadiusstore text", 2},
		{"GEODIST g a nobody", "", "", 0},
		{"GEOPOS nokey a", "", "keymiss nokey", 0},
	} {
		before := w.Changes
		s.Do(c.line)
		effects, events := s.Recorded()
		if effects != c.effects {
			t.Errorf("%s: effects %q, want %q", c.line, effects, c.effects)
		}
		if events != c.events {
			t.Errorf("%s: events %q, want %q", c.line, events, c.events)
		}
		if got := w.Changes - before; got != c.changes {
			t.Errorf("%s: %d changes, want %d", c.line, got, c.changes)
		}
	}
}

// TestKeys looks for the keys of commands that have them at any place.
func TestKeys(t *testing.T) {
	specs := geo.Specs()
	for line, want := range map[string]string{
		"georadius k 1 2 3 m":                                  "[1]",
		"georadius k 1 2 3 m STORE d":                          "[1 7]",
		"georadius k 1 2 3 m COUNT 1 storedist d":              "[1 9]",
		"georadius k 1 2 3 m STORE d STOREDIST e":              "[1 9]",
		"georadius k 1 2 3 m STORE STORE":                      "[1 7]",
		"georadius k 1 2 3 m STORE":                            "[1]",
		"georadiusbymember k store 3 m STORE d WITHDIST STORE": "[1 6]",
		"georadius": "[]",
	} {
		var args [][]byte
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		for i := range specs {
			if specs[i].Name == string(args[0]) {
				if got := fmt.Sprint(specs[i].KeyIndexes(args, nil)); got != want {
					t.Errorf("%s: %s, want %s", line, got, want)
				}
			}
		}
	}
}

// TestNearest compares the nearest places with those at the front of all of them.
func TestNearest(t *testing.T) {
	s := newServer(t)
	for i := range 500 {
		// Every place is there five times.
		s.Do(fmt.Sprintf("GEOADD g %d %d m%d", i/5*7919%360-180, i/5*104729%170-85, i*7919%500))
	}
	for _, order := range []string{"ASC", "DESC"} {
		query := "GEOSEARCH g FROMLONLAT 10 20 BYRADIUS 15000 km WITHDIST " + order
		all := replies(s.Do(query))
		if len(all) < 100 {
			t.Fatalf("only %d places", len(all))
		}
		for _, n := range []int{1, 2, 3, 7, 50, len(all) - 1, len(all), len(all) + 1} {
			got := replies(s.Do(fmt.Sprintf("%s COUNT %d", query, n)))
			want := all[:min(n, len(all))]
			if strings.Join(got, "") != strings.Join(want, "") {
				t.Errorf("%s %d: %q, want %q", order, n, got, want)
			}
		}
	}
}

// replies splits an array of pairs.
func replies(s string) []string {
	parts := strings.Split(s, "*2\r\n")
	return parts[1:]
}

func TestNoAllocation(t *testing.T) {
	s := newServer(t)
	out := make([]byte, 0, 4096)
	s.Do("GEOADD small 13 38 a 15 37 b")
	for i := range 300 {
		s.Do(fmt.Sprintf("GEOADD large %d %d m%d", i%180, i%80, i))
	}
	for _, line := range []string{
		"GEOADD small 13 38 a 15 37 b", "GEOADD large XX 0 0 m0", "GEODIST small a b", "GEOPOS small a b nobody",
		"GEOHASH large m1 nobody", "GEOSEARCH small FROMMEMBER a BYBOX 1000 1000 km WITHDIST WITHCOORD WITHHASH",
		"GEOSEARCH large FROMLONLAT 0 0 BYRADIUS 1000 km ASC COUNT 5", "GEORADIUS large 0 0 1000 km",
	} {
		var args [][]byte
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		s.Client.Do(out, args...)
		if n := testing.AllocsPerRun(100, func() { s.Client.Do(out, args...) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	s := newServer(b)
	for i := range 100_000 {
		s.Do(fmt.Sprintf("GEOADD g %v %v m%d", float64(i*7919%36000)/100-180, float64(i*104729%16000)/100-80, i))
	}
	out := make([]byte, 0, 1<<20)
	for _, line := range []string{
		"GEOSEARCH g FROMLONLAT 10 20 BYRADIUS 100 km", "GEOSEARCH g FROMLONLAT 10 20 BYRADIUS 1000 km",
		"GEOSEARCH g FROMLONLAT 10 20 BYRADIUS 1000 km COUNT 10", "GEOSEARCH g FROMLONLAT 10 20 BYBOX 1000 1000 km ASC",
	} {
		var args [][]byte
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		b.Run(line, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Client.Do(out, args...)
			}
		})
	}
}
