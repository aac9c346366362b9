package server

import (
	"slices"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/stats"
)

func (f *family) latencyLatest(c *command.Ctx) {
	events := f.node.Latency().Latest()
	c.Array(len(events))
	for _, e := range events {
		c.Array(4)
		c.Str(e.Name)
		c.Int(e.Last.Unix)
		c.Int(e.Last.Milli)
		c.Int(e.Worst)
	}
}

func (f *family) latencyHistory(c *command.Ctx) {
	samples := f.node.Latency().History(string(c.Args[2]))
	c.Array(len(samples))
	for _, s := range samples {
		c.Array(2)
		c.Int(s.Unix)
		c.Int(s.Milli)
	}
}

func (f *family) latencyReset(c *command.Ctx) {
	events := make([]string, 0, len(c.Args)-2)
	for _, a := range c.Args[2:] {
		events = append(events, string(a))
	}
	c.Int(int64(f.node.Latency().Reset(events...)))
}

func (f *family) latencyGraph(c *command.Ctx) {
	event := string(c.Args[2])
	graph, ok := f.node.Latency().Graph(event, c.Now()/1000)
	if !ok {
		c.Err("ERR No samples available for event '" + event + "'")
		return
	}
	c.Verbatim("txt", []byte(graph))
}

func (f *family) latencyDoctor(c *command.Ctx) {
	report := f.node.Latency().Doctor(c.Now()/1000, c.Config.LatencyMonitorThreshold > 0)
	c.Verbatim("txt", []byte(report))
}

func (f *family) latencyHistogram(c *command.Ctx) {
	all := f.node.Survey(c).Histograms()
	var specs []*command.Spec
	if len(c.Args) == 2 {
		specs = c.Table.Specs()
	}
	for _, a := range c.Args[2:] {
		s := lookup(c.Table, a)
		if s == nil {
			continue
		}
		specs = append(specs, s)
		for i := range s.Subs {
			specs = append(specs, &s.Subs[i])
		}
	}
	specs = slices.DeleteFunc(slices.Clone(specs), func(s *command.Spec) bool {
		return all.CommandStats(s.ID).Latencies == nil
	})
	c.Map(len(specs))
	for _, s := range specs {
		c.Str(s.Name)
		histogram(c, all.CommandStats(s.ID).Latencies)
	}
}

func histogram(c *command.Ctx, h *stats.Histogram) {
	c.Map(2)
	c.Str("calls")
	c.Int(int64(h.Count()))
	c.Str("histogram_usec")
	m, n := c.Defer(), 0
	for usec, count := range h.Buckets() {
		c.Int(usec)
		c.Int(int64(count))
		n++
	}
	c.EndMap(m, n)
}

func latencyHelp(c *command.Ctx) {
	c.Help(
		"DOCTOR",
		"    Explain in words what was slow, and what to do about it.",
		"GRAPH <event>",
		"    Draw the samples of an <event>.",
		"HISTORY <event>",
		"    List the samples of an <event>, time and milliseconds.",
		"LATEST",
		"    List the last sample of every event.",
		"RESET [<event> ...]",
		"    Drop the samples of the given events,",
		"    or of all when none is given.",
		"HISTOGRAM [COMMAND ...]",
		"    Show how many calls of the given commands took up to how many microseconds;",
		"    of all commands when none is given.",
	)
}
