package clock

import (
	"bytes"
	"os"
)

// readCounter returns the processor's time-stamp counter (RDTSC).
//
//go:noescape
func readCounter() uint64

// invariantCounter reports whether the processor says that the counter runs at one rate in all its states (CPUID leaf
// 0x80000007, EDX bit 8).
//
//go:noescape
func invariantCounter() bool

// counterUsable also asks whether the kernel keeps time by the counter itself: then it has verified that the counters
// of all cores agree, and goes on watching them.
func counterUsable() bool {
	if !invariantCounter() {
		return false
	}
	source, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	return err == nil && string(bytes.TrimSpace(source)) == "tsc"
}
