//go:build !linux

package clock

import "time"

// Rest has the goroutine sleep.
func Rest(d time.Duration) { time.Sleep(d) }
