//go:build !linux

package proctitle

// Set is not possible on this system.
func Set(title string) bool { return false }
