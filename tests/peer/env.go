package peer

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Number is the value of an environment variable that sets what a test does, or otherwise
// when there is none.
func Number(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// Seed is REDSTART_SEED, or another one each time. It is printed, to replay a run that
// failed.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := Number(t, "REDSTART_SEED", uint64(time.Now().UnixNano()))
	t.Logf("replay with REDSTART_SEED=%d", seed)
	return seed
}
