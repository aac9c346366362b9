package server

import (
	"strings"
	"testing"
)

// Each finding has its condition, and a healthy server has none.
func TestMemoryFindings(t *testing.T) {
	healthy := Memory{
		Used: 100 << 20, Peak: 110 << 20, RSS: 110 << 20, Clients: 1 << 20, ClientCount: 50, ScriptCount: 10,
		ArenaLive: 90 << 20, ArenaResident: 96 << 20, HeapObjects: 3 << 20, HeapUsed: 4 << 20, HeapHeld: 7 << 20,
	}
	for _, c := range []struct {
		change func(m *Memory)
		want   string // begins the only finding
	}{
		{func(*Memory) {}, ""},
		{func(m *Memory) { m.Peak = 151 << 20 }, "At its peak"},
		{func(m *Memory) { m.ArenaResident, m.RSS, m.Used = 120<<20, 130<<20, 120<<20 }, "The pages in use are 1.33"},
		{func(m *Memory) { m.ArenaDirty, m.ArenaLive, m.HeapHeld = 20<<20, 74<<20, 10<<20 }, "The allocators hold 1.3"},
		{func(m *Memory) { m.RSS = 130 << 20 }, "The process has"},
		{func(m *Memory) { m.Clients = 11 << 20 }, "Clients take"},
		{func(m *Memory) { m.ScriptCount = 1001 }, "1001 scripts"},
	} {
		m := healthy
		c.change(&m)
		switch got := m.findings(); {
		case c.want == "" && len(got) > 0, c.want != "" && len(got) != 1, c.want != "" && !strings.HasPrefix(got[0], c.want):
			t.Errorf("want %q, got %q", c.want, got)
		}
	}
	m := healthy
	m.RSS = 145 << 20
	if got := m.findings(); len(got) != 2 || !strings.HasPrefix(got[0], "The resident size is 1.45") {
		t.Errorf("much is resident: %q", got)
	}
}
