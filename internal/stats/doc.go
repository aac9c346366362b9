// Package stats counts what the server does: commands and their latencies, errors, traffic, slow commands and latency
// spikes. It imports nothing internal and knows no clock: callers hand it the times they have already read.
//
// What every command touches (Worker, Histogram, Meter) has no lock and no atomic; it belongs to one worker, which
// guards it by its own lock, and INFO adds the workers up. What is rare (SlowLog, LatencyMonitor) has its own mutex.
package stats
