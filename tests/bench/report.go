package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// spread is the middle and the ends of a few measurements.
type spread struct{ low, median, high float64 }

func spreadOf(values []float64) spread {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return spread{v[0], (v[(n-1)/2] + v[n/2]) / 2, v[n-1]}
}

func spreadBy(samples []sample, f func(sample) float64) spread {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	return spreadOf(values)
}

// describe writes what the figures were measured on.
func describe(w io.Writer, s settings) {
	fmt.Fprintf(w, "Machine: %s, %d processors, Linux %s; transparent huge pages %s. Measured on %s with %s.\n",
		processor(), runtime.NumCPU(), kernel(), hugePages(), time.Now().UTC().Format(time.DateOnly), runtime.Version())
	fmt.Fprintf(w, "Server on processor %s, load on processor %s, %d connections.\n\n", s.serverCPU, s.loadCPU, connections)
	for _, c := range s.contenders {
		version, err := exec.Command(c.bin, "--version").Output()
		if err != nil {
			version = []byte(err.Error())
		}
		fmt.Fprintf(w, "* %s: %s\n", c.name, strings.TrimSpace(string(version)))
	}
	fmt.Fprintln(w)
}

func processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "?"
	}
	return unix.ByteSliceToString(u.Release[:])
}

func hugePages() string {
	b, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if err != nil {
		return "absent"
	}
	_, rest, _ := strings.Cut(string(b), "[")
	choice, _, _ := strings.Cut(rest, "]")
	return choice
}

// measureSpeed runs the loads and writes a table as they finish.
func (s settings) measureSpeed(w io.Writer, loads []speedLoad) error {
	reference := s.contenders[len(s.contenders)-1].name
	fmt.Fprintf(w, "Speed: median (lowest, highest) of %d runs after one that is not counted, %d keys.\n\n", s.repeats, speedKeys/s.divide)
	fmt.Fprintf(w, "| load | server | CPU per operation, µs | to %s | operations per second | to %s | busy |\n", reference, reference)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, l := range loads {
		racers, err := s.race(l)
		if err != nil {
			return fmt.Errorf("load %s: %w", l.name, err)
		}
		cpuOf := func(r racer) spread { return spreadBy(r.samples, func(s sample) float64 { return s.cpu }) }
		rateOf := func(r racer) spread { return spreadBy(r.samples, func(s sample) float64 { return s.rate }) }
		base := racers[len(racers)-1]
		for _, r := range racers {
			cpu, rate := cpuOf(r), rateOf(r)
			busy := spreadBy(r.samples, func(s sample) float64 { return s.busy })
			fmt.Fprintf(w, "| %s | %s | %.2f (%.2f, %.2f) | %.2f | %.0f (%.0f, %.0f) | %.2f | %.0f %% |\n",
				l.about, r.name, cpu.median, cpu.low, cpu.high, cpu.median/cpuOf(base).median,
				rate.median, rate.low, rate.high, rate.median/rateOf(base).median, 100*busy.median)
		}
	}
	fmt.Fprintln(w)
	return nil
}

// measureMemory runs the loads, each on a fresh server, and writes a table.
func (s settings) measureMemory(w io.Writer, loads []memoryLoad) error {
	reference := s.contenders[len(s.contenders)-1].name
	fmt.Fprintf(w, "Memory: resident bytes after a load less those before, per item.\n\n")
	fmt.Fprintf(w, "| load | items | server | bytes per item | to %s | resident at the end, MiB | before, MiB |\n", reference)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, l := range loads {
		results := make([]footprint, len(s.contenders))
		for i, c := range s.contenders {
			var err error
			if results[i], err = s.weigh(c, l); err != nil {
				return fmt.Errorf("load %s: %s: %w", l.name, c.name, err)
			}
		}
		base := results[len(results)-1]
		for i, c := range s.contenders {
			r := results[i]
			if r.failed {
				fmt.Fprintf(w, "| %s | %d | %s | not supported | | | |\n", l.about, l.items/s.divide, c.name)
				continue
			}
			ratio := "-"
			if !base.failed {
				ratio = fmt.Sprintf("%.2f", r.perItem/base.perItem)
			}
			fmt.Fprintf(w, "| %s | %d | %s | %.1f | %s | %.1f | %.1f |\n", l.about, l.items/s.divide, c.name,
				r.perItem, ratio, float64(r.resident)/(1<<20), float64(r.empty)/(1<<20))
		}
	}
	fmt.Fprintln(w)
	return nil
}
