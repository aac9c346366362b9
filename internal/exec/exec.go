// Package exec is the only place where a command runs. For each request it
// looks the command up in a table that is frozen at start, walks one visible
// list of gates, takes the locks of the command's keys, calls the handler,
// hands the effects to the oplog and unlocks.
//
// # Locks
//
// In this order, and never the other way round:
//
//  1. World              commands that stop all workers
//  2. Worker.mu          held while a worker runs a batch of commands
//  3. store.Shard        in ascending order
//  4. leaves: the oplog, the slow log, the list of monitors, a connection's
//     output queue
//
// A worker that meets an exclusive command gives its own lock back before it
// asks for World, and one that runs a Survey command before it locks others.
package exec

import (
	"sync"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/errno"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
)

// Alert is a condition of the whole server that some command may not run under.
// While there is none, the gates cost one comparison.
type Alert uint32

// The alerts.
const (
	AlertLoading    Alert = 1 << iota // data is being loaded
	AlertPaused                       // CLIENT PAUSE
	AlertMemory                       // over maxmemory
	AlertReadOnly                     // a replica that refuses writes
	AlertMasterDown                   // a replica that refuses stale reads
	AlertDisk                         // the last save failed
	AlertNoReplicas                   // min-replicas-to-write
	AlertBusy                         // a script runs for too long
	AlertAppendFile                   // the append only file cannot be written
)

// Exec runs commands.
type Exec struct {
	*command.Env
	World   World
	Slow    *stats.SlowLog
	Latency *stats.LatencyMonitor

	// Await, if it is set, waits a moment for event loops, but for the one with index
	// self, to take in what has come.
	Await func(self int)

	alert       atomic.Uint32
	nextID      atomic.Uint64
	clients     atomic.Int64
	execSpec    *command.Spec
	listSpec    *command.Spec // of CLIENT LIST
	pause       pause
	script      scripting
	super       *acl.User    // of connections inside the process: may do everything
	waiting     atomic.Int32 // clients that wait for keys
	freeing     freeing
	copying     copying
	evicting    evicting
	memoryLimit atomic.Int64 // of data and buffers, bytes
	clientLimit atomic.Int64 // of all connections together, bytes; 0 if there is none
	weights     atomic.Int64 // what they take, as far as they were weighed, bytes
	claims      atomic.Int64 // the part of weights that has only been announced, bytes
	weighed     atomic.Bool  // there is a limit for which connections are weighed
	weighing    weighing
	foreignAt   atomic.Int64 // when the log has told of a request in another protocol, nanoseconds

	// collecting is, by shard, whose transaction holds it; guarded by the shard's lock.
	collecting [store.MaxShards]*Worker
	tracked    tracked

	appendFile atomic.Pointer[string] // what those are told who cannot write to it

	monitors   atomic.Pointer[[]*Client] // nil while nobody watches
	monitorsMu sync.Mutex                // for changing it

	// These change only while all workers are stopped.
	expiryHeld Alert // why expired keys stay
	replyFixed bool  // the largest reply counts for ever
	replyPeak  int64 // for how long the largest reply counts, nanoseconds; negative: for ever
}

// New makes an executor with a number of workers. env.Table is set later, by
// SetTable, because some of its handlers need the executor.
func New(env *command.Env, slow *stats.SlowLog, latency *stats.LatencyMonitor) *Exec {
	x := &Exec{Env: env, Slow: slow, Latency: latency, replyPeak: peakTime, super: acl.NewUsers().Default()}
	x.tracked.shards = make([]trackedShard, env.Store.Shards())
	env.Flushed = x.flushed
	return x
}

// Start makes the workers; the table must be complete.
func (x *Exec) Start(loops, shared int) {
	x.execSpec = x.Table.Named("exec")
	x.listSpec = x.Table.Named("client|list")
	for range loops {
		x.World.add(newWorker(x, false))
	}
	for range shared {
		x.World.add(newWorker(x, true))
	}
	x.World.free.L = &x.World.mu
	x.script.init(x)
	x.copying.wake = make(chan struct{}, 1)
	x.World.background = newWorker(x, true)
	x.World.add(x.World.background)
}

// Alert sets or clears an alert.
func (x *Exec) Alert(a Alert, on bool) {
	if on {
		x.alert.Or(uint32(a))
	} else {
		x.alert.And(^uint32(a))
	}
}

// AppendFileFails has writes refused because the append only file cannot be
// written, or no longer, with nil. No lock is needed.
func (x *Exec) AppendFileFails(err error) {
	if err != nil {
		text := command.ErrAppendFile + errno.Text(err)
		x.appendFile.Store(&text)
	}
	x.Alert(AlertAppendFile, err != nil)
}

// Alerted tells whether an alert is set.
func (x *Exec) Alerted(a Alert) bool { return x.alert.Load()&uint32(a) != 0 }

