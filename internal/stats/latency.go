package stats

import (
	"maps"
	"slices"
	"sync"
)

const latencySamples = 160

// LatencySample is the worst latency of an event within one second.
type LatencySample struct {
	Unix  int64 // seconds
	Milli int64 // latency, milliseconds
}

// LatencyEvent is what LATENCY LATEST tells of an event.
type LatencyEvent struct {
	Name  string
	Last  LatencySample
	Worst int64 // milliseconds, since the event was reset
}

// latencySeries is a ring of the last samples.
type latencySeries struct {
	samples [latencySamples]LatencySample
	next    int // where the next sample goes
	n       int // samples in use
	worst   int64
}

func (s *latencySeries) last() *LatencySample {
	return &s.samples[(s.next+latencySamples-1)%latencySamples]
}

// list returns the samples, oldest first.
func (s *latencySeries) list() []LatencySample {
	out := make([]LatencySample, 0, s.n)
	for i := range s.n {
		out = append(out, s.samples[(s.next+latencySamples-s.n+i)%latencySamples])
	}
	return out
}

// LatencyMonitor remembers latency spikes by event (LATENCY). The caller compares latencies with
// latency-monitor-threshold, so that what is fast never comes here. Event names are the server's own, never a client's.
// The methods may be called from any goroutine; the zero LatencyMonitor is ready.
type LatencyMonitor struct {
	mu     sync.Mutex
	events map[string]*latencySeries // a series has at least one sample
}

// Add records that event took milli milliseconds, at a Unix time in seconds. Of several within a second the worst is
// kept.
func (m *LatencyMonitor) Add(event string, unix, milli int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.events[event]
	if s == nil {
		if m.events == nil {
			m.events = make(map[string]*latencySeries)
		}
		s = new(latencySeries)
		m.events[event] = s
	}
	s.worst = max(s.worst, milli)
	if last := s.last(); s.n > 0 && last.Unix == unix {
		last.Milli = max(last.Milli, milli)
		return
	}
	s.samples[s.next] = LatencySample{unix, milli}
	s.next = (s.next + 1) % latencySamples
	s.n = min(s.n+1, latencySamples)
}

// Latest returns all events, ordered by name.
func (m *LatencyMonitor) Latest() []LatencyEvent {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []LatencyEvent
	for _, name := range slices.Sorted(maps.Keys(m.events)) {
		s := m.events[name]
		out = append(out, LatencyEvent{name, *s.last(), s.worst})
	}
	return out
}

// History returns the samples of event, oldest first; none if it is unknown.
func (m *LatencyMonitor) History(event string) []LatencySample {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.events[event]; s != nil {
		return s.list()
	}
	return nil
}

// Reset forgets the given events, or all when none is given, and returns how many there were.
func (m *LatencyMonitor) Reset(events ...string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.events)
	if len(events) == 0 {
		m.events = nil
		return n
	}
	for _, name := range events {
		delete(m.events, name)
	}
	return n - len(m.events)
}

// Graph returns the text of LATENCY GRAPH for event, given the present Unix time in seconds. It is false when the
// event is unknown.
func (m *LatencyMonitor) Graph(event string, unix int64) (string, bool) {
	m.mu.Lock()
	s := m.events[event]
	if s == nil {
		m.mu.Unlock()
		return "", false
	}
	samples, worst := s.list(), s.worst
	m.mu.Unlock()
	return drawLatency(event, samples, worst, unix), true
}
