//go:build !unix

package node

import "runtime"

func cpuTimes() (sys, user, childSys, childUser float64) { return 0, 0, 0, 0 }

func systemName() string { return runtime.GOOS + " " + runtime.GOARCH }
