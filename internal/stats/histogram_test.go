package stats

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// bucketOf returns the range of values that an HdrHistogram of two significant digits cannot tell from v, worked out
// from its definition: up to 256 values are exact, and each doubling beyond halves the precision.
func bucketOf(v int64) (lo, hi int64) {
	width := int64(1) << max(0, bits.Len64(uint64(v))-8)
	lo = v / width * width
	return lo, lo + width - 1
}

func TestSlotRanges(t *testing.T) {
	next := int64(0)
	for chunk := range histChunks {
		for slot := range chunkSize {
			lo, width := lowest(chunk, slot)
			if lo != next {
				t.Fatalf("chunk %d slot %d begins at %d, want %d", chunk, slot, lo, next)
			}
			next = lo + width
			for _, v := range []int64{lo, next - 1} {
				if c, s := slotOf(uint64(v)); c != uint64(chunk) || s != uint64(slot) {
					t.Fatalf("slotOf(%d) = %d, %d, want %d, %d", v, c, s, chunk, slot)
				}
			}
		}
	}
	if next != 1<<30 {
		t.Errorf("the chunks end at %d", next)
	}
}

type pair struct {
	usec  int64
	count uint64
}

func buckets(h *Histogram) (out []pair) {
	for usec, n := range h.Buckets() {
		out = append(out, pair{usec, n})
	}
	return out
}

// The durations and the lines are those of a Redis 7.0.15.
func TestHistogramLikeRedis(t *testing.T) {
	for _, tc := range []struct {
		ns   int64
		p0   string
		p50  string
		usec int64
	}{
		{85_000, "84.992", "85.503", 132},
		{2_072_000, "2064.384", "2072.575", 2113},
		{4_000, "4.000", "4.015", 4},
		{31_000, "30.976", "31.103", 33},
		{939_000, "937.984", "942.079", 1056},
		{43_000, "42.752", "43.007", 66},
		{1_100_000_000, "998.244", "1002.438", 0},
	} {
		var h Histogram
		h.Record(tc.ns)
		if tc.ns > histMax {
			if got := string(h.AppendInfo(nil, "debug", []float64{99.9})); got != "latency_percentiles_usec_debug:p99.9=1002438.655\r\n" {
				t.Errorf("%d: %q", tc.ns, got)
			}
			if got := buckets(&h); !slices.Equal(got, []pair{{1073741, 1}}) {
				t.Errorf("%d: buckets %v", tc.ns, got)
			}
			continue
		}
		want := fmt.Sprintf("latency_percentiles_usec_x|y:p0=%s,p12.5=%s,p50=%s,p99.99=%s,p100=%s\r\n", tc.p0, tc.p50, tc.p50, tc.p50, tc.p50)
		if got := string(h.AppendInfo(nil, "x|y", []float64{0, 12.5, 50, 99.99, 100})); got != want {
			t.Errorf("%d: got %q, want %q", tc.ns, got, want)
		}
		if got := buckets(&h); !slices.Equal(got, []pair{{tc.usec, 1}}) {
			t.Errorf("%d: buckets %v, want %d", tc.ns, got, tc.usec)
		}
	}

	var h Histogram
	for _, ms := range []int64{13, 50, 1100, 30, 200} {
		h.Record(ms*1e6 + 60_000)
	}
	if got, want := buckets(&h), []pair{{16908, 1}, {33816, 2}, {67633, 3}, {270532, 4}, {1073741, 5}}; !slices.Equal(got, want) {
		t.Errorf("buckets %v, want %v", got, want)
	}
	if got := string(h.AppendInfo(nil, "debug", nil)); got != "latency_percentiles_usec_debug:\r\n" {
		t.Errorf("without percentiles: %q", got)
	}
}

func TestHistogramClampsAndResets(t *testing.T) {
	var h Histogram
	if h.Percentile(50) != 0 || len(buckets(&h)) != 0 {
		t.Errorf("an empty histogram has percentile %d, buckets %v", h.Percentile(50), buckets(&h))
	}
	h.Record(-5)
	h.Record(0)
	h.Record(1 << 62)
	if got := h.Percentile(50); got != 1 {
		t.Errorf("p50 = %d, want 1", got)
	}
	if got := h.Percentile(300); got != 1002438655 {
		t.Errorf("p300 = %d, want the greatest", got)
	}
	if got := buckets(&h); !slices.Equal(got, []pair{{1, 2}, {1073741, 3}}) {
		t.Errorf("buckets %v", got)
	}
	for range h.Buckets() {
		break // must not go on yielding
	}
	if h.Reset(); h.Count() != 0 || h.Percentile(99) != 0 {
		t.Error("not empty after Reset")
	}
}

func TestHistogramProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(
			rapid.Int64Range(1, histMax), rapid.Int64Range(1, 5000), rapid.Int64Range(1<<20-9000, 1<<20+9000)), 1, 200).Draw(t, "values")
		split := rapid.IntRange(0, len(values)).Draw(t, "split")
		var h, other Histogram
		for i, v := range values {
			if i < split {
				h.Record(v)
			} else {
				other.Record(v)
			}
		}
		h.Merge(&other)
		if h.Count() != uint64(len(values)) {
			t.Fatalf("count %d, want %d", h.Count(), len(values))
		}

		slices.Sort(values)
		for _, p := range []float64{0, 1, 50, 75, 99, 99.9, 100} {
			rank := max(int(p/100*float64(len(values))+0.5), 1)
			lo, hi := bucketOf(values[rank-1])
			want := hi
			if p == 0 {
				want = lo
			}
			if got := h.Percentile(p); got != want {
				t.Fatalf("p%v = %d, want %d (values %v)", p, got, want, values)
			}
		}

		var want []pair
		last := uint64(0)
		for exp := 10; exp <= 30; exp++ {
			_, bound := bucketOf(1 << exp)
			usec := bound / 1000
			if exp == 30 {
				usec = (1<<30 - 1) / 1000
			}
			var n uint64
			for _, v := range values {
				if v <= bound {
					n++
				}
			}
			if n > last {
				want, last = append(want, pair{usec, n}), n
			}
		}
		if got := buckets(&h); !slices.Equal(got, want) {
			t.Fatalf("buckets %v, want %v", got, want)
		}
	})
}

func BenchmarkHistogramRecord(b *testing.B) {
	var h Histogram
	ns := int64(700)
	for b.Loop() {
		h.Record(ns)
		ns = (ns*5 + 301) & 0xffff
	}
}
