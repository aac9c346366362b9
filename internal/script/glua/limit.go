package glua

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/redstart-db/redstart/internal/script"
)

const (
	// pollSteps is after how many instructions the host is asked whether the
	// script may go on.
	pollSteps = 1000
	// heapSteps is after how many instructions the heap is looked at, and
	// heapBytes after how many bytes of strings.
	heapSteps = 20 * pollSteps
	heapBytes = 32 << 20
	// maxString is the longest string that a script may make, in bytes.
	maxString = 512 << 20
	// memoryBudget is by how much a script may make what is alive on the heap grow, in
	// bytes.
	memoryBudget = 512 << 20
)

// limiter bounds what a script takes. The interpreter asks for the end of its
// context before each instruction, so limiter is a context that never ends and
// counts: a step costs a decrement. What runs for long or takes much memory in one
// instruction (library functions) says so by step and grow.
type limiter struct {
	host  script.Host
	left  int    // steps until the host is asked
	heap  int    // and until the heap is looked at
	grown int    // bytes of strings since that was done
	base  usage  // when the script was first looked at
	ended string // why the script has to end

	sample []metrics.Sample
}

var errStep = errors.New("glua: context of a script")

func (l *limiter) begin(h script.Host) {
	l.host, l.left, l.heap, l.grown, l.base, l.ended = h, pollSteps, heapSteps, 0, usage{}, ""
}

// Done implements context.Context. It is called before each instruction.
func (l *limiter) Done() <-chan struct{} {
	if l.left--; l.left < 0 {
		l.poll()
	}
	return nil
}

func (l *limiter) Deadline() (t time.Time, ok bool) { return t, false }
func (l *limiter) Err() error                       { return errStep }
func (l *limiter) Value(any) any                    { return nil }

var _ context.Context = (*limiter)(nil)

// stop is the panic that ends a script. It is not an error of the interpreter's
// own, so that what catches those is passed: catch lets it through.
type stop struct{ text string }

// step says that a library function did n steps of work.
func (l *limiter) step(n int) {
	if l.left -= n; l.left < 0 {
		l.poll()
	}
}

// grow says that a string of n bytes is about to be made.
func (l *limiter) grow(n int) {
	if n > maxString {
		l.ended = "ERR not enough memory: a string of a script is too long"
		panic(stop{l.ended})
	}
	if l.grown += n; l.grown > heapBytes {
		l.heap = 0
		l.poll()
	}
}

func (l *limiter) poll() {
	l.heap -= pollSteps - l.left
	l.left = pollSteps
	if l.ended == "" && l.host != nil {
		l.ended = l.host.Poll()
	}
	if l.ended == "" && l.heap <= 0 {
		l.look()
	}
	if l.ended != "" {
		l.left = 0 // and again at the next step
		panic(stop{l.ended})
	}
}

// usage is bytes of the heap: what the garbage collector found alive when it looked last, and all that is allocated,
// which it has not found dead.
type usage struct{ alive, all uint64 }

// look asks what the garbage collector found alive when it looked last, which it does whenever the heap has doubled.
// Where it takes long to find what is alive, as in tables that lie in each other thousands deep, and other work is to be
// done, it falls behind. Then the script waits for it, so that what it has taken is never more than twice what it may,
// however slow the machine is.
func (l *limiter) look() {
	l.heap, l.grown = heapSteps, 0
	now := l.usage()
	if l.base == (usage{}) {
		l.base = now
		return
	}
	l.base.alive = min(l.base.alive, now.alive) // what others had left has been found dead
	if now.alive < l.base.alive+memoryBudget && now.all >= max(2*l.base.alive, now.alive)+memoryBudget {
		runtime.GC()
		now = l.usage()
	}
	if now.alive >= l.base.alive+memoryBudget {
		l.ended = "ERR not enough memory: the script takes more than it may"
	}
}

// ravaged tells whether a script was ended when it had taken much.
func (l *limiter) ravaged() bool {
	return l.ended != "" && l.base != (usage{}) && l.usage().all >= l.base.all+memoryBudget/4
}

func (l *limiter) usage() usage {
	if l.sample == nil {
		l.sample = []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	}
	metrics.Read(l.sample)
	return usage{l.sample[0].Value.Uint64(), l.sample[1].Value.Uint64()}
}

// raise throws an error of a script, with its place in front.
// It is the place from which the function that runs was called: a library function that was
// called by another has none.
func raise(L *lua.LState, format string, args ...any) {
	L.Error(lua.LString(where(L, 1)+fmt.Sprintf(format, args...)), 0)
}
