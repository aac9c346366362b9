package set_test

import (
	"fmt"
	gostrings "strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/command/set"
	"pgregory.net/rapid"
)

// model is sets as maps. The commands of a test run on it and on a server, and what
// that propagates on a second one, which has to end with the same.
type model struct {
	rt   *rapid.T
	s, r *commandtest.Server
	sets map[string]map[string]bool
}

func (m *model) do(line string) string {
	m.rt.Helper()
	reply := m.s.Do(line)
	effects, _ := m.s.Recorded()
	if effects != "" {
		for _, e := range gostrings.Split(effects, "; ") {
			m.r.Do(e)
		}
	}
	return reply
}

func (m *model) expect(line, want string) {
	m.rt.Helper()
	if reply := m.do(line); reply != want {
		m.rt.Fatalf("%s: %q, want %q", line, reply, want)
	}
}

func (m *model) expectInt(line string, n int) {
	m.rt.Helper()
	m.expect(line, fmt.Sprintf(":%d\r\n", n))
}

// expectSet runs a command that replies with members in any order.
func (m *model) expectSet(line string, want map[string]bool) {
	m.rt.Helper()
	m.same(line, m.do(line), want)
}

func (m *model) same(line, reply string, want map[string]bool) {
	m.rt.Helper()
	if !gostrings.HasPrefix(reply, fmt.Sprintf("*%d\r\n", len(want))) {
		m.rt.Fatalf("%s: %.60q, want %d members", line, reply, len(want))
	}
	got := members(reply)
	for w := range want {
		if !got[w] {
			m.rt.Fatalf("%s: %q is missing in %q", line, w, reply)
		}
	}
	if len(got) != len(want) {
		m.rt.Fatalf("%s: %d different members, want %d", line, len(got), len(want))
	}
}

// put stores what a command has left.
func (m *model) put(key string, set map[string]bool) {
	if len(set) == 0 {
		delete(m.sets, key)
	} else {
		m.sets[key] = set
	}
}

func (m *model) add(key string, names []string) (added int) {
	if m.sets[key] == nil {
		m.sets[key] = map[string]bool{}
	}
	for _, n := range names {
		if !m.sets[key][n] {
			m.sets[key][n] = true
			added++
		}
	}
	return added
}

func (m *model) remove(key string, names []string) (removed int) {
	for _, n := range names {
		if m.sets[key][n] {
			delete(m.sets[key], n)
			removed++
		}
	}
	m.put(key, m.sets[key])
	return removed
}

// combine is what SINTER, SUNION and SDIFF give.
func (m *model) combine(op string, names []string) map[string]bool {
	result := map[string]bool{}
	for n := range m.sets[names[0]] {
		result[n] = true
	}
	for _, key := range names[1:] {
		switch op {
		case "SUNION":
			for n := range m.sets[key] {
				result[n] = true
			}
		default:
			for n := range result {
				if m.sets[key][n] == (op == "SDIFF") {
					delete(result, n)
				}
			}
		}
	}
	return result
}

var someKeys = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})

// drawMembers draws some members, of one kind most often, so that all forms come up.
func drawMembers(rt *rapid.T) []string {
	format := rapid.SampledFrom([]string{"%d", "%d", "m%d", "%d00000", "-%d0000000000", "0%d", "long-long-long-long-%d"}).Draw(rt, "format")
	names := rapid.SliceOfN(rapid.IntRange(1, 60), 1, 40).Draw(rt, "members")
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = fmt.Sprintf(format, n)
	}
	return all
}

func (m *model) pop(key string, rt *rapid.T) {
	n := rapid.IntRange(0, 70).Draw(rt, "count")
	size := len(m.sets[key])
	line := fmt.Sprintf("SPOP %s %d", key, n)
	reply := m.do(line)
	got := members(reply)
	want := min(n, size)
	if len(got) != want || !gostrings.HasPrefix(reply, fmt.Sprintf("*%d\r\n", want)) {
		rt.Fatalf("%s of %d: %.60q", line, size, reply)
	}
	names := make([]string, 0, len(got))
	for g := range got {
		names = append(names, g)
	}
	if m.remove(key, names) != len(names) {
		rt.Fatalf("%s: %q were not all there", line, names)
	}
}

