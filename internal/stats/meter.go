package stats

const meterSamples = 16

// Meter turns a growing counter into a rate per second: the mean over the last 16 intervals between samples, as Redis
// computes its instantaneous metrics. The cron samples it every 100 ms. It has no lock: the cron's owner guards it.
type Meter struct {
	samples   [meterSamples]uint64 // per second
	next      int
	lastCount uint64
	lastMilli int64
}

// Reset forgets all samples; the counter is zero at the given time in milliseconds.
func (m *Meter) Reset(milli int64) { *m = Meter{lastMilli: milli} }

// Sample takes the counter's value at a time in milliseconds of any monotonic or wall clock.
func (m *Meter) Sample(milli int64, count uint64) {
	var rate uint64
	if dt := milli - m.lastMilli; dt > 0 && count > m.lastCount {
		rate = uint64(float64(count-m.lastCount) * 1000 / float64(dt))
	}
	m.samples[m.next] = rate
	m.next = (m.next + 1) % meterSamples
	m.lastMilli, m.lastCount = milli, count
}

// Rate returns the mean rate per second.
func (m *Meter) Rate() uint64 {
	var sum uint64
	for _, r := range m.samples {
		sum += r
	}
	return sum / meterSamples
}

// Kilo returns the mean rate per second divided by 1024, as instantaneous_input_kbps shows bytes.
func (m *Meter) Kilo() float64 { return float64(m.Rate()) / 1024 }
