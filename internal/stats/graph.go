package stats

import (
	"fmt"
	"slices"
	"strings"
)

// A LATENCY GRAPH shows each sample as a bar of up to four rows, the least latency the lowest and the greatest the
// highest, with its age written downwards below it. Bars end in one of three shapes, so there are twelve heights. A
// line holds 80 bars; more go below, after an empty line.
const (
	graphColumns = 80
	graphRows    = 4
	barEnds      = "_o#"
	barBody      = '|'
)

func drawLatency(event string, samples []LatencySample, worst, unix int64) string {
	byMilli := func(a, b LatencySample) int { return int(a.Milli - b.Milli) }
	low, high := slices.MinFunc(samples, byMilli).Milli, slices.MaxFunc(samples, byMilli).Milli

	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n", event, high, low, worst)
	b.WriteString(strings.Repeat("-", graphColumns))
	b.WriteByte('\n')
	for part := range slices.Chunk(samples, graphColumns) {
		if &part[0] != &samples[0] {
			b.WriteByte('\n')
		}
		drawBars(&b, part, low, high, unix)
	}
	return b.String()
}

// drawBars draws one line of bars: their rows, an empty row, and the rows of their labels.
func drawBars(b *strings.Builder, samples []LatencySample, low, high, unix int64) {
	const heights = graphRows * len(barEnds)
	span := max(high-low, 1)
	labels := make([]string, len(samples))
	labelRows := 0
	for i, s := range samples {
		labels[i] = age(unix - s.Unix)
		labelRows = max(labelRows, len(labels[i]))
	}

	line := make([]byte, len(samples)+1)
	line[len(samples)] = '\n'
	for row := range graphRows + 1 + labelRows {
		for i := range samples {
			line[i] = ' '
		}
		for i, s := range samples {
			switch label := row - graphRows - 1; {
			case row < graphRows:
				height := min(int((s.Milli-low)*int64(heights)/span), heights-1)
				if end := height - (graphRows-1-row)*len(barEnds); end >= len(barEnds) {
					line[i] = barBody
				} else if end >= 0 {
					line[i] = barEnds[end]
				}
			case label >= 0 && label < len(labels[i]):
				line[i] = labels[i][label]
			}
		}
		b.Write(line)
	}
}

// age writes a number of seconds in its largest unit.
func age(seconds int64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm", seconds/60)
	case seconds < 24*3600:
		return fmt.Sprintf("%dh", seconds/3600)
	}
	return fmt.Sprintf("%dd", seconds/(24*3600))
}