func (m *model) random(key string, rt *rapid.T) {
	n := rapid.IntRange(-80, 80).Draw(rt, "count")
	line := fmt.Sprintf("SRANDMEMBER %s %d", key, n)
	reply := m.do(line)
	got, size := members(reply), len(m.sets[key])
	want := min(n, size)
	if n < 0 && size > 0 {
		want = -n
	}
	if want = max(want, 0); !gostrings.HasPrefix(reply, fmt.Sprintf("*%d\r\n", want)) || n > 0 && len(got) != want {
		rt.Fatalf("%s of %d: %.60q", line, size, reply)
	}
	for g := range got {
		if !m.sets[key][g] {
			rt.Fatalf("%s: %q is no member", line, g)
		}
	}
}

func (m *model) step(rt *rapid.T) {
	key, other := someKeys.Draw(rt, "key"), someKeys.Draw(rt, "other")
	switch rapid.IntRange(0, 12).Draw(rt, "step") {
	case 0, 1, 2:
		names := drawMembers(rt)
		m.expectInt("SADD "+key+" "+gostrings.Join(names, " "), m.add(key, names))
	case 3:
		names := drawMembers(rt)
		m.expectInt("SREM "+key+" "+gostrings.Join(names, " "), m.remove(key, names))
	case 4:
		names := drawMembers(rt)
		want := fmt.Sprintf("*%d\r\n", len(names))
		for _, n := range names {
			there := 0
			if m.sets[key][n] {
				there = 1
			}
			want += fmt.Sprintf(":%d\r\n", there)
			m.expectInt("SISMEMBER "+key+" "+n, there)
		}
		m.expect("SMISMEMBER "+key+" "+gostrings.Join(names, " "), want)
	case 5:
		m.pop(key, rt)
	case 6:
		m.random(key, rt)
	case 7:
		name := drawMembers(rt)[:1]
		there := 0
		if m.sets[key][name[0]] {
			there = 1
			if key != other {
				m.remove(key, name)
				m.add(other, name)
			}
		}
		m.expectInt("SMOVE "+key+" "+other+" "+name[0], there)
	case 8:
		reply := m.do("SSCAN " + key + " 0 COUNT 1000")
		if !gostrings.HasPrefix(reply, "*2\r\n$1\r\n0\r\n") {
			rt.Fatalf("SSCAN: %.40q", reply)
		}
		m.same("SSCAN", reply[len("*2\r\n$1\r\n0\r\n"):], m.sets[key])
	default:
		m.combined(key, rt)
	}
	m.expectInt("SCARD "+key, len(m.sets[key]))
	m.expectSet("SMEMBERS "+key, m.sets[key])
}

func (m *model) combined(key string, rt *rapid.T) {
	op := rapid.SampledFrom([]string{"SINTER", "SUNION", "SDIFF"}).Draw(rt, "op")
	from := rapid.SliceOfN(someKeys, 1, 12).Draw(rt, "from")
	result := m.combine(op, from)
	list := gostrings.Join(from, " ")
	m.expectSet(op+" "+list, result)
	if op == "SINTER" {
		limit := rapid.IntRange(0, 40).Draw(rt, "limit")
		n := len(result)
		if limit > 0 {
			n = min(n, limit)
		}
		m.expectInt(fmt.Sprintf("SINTERCARD %d %s LIMIT %d", len(from), list, limit), n)
	}
	if rapid.Bool().Draw(rt, "store") {
		m.put(key, result)
		m.expectInt(op+"STORE "+key+" "+list, len(result))
	}
}

// TestAgainstMaps makes random changes to sets of all forms and to maps.
func TestAgainstMaps(t *testing.T) {
	primary, replica := commandtest.New(t, set.Specs(), keys.Specs()), commandtest.New(t, set.Specs(), keys.Specs())
	primary.Record()
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{rt: rt, s: primary, r: replica, sets: map[string]map[string]bool{}}
		ints := rapid.SampledFrom([]int64{0, 1, 5, 30, 512}).Draw(rt, "intset entries")
		entries := rapid.SampledFrom([]int64{0, 1, 5, 30, 128}).Draw(rt, "listpack entries")
		value := rapid.SampledFrom([]int64{0, 5, 64}).Draw(rt, "listpack value")
		for _, s := range []*commandtest.Server{m.s, m.r} {
			s.Do("FLUSHALL")
			s.Config.SetMaxIntsetEntries, s.Config.SetMaxListpackEntries, s.Config.SetMaxListpackValue = ints, entries, value
		}
		m.s.Recorded()
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			m.step(rt)
		}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			m.same("the replica's "+key, m.r.Do("SMEMBERS "+key), m.sets[key])
			if enc := m.s.Do("OBJECT ENCODING " + key); enc == "$6\r\nintset\r\n" && len(m.sets[key]) > int(ints) {
				rt.Fatalf("%s is an intset of %d members", key, len(m.sets[key]))
			}
		}
	})
}
