//go:build !linux

package snapshot

import "time"

func rest(d time.Duration) { time.Sleep(d) }
