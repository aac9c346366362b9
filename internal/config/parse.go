package config

import (
	"math"
	"strconv"
	"strings"
)

func parseBool(s string) (v, ok bool) {
	switch {
	case strings.EqualFold(s, "yes"):
		return true, true
	case strings.EqualFold(s, "no"):
		return false, true
	}
	return false, false
}

// parseInt accepts only the form in which a number is written: no plus sign,
// no leading zero, no space.
func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s {
		return 0, false
	}
	return n, true
}

// parseMemory reads digits and an optional unit, in any case: k, m and g count
// in thousands, kb, mb and gb in 1024. No digits are 0, and a number beyond 64 bits is the
// greatest; a product beyond them is refused.
func parseMemory(s string) (uint64, bool) {
	s, _, _ = strings.Cut(s, "\x00") // where a C string ends
	digits := len(s)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			digits = i
			break
		}
	}
	unit, ok := memoryUnit(s[digits:])
	if !ok {
		return 0, false
	}
	if digits == 0 {
		return 0, true
	}
	n, _ := strconv.ParseUint(s[:digits], 10, 64)
	if n > math.MaxUint64/unit {
		return 0, false
	}
	return n * unit, true
}

func memoryUnit(s string) (uint64, bool) {
	switch strings.ToLower(s) {
	case "", "b":
		return 1, true
	case "k":
		return 1000, true
	case "kb":
		return 1 << 10, true
	case "m":
		return 1000 * 1000, true
	case "mb":
		return 1 << 20, true
	case "g":
		return 1000 * 1000 * 1000, true
	case "gb":
		return 1 << 30, true
	}
	return 0, false
}

func parsePercentMemory(s string) (MemoryOrPercent, error) {
	if p, ok := strings.CutSuffix(s, "%"); ok && p != "" {
		n, err := strconv.ParseUint(p, 10, 63)
		if err != nil {
			return 0, errPercent
		}
		if n > 100 {
			return 0, errPercent99
		}
		return -MemoryOrPercent(n), nil
	}
	n, ok := parseMemory(s)
	if !ok || n > math.MaxInt64 {
		return 0, errPercent
	}
	return MemoryOrPercent(n), nil
}