// ClientCount is the number of connections.
func (x *Exec) ClientCount() int { return int(x.clients.Load()) }

// World is all workers. Everything that changes rarely and is read by every
// command (configuration, the list of sessions, other sessions' state) is read
// without a lock by a worker that runs commands, and changed only by whoever
// holds the locks of all workers.
type World struct {
	mu      sync.Mutex // guards held and busy
	free    sync.Cond  // that one of them has changed
	held    bool       // by whoever has stopped all workers, or runs a script
	busy    bool       // that script runs for too long, and the workers go on
	workers []*Worker
	// background is one of workers, without connections: for what is done beside the
	// commands.
	background *Worker
	stops      uint64 // times that all workers were stopped
}

func (w *World) add(k *Worker) { w.workers = append(w.workers, k) }

// Workers gives all workers. The list is fixed once the server runs.
func (w *World) Workers() []*Worker { return w.workers }

// Stop stops all workers; the caller must hold no worker's lock and no shard.
func (w *World) Stop() {
	w.acquire(true)
	w.stops++
	for _, k := range w.workers {
		k.mu.Lock()
	}
}

// acquire takes the right to stop workers. Unless patient, it gives up when a script
// that has it runs for too long.
func (w *World) acquire(patient bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.held {
		if w.busy && !patient {
			return false
		}
		w.free.Wait()
	}
	w.held = true
	return true
}

func (w *World) release() {
	w.mu.Lock()
	w.held = false
	w.mu.Unlock()
	w.free.Broadcast()
}

// setBusy tells those who wait that a script runs for too long, or no longer.
func (w *World) setBusy(on bool) {
	w.mu.Lock()
	w.busy = on
	w.mu.Unlock()
	if on {
		w.free.Broadcast()
	}
}

// Stops is the number of times that all workers were stopped. They must be.
func (w *World) Stops() uint64 { return w.stops }

// Go lets the workers run again.
func (w *World) Go() {
	for _, k := range w.workers {
		k.mu.Unlock()
	}
	w.release()
}

// stopFrom is Stop for a worker that runs a command itself. It is false, and the
// worker has its lock again, when a script runs for too long; not if patient.
func (w *World) stopFrom(self *Worker, patient bool) bool {
	self.mu.Unlock()
	if !w.acquire(patient) {
		self.mu.Lock()
		return false
	}
	w.stops++
	for _, k := range w.workers {
		k.mu.Lock()
	}
	return true
}

// goFrom undoes stopFrom: self keeps its lock.
func (w *World) goFrom(self *Worker) {
	for _, k := range w.workers {
		if k != self {
			k.mu.Unlock()
		}
	}
	w.release()
}

// Worker runs the commands of some connections, one at a time: an event loop
// has one of its own, connections with goroutines share some.
type Worker struct {
	// turn is held during Process by connections that share the worker, as
	// mu is given back in the middle of it by exclusive commands.
	turn   sync.Mutex
	shared bool
	// stopped tells that the worker has stopped all others for scripts, and runs
	// another one next.
	stopped bool
	more    bool // the next request is of the same command

	mu      sync.Mutex // guards everything below, and the sessions of clients
	x       *Exec
	ctx     command.Ctx
	Stats   *stats.Worker
	clients []*Client      // by ID
	tended  uint64         // the ID of the client that was looked after last
	Changes uint64         // all changes made by its commands
	nano    int64          // the last reading of the clock
	serving command.Ctx    // for those who waited
	effects []oplog.Effect // of a transaction
	pool    evictPool
	again   store.LockSet // of those who were to be served, but locks were missing
	keys    []int         // scratch for key indexes
	hashes  []uint64      // of keys
	ahead   [lookahead]request
	elems   [][]byte // scratch for fetchElements

	_ [64]byte
}

func newWorker(x *Exec, shared bool) *Worker {
	w := &Worker{
		shared: shared,
		x:      x,
		Stats:  stats.NewWorker(len(x.Table.Specs())),
	}
	w.ctx = command.Ctx{Env: x.Env, Stats: w.Stats}
	w.serving = command.Ctx{Env: x.Env, Stats: w.Stats}
	return w
}

// Worker gives the worker of an event loop, or one of those that connections
// with goroutines share when loop is negative.
func (x *Exec) Worker(loop int, id uint64) *Worker {
	ws := x.World.workers
	if loop >= 0 {
		return ws[loop]
	}
	shared := 0
	for shared < len(ws) && !ws[shared].shared {
		shared++
	}
	return ws[shared+int(id%uint64(len(ws)-2-shared))]
}

// Locked runs f while no command of the worker runs, so that f may read the
// configuration. The caller must hold no worker's lock.
func (w *Worker) Locked(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}
