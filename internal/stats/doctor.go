package stats

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// latencySummary describes the samples of one event.
type latencySummary struct {
	event     string
	count     int
	mean      float64 // of the samples, milliseconds, like the next two
	deviation float64 // standard deviation
	mad       float64 // mean absolute deviation
	worst     int64   // milliseconds, since the event was reset
	every     float64 // seconds from one sample to the next
}

// summarize describes samples, of which there is at least one, at the present Unix time in seconds.
func summarize(event string, samples []LatencySample, worst, unix int64) latencySummary {
	n := float64(len(samples))
	sum := latencySummary{event: event, count: len(samples), worst: worst}
	for _, s := range samples {
		sum.mean += float64(s.Milli) / n
	}
	for _, s := range samples {
		d := float64(s.Milli) - sum.mean
		sum.mad += math.Abs(d) / n
		sum.deviation += d * d / n
	}
	sum.deviation = math.Sqrt(sum.deviation)
	sum.every = float64(max(unix-samples[0].Unix, 1)) / n
	return sum
}

// latencyAdvice is what to do about the events whose names begin with a prefix.
type latencyAdvice struct {
	prefixes []string
	text     string
}

// allAdvice lists what DOCTOR can recommend.
func allAdvice() []latencyAdvice {
	return []latencyAdvice{
		{[]string{"command"}, "SLOWLOG GET shows which commands took the time. Prefer commands that touch few elements at a time " +
			"(SCAN to KEYS, HSCAN to HGETALL), and split large keys."},
		{[]string{"command", "fast-command"}, "If fast commands are among them, look for another process that takes the " +
			"cores, for swapping (vmstat 1), and for the steal time of a virtual machine (st in top)."},
		{[]string{"aof-write", "aof-fsync", "aof-rename", "aof-rewrite"}, "The disk is slow for the append-only file. Look for other " +
			"processes that write to it (iostat -x 1), use a faster disk, or relax appendfsync to everysec or no if losing the " +
			"last moments in a power failure is acceptable."},
		{[]string{"rdb-", "fork", "snapshot"}, "Snapshots cause spikes. Save less often, or to a faster disk."},
		{[]string{"expire-"}, "Many keys expire at the same moment. Add a random part to their time to live, or lower active-expire-effort."},
		{[]string{"eviction-"}, "Memory is at its limit and writes wait for evictions. Raise maxmemory, let keys expire sooner, or " +
			"lower maxmemory-eviction-tenacity."},
		{[]string{"eviction-del", "expire-del"}, "Freeing large values takes time: set lazyfree-lazy-eviction and lazyfree-lazy-expire."},
		{[]string{"active-defrag"}, "Defragmentation takes too much of a core: lower active-defrag-cycle-max."},
	}
}

func (a *latencyAdvice) appliesTo(sums []latencySummary) bool {
	return slices.ContainsFunc(sums, func(s latencySummary) bool {
		return slices.ContainsFunc(a.prefixes, func(p string) bool { return strings.HasPrefix(s.event, p) })
	})
}

// Doctor returns the report of LATENCY DOCTOR at the present Unix time in seconds; enabled says whether
// latency-monitor-threshold is not zero.
func (m *LatencyMonitor) Doctor(unix int64, enabled bool) string {
	m.mu.Lock()
	var sums []latencySummary
	for _, name := range slices.Sorted(maps.Keys(m.events)) {
		s := m.events[name]
		sums = append(sums, summarize(name, s.list(), s.worst, unix))
	}
	m.mu.Unlock()

	switch {
	case len(sums) == 0 && !enabled:
		return "Latency monitoring is disabled, so there is nothing to report. Enable it with " +
			"\"CONFIG SET latency-monitor-threshold <milliseconds>\" and ask again once the problem has shown.\n"
	case len(sums) == 0:
		return "No latency spike was observed since the server started or the monitor was reset. " +
			"If clients still see delays, look at the network between, and at latency-monitor-threshold.\n"
	}

	var b strings.Builder
	b.WriteString("Latency spikes were observed. By event:\n\n")
	for i, s := range sums {
		fmt.Fprintf(&b, "%d. %s: %d latency spikes (average %.0fms, standard deviation %.0fms, mean absolute deviation %.0fms, "+
			"one every %.2f sec). Worst all time event %dms.\n", i+1, s.event, s.count, s.mean, s.deviation, s.mad, s.every, s.worst)
	}
	advised := false
	for _, a := range allAdvice() {
		if !a.appliesTo(sums) {
			continue
		}
		if !advised {
			b.WriteString("\nAdvice:\n\n")
			advised = true
		}
		b.WriteString("- " + a.text + "\n")
	}
	if !enabled {
		b.WriteString("\nLatency monitoring is disabled now; these samples are from before.\n")
	}
	return b.String()
}
