package stats

import (
	"iter"
	"math/bits"
	"strconv"
)

// Histogram counts durations in nanoseconds. It gives the numbers of an HdrHistogram over 1 to 1e9 with two
// significant digits, which is what Redis keeps per command, in less memory. The zero Histogram is empty and ready.
//
// Counters are grouped in chunks of 128, allocated when first counted in, as a command's durations mostly fall in a
// few neighbouring ones:
//
//	chunk      values                       values per counter
//	0          0 .. 127                     1
//	1          128 .. 255                   1
//	2          256 .. 511                   2
//	k >= 1     128<<(k-1) .. (256<<(k-1))-1   1<<(k-1)
//	23         536870912 .. 1073741823      4194304
type Histogram struct {
	chunks [histChunks]*[chunkSize]uint64
}

const (
	chunkBits  = 7
	chunkSize  = 1 << chunkBits
	histChunks = 24

	histMin = 1
	histMax = 1_000_000_000
)

// slotOf returns the chunk and the counter within it that count value v.
func slotOf(v uint64) (chunk, slot uint64) {
	shift := bits.Len64(v|(2*chunkSize-1)) - (chunkBits + 1)
	i := uint64(shift)<<chunkBits + v>>(uint(shift)&63)
	return i >> chunkBits, i % chunkSize
}

// lowest returns the least value that counter slot of chunk counts, and how many values it counts.
func lowest(chunk, slot int) (value, width int64) {
	if chunk == 0 {
		return int64(slot), 1
	}
	shift := chunk - 1
	return int64(chunkSize+slot) << shift, 1 << shift
}

// Record counts a duration in nanoseconds. Those outside 1 ns to 1 s count as the nearest of these.
func (h *Histogram) Record(ns int64) { h.RecordN(ns, 1) }

// RecordN counts n times the same duration.
func (h *Histogram) RecordN(ns int64, n uint64) {
	chunk, slot := slotOf(uint64(min(max(ns, histMin), histMax)))
	c := h.chunks[chunk]
	if c == nil {
		c = h.addChunk(chunk)
	}
	c[slot] += n
}

// addChunk is apart from RecordN to keep that short: it runs at most 24 times.
//
//go:noinline
func (h *Histogram) addChunk(chunk uint64) *[chunkSize]uint64 {
	c := new([chunkSize]uint64)
	h.chunks[chunk] = c
	return c
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 {
	var count uint64
	for _, c := range h.chunks {
		if c == nil {
			continue
		}
		for _, n := range c {
			count += n
		}
	}
	return count
}

// Merge adds the counts of other.
func (h *Histogram) Merge(other *Histogram) {
	for i, from := range other.chunks {
		if from == nil {
			continue
		}
		to := h.chunks[i]
		if to == nil {
			to = h.addChunk(uint64(i))
		}
		for j, n := range from {
			to[j] += n
		}
	}
}

// Reset empties the histogram and frees its counters.
func (h *Histogram) Reset() { *h = Histogram{} }

// Percentile returns the duration in nanoseconds that p percent of the recorded ones do not exceed, as exactly as the
// counters tell: the greatest value of its counter (for p = 0, the least). Of an empty histogram it is 0.
func (h *Histogram) Percentile(p float64) int64 {
	rank := max(uint64(min(max(p, 0), 100)/100*float64(h.Count())+0.5), 1)
	var seen uint64
	for k, c := range h.chunks {
		if c == nil {
			continue
		}
		for s, n := range c {
			if seen += n; seen < rank {
				continue
			}
			value, width := lowest(k, s)
			if p > 0 {
				value += width - 1
			}
			return value
		}
	}
	return 0
}

// firstLevel is the chunk that begins at 1024 ns, where LATENCY HISTOGRAM's powers of two begin.
const firstLevel = 4

// Buckets yields the pairs of LATENCY HISTOGRAM: an upper bound in microseconds, and how many durations do not exceed
// it. The bounds are the powers of two from 1024 ns, each up to the end of the counter that it falls in. Bounds that
// would repeat the last count are left out.
func (h *Histogram) Buckets() iter.Seq2[int64, uint64] {
	return func(yield func(usec int64, cumulative uint64) bool) {
		var below, last uint64 // counts in the chunks below k; count yielded last
		for k, c := range h.chunks {
			if c == nil {
				c = &[chunkSize]uint64{}
			}
			if cumulative := below + c[0]; k >= firstLevel && cumulative > last {
				value, width := lowest(k, 0)
				if !yield((value+width-1)/1000, cumulative) {
					return
				}
				last = cumulative
			}
			for _, n := range c {
				below += n
			}
		}
		if below > last {
			value, width := lowest(histChunks-1, chunkSize-1)
			yield((value+width-1)/1000, below)
		}
	}
}

// AppendInfo appends the line of INFO latencystats for the command name, such as
// "latency_percentiles_usec_get:p50=1.003,p99=2.007,p99.9=2.007\r\n".
func (h *Histogram) AppendInfo(dst []byte, name string, percentiles []float64) []byte {
	dst = append(dst, "latency_percentiles_usec_"...)
	dst = append(dst, name...)
	for i, p := range percentiles {
		if i == 0 {
			dst = append(dst, ":p"...)
		} else {
			dst = append(dst, ",p"...)
		}
		dst = appendTrimmed(dst, p)
		dst = append(dst, '=')
		dst = strconv.AppendFloat(dst, float64(h.Percentile(p))/1000, 'f', 3, 64)
	}
	if len(percentiles) == 0 {
		dst = append(dst, ':')
	}
	return append(dst, "\r\n"...)
}

// appendTrimmed appends f with up to six decimals, without trailing zeros.
func appendTrimmed(dst []byte, f float64) []byte {
	dst = strconv.AppendFloat(dst, f, 'f', 6, 64)
	end := len(dst)
	for dst[end-1] == '0' {
		end--
	}
	if dst[end-1] == '.' {
		end--
	}
	return dst[:end]
}
