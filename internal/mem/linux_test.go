//go:build linux && !heaparena

package mem

import (
	"fmt"
	"math"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// residentPages asks the system which pages of the block area are in memory.
func residentPages(t *testing.T, a *Arena) (n int) {
	t.Helper()
	vec := make([]byte, a.end)
	size := uintptr(a.end) << pageShift / a.osPage * a.osPage
	if _, _, e := unix.Syscall(unix.SYS_MINCORE, uintptr(a.base), size, uintptr(unsafe.Pointer(&vec[0]))); e != 0 {
		t.Fatal(e)
	}
	for _, v := range vec {
		n += int(v & 1)
	}
	return n
}

func TestMemoryIsReturned(t *testing.T) {
	if unix.Getpagesize() != pageSize {
		t.Skip("counts pages of 4 KiB")
	}
	a := newArena(t, Options{})
	if n := residentPages(t, a); n != 0 {
		t.Errorf("%d pages are resident in an empty arena", n)
	}
	var refs []Ref
	for i := range 30_000 {
		n := 1 + i*7%5000
		if i%1000 == 0 {
			n = 300_000
		}
		r := a.Alloc(n)
		fill(a.Bytes(r, n), 1)
		refs = append(refs, r)
	}
	st := a.Stats()
	if got := uint64(residentPages(t, a)) << pageShift; got > st.Resident || got < st.Resident*9/10 {
		t.Errorf("the system says %d bytes are resident, the arena %d", got, st.Resident)
	}
	if st.Resident > st.Live*11/10 {
		t.Errorf("%d bytes resident for %d live", st.Resident, st.Live)
	}
	for _, r := range refs {
		a.Free(r)
	}
	returned, steps := uint64(0), 0
	for {
		n := a.Trim(1 << 20)
		if n == 0 {
			break
		}
		if n > 1<<20 {
			t.Fatalf("Trim(1 MiB) = %d", n)
		}
		returned += uint64(n)
		steps++
	}
	mustVerify(t, a)
	if n := residentPages(t, a); n != 0 || a.Stats().Resident != 0 || returned != st.Resident {
		t.Errorf("%d pages are resident after all was freed and %d of %d bytes were returned in %d steps", n, returned, st.Resident, steps)
	}
	r := a.Alloc(1 << 20) // from clean pages
	fill(a.Bytes(r, 1<<20), 2)
	mustVerify(t, a)
}

func TestResetReturnsMemory(t *testing.T) {
	a := newArena(t, Options{})
	for range 50_000 {
		fill(a.Bytes(a.Alloc(1000), 1000), 1)
	}
	a.Reset()
	for a.Trim(math.MaxInt) > 0 {
	}
	if n := residentPages(t, a); n != 0 {
		t.Errorf("%d pages are resident", n)
	}
}

// A carved span touches the pages of its blocks only.
func TestUntouchedPagesCostNothing(t *testing.T) {
	a := newArena(t, Options{})
	a.Alloc(8)
	if n := residentPages(t, a); n > 1 && unix.Getpagesize() == pageSize {
		t.Errorf("%d pages are resident for one block of 8 bytes", n)
	}
}

func TestManyArenas(t *testing.T) {
	for range 64 {
		a := newArena(t, Options{})
		if st := a.Stats(); st.Reserved < 1<<30 || st.Committed != 0 || st.Overhead > 16<<10 {
			t.Fatalf("an empty arena: %+v", st)
		}
	}
}

func TestReserveFallsBack(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &old); err != nil {
		t.Fatal(err)
	}
	limited := old
	limited.Cur = 8 << 30
	statm, err := os.ReadFile("/proc/self/statm")
	var pages uint64
	if err == nil {
		_, err = fmt.Sscan(string(statm), &pages)
	}
	if err != nil || pages*uint64(unix.Getpagesize()) > 3<<30 {
		t.Skip("the process itself, as under the race detector, needs too much address space: ", pages, err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &limited); err != nil {
		t.Skip(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_AS, &old)
	a, err := New(Options{Reserve: 16 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if st := a.Stats(); st.Reserved >= 8<<30 || st.Reserved < 1<<30 {
		t.Errorf("reserved %d", st.Reserved)
	}
	a.Free(a.Alloc(1 << 20))
}
