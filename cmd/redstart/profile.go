package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profile has it recorded what the processors do, until stop is called, in a file of its
// own in the folder that REDSTART_PROFILES names, if it names one. Of such files
// default.pgo is made, which tells the compiler what to make fast: see `make profile`.
func profile(log *slog.Logger) (stop func()) {
	dir := os.Getenv("REDSTART_PROFILES")
	if dir == "" {
		return func() {}
	}
	file, err := os.Create(filepath.Join(dir, fmt.Sprintf("cpu-%d.pprof", os.Getpid())))
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		log.Warn("No profile is recorded", "err", err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			log.Warn("The profile is not whole", "err", err)
		}
	}
}
