// Package node puts the parts of an instance together. It is the only package
// that knows every part; what needs a higher part takes it as an interface from
// here.
package node

import (
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/bitmap"
	"github.com/redstart-db/redstart/internal/command/connection"
	"github.com/redstart-db/redstart/internal/command/geo"
	"github.com/redstart-db/redstart/internal/command/hash"
	"github.com/redstart-db/redstart/internal/command/hyperloglog"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/command/list"
	pubsubcmd "github.com/redstart-db/redstart/internal/command/pubsub"
	"github.com/redstart-db/redstart/internal/command/scripting"
	"github.com/redstart-db/redstart/internal/command/server"
	"github.com/redstart-db/redstart/internal/command/set"
	"github.com/redstart-db/redstart/internal/command/sort"
	"github.com/redstart-db/redstart/internal/command/stream"
	"github.com/redstart-db/redstart/internal/command/strings"
	userscmd "github.com/redstart-db/redstart/internal/command/users"
	"github.com/redstart-db/redstart/internal/command/zset"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/loop"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/migrate"
	"github.com/redstart-db/redstart/internal/oplog"
	"github.com/redstart-db/redstart/internal/persist"
	"github.com/redstart-db/redstart/internal/pubsub"
	"github.com/redstart-db/redstart/internal/script/glua"
	"github.com/redstart-db/redstart/internal/snapshot"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/version"
	"github.com/redstart-db/redstart/internal/vfs"
)

// Node is a running instance.
type Node struct {
	Config *config.Config
	Exec   *exec.Exec
	// Fatal, if set, is called when a promise cannot be kept and the process has to
	// end: what was acknowledged may not be on disk. By default the instance ends,
	// and nothing is replied any more. It is to be set before Start.
	Fatal func(error)
	env   *command.Env
	store *store.Store
	loops *loop.Group
	log   *slog.Logger

	lis     listeners
	oom     oomState
	self    *self
	defrag  defrag
	seen    []shardUse // by shard, the background's
	proc    process
	hub     pubsub.Hub
	links   migrate.Links
	scripts *scripting.Scripts
	aof     *appendFile
	persist *persist.Manager
	walk    atomic.Pointer[snapshot.Snapshot] // that is being written; nil
	huge    bool                              // full regions of memory become huge pages
	quit    chan struct{}                     // closed when the instance is asked to end
	ending  shutdown
	claims  claims

	localMu sync.Mutex
	locals  map[*Local]struct{} // nil when the instance is closed

	tls      tlsState
	watchdog chan struct{} // closed to end it; nil while there is none

	// unreplayed is how many commands of append only files have failed when they were
	// loaded.
	unreplayed atomic.Int64

	tended int64 // when clients were looked after last, monotonic nanoseconds

	stop     chan struct{}
	wg       sync.WaitGroup
	once     sync.Once
	quitOnce sync.Once
}

// oomState is what was found and done about the process's oom_score_adj.
type oomState struct {
	initial int  // before it was changed
	set     bool // it is changed
}

// Open makes an instance that listens nowhere, with an event loop for each
// processor Go uses unless the configuration says how many.
func Open(cfg *config.Config, log *slog.Logger) (*Node, error) {
	return OpenLoops(cfg, log, runtime.GOMAXPROCS(0))
}

// OpenLoops is Open with the number of event loops given, for a configuration
// that does not say it.
func OpenLoops(cfg *config.Config, log *slog.Logger, loops int) (*Node, error) {
	return open(cfg, log, loops, 0, vfs.OS{})
}

// open is OpenLoops with the address space of a shard in bytes, or 0: tests
// choose one that is soon full. The files of the append only file are in fs.
func open(cfg *config.Config, log *slog.Logger, loops int, reserve uint64, fs vfs.FS) (*Node, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if cfg.RedstartLoops != 0 {
		loops = cfg.RedstartLoops
	}
	shards := cfg.RedstartShards
	if shards == 0 {
		shards = store.ShardsFor(loops)
	}
	st, err := store.New(store.Options{Databases: cfg.Databases, Shards: shards, Reserve: reserve})
	if err != nil {
		return nil, err
	}
	env := &command.Env{Store: st, Config: cfg, Clock: clock.New(), Log: new(oplog.Log), Logger: log,
		Users: acl.NewUsers(), Denials: new(acl.Log), ClientInfo: connection.Info}
	n := &Node{
		Config: cfg, env: env, store: st, log: log,
		stop: make(chan struct{}), quit: make(chan struct{}),
		lis:    listeners{tcp: make(map[endpoint]net.Listener)},
		locals: make(map[*Local]struct{}),
		claims: claims{fs: vfs.OS{}, held: make(map[string]*claim), kept: make(map[claimed]bool)},
		huge:   mem.HugePages(),
		Exec:   exec.New(env, stats.NewSlowLog(int(cfg.SlowlogMaxLen)), new(stats.LatencyMonitor)),
	}
	n.hub.Gather = gather
	env.Publish = n.publishEvent
	n.persist = persist.New(files{n}, st, cfg, env.Clock, log)
	env.FlushedAll = n.persist.Flushed
	n.self = newSelf(n)
	n.scripts = scripting.New(n.Exec, glua.New(glua.Options{Version: version.Redis, Deprecated: cfg.LuaEnableDeprecatedAPI}))
	env.Table, err = command.NewTable(cfg.RenameCommands, n.Exec.TransactionSpecs(), strings.Specs(), bitmap.Specs(), connection.Specs(n.Exec), keys.Specs(), keys.MigrateSpecs(&n.links), list.Specs(), hash.Specs(), hyperloglog.Specs(), set.Specs(), zset.Specs(), stream.Specs(), geo.Specs(), sort.Specs(), server.Specs(n.self), pubsubcmd.Specs(&n.hub), userscmd.Specs(users{n.self, n.Exec}), n.scripts.Specs())
	if err == nil {
		err = startUsers(env)
	}
	if err != nil {
		st.Close()
		return nil, err
	}
	st.SetHooks(n.Exec)
	n.Exec.Start(loops, loops)
	n.aof = newAppendFile(n, fs)
	n.loops, err = loop.New(loop.Config{Loops: loops, Handler: n, Logger: log, Barrier: n.aof})
	if err != nil {
		n.aof.Close()
		st.Close()
		return nil, err
	}
	n.aof.loops.Store(n.loops)
	n.Exec.Await = func(self int) { n.loops.Settle(self, settleTime) }
	n.self.start()
	n.background()
	return n, nil
}

// BeginLoad has commands that need the data refused until Load has ended, and connections
// wait for it. It is to be called before Listen.
func (n *Node) BeginLoad() {
	if n.persist.Enabled() {
		n.stopped(n.Exec.BeginLoading)
		n.hold()
	}
}

// Load loads the data from disk. After an error the instance must be closed.
//
// Connections are accepted when that is done. What takes longer does not leave them
// without an answer: as soon as a part is loaded (loading-process-events-interval-bytes)
// or time has passed, they are accepted and told that the instance is loading.
func (n *Node) Load() error {
	if !n.persist.Enabled() {
		return nil
	}
	enough := int64(n.Config.LoadingProcessEventsIntervalBytes)
	loaded := make(chan struct{})
	var meanwhile sync.WaitGroup
	meanwhile.Go(func() {
		tick := time.NewTicker(acceptCheck)
		defer tick.Stop()
		for late := time.Now().Add(acceptPatience); ; {
			select {
			case <-loaded:
				return
			case now := <-tick.C:
				if n.persist.Progress.Loaded.Load() >= enough || now.After(late) {
					n.acceptAll() // an error is that of an end
					return
				}
			}
		}
	})
	err := n.load()
	close(loaded)
	meanwhile.Wait()
	if err == nil {
		err = n.claimLoaded()
	}
	if err == nil {
		err = n.acceptAll()
	}
	return err
}

const (
	acceptCheck    = 10 * time.Millisecond
	acceptPatience = time.Second
)

func (n *Node) load() error {
	logged := false
	n.stopped(func() { logged = n.Config.AppendOnly })
	if logged {
		return n.startAppendFile()
	}
	if err := n.aof.ReadManifest(); err != nil { // it may be turned on
		return err
	}
	if err := n.persist.Load(n.loadFunction, n.stopping); err != nil {
		return err
	}
	n.stopped(n.Exec.EndLoading)
	return nil
}

// Serve takes over a listener and returns at once. From then on only Close closes
// it.
func (n *Node) Serve(ln net.Listener) error {
	if err := n.loops.Serve(ln); err != nil {
		return closedError(err)
	}
	n.lis.mu.Lock()
	defer n.lis.mu.Unlock()
	n.lis.other = append(n.lis.other, ln)
	return nil
}

// Quit has Done closed: it is how a command asks whoever runs the instance to
// end it.
func (n *Node) Quit() { n.quitOnce.Do(func() { close(n.quit) }) }

// QuitLoading is Quit while Load is under way, which then ends soon: also where a script of
// the append only file does not.
func (n *Node) QuitLoading() {
	n.Quit()
	n.Exec.EndScripts()
}

// Done is closed when the instance has been asked to end. It goes on until Close.
func (n *Node) Done() <-chan struct{} { return n.quit }

// Dial gives a connection to the instance inside this process.
func (n *Node) Dial() (net.Conn, error) {
	client, server := loop.Pipe()
	if err := n.loops.ServeConn(server); err != nil {
		client.Close()
		return nil, closedError(err)
	}
	return client, nil
}

func closedError(err error) error {
	if errors.Is(err, loop.ErrGroupClosed) {
		return ErrClosed
	}
	return err
}

// Close stops everything that the instance has started, in the order that leaves
// no command running when its data goes: listeners and connections, connections
// inside the process, background work, memory. It must not be called from within
// a command.
func (n *Node) Close() error {
	var err error
	n.once.Do(func() {
		n.links.Close() // whoever waits for another server holds shards
		n.Exec.EndScripts()
		err = n.loops.Close()
		n.closeLocals()
		n.Exec.CloseScripts()
		n.forgetListeners()
		close(n.stop)
		n.aof.Cancel()
		n.wg.Wait()
		n.persist.Close()
		n.scripts.Close()
		err = errors.Join(err, n.closeAppendFile(), n.store.Close())
		n.dropAll()
	})
	return err
}

func (n *Node) closeLocals() {
	n.localMu.Lock()
	locals := n.locals
	n.locals = nil
	n.localMu.Unlock()
	for l := range locals {
		l.Stop()
	}
}

// settleTime is for how long CLIENT LIST waits at most for event loops that are held up.
const settleTime = 20 * time.Millisecond

const (
	expireTick = 10 * time.Millisecond
	expireStep = 200 // records handled for one hold of a shard's lock
)

// background starts what runs beside the commands.
func (n *Node) background() {
	n.store.SetTime(time.Now().UnixMilli())
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		tick := time.NewTicker(expireTick)
		defer tick.Stop()
		for {
			select {
			case <-n.stop:
				return
			case <-n.Exec.Copies():
				if !n.self.cronPaused.Load() {
					n.Exec.GoOnCopying(n.env.Clock.Nano() + int64(expireTick))
				}
			case <-tick.C:
				if n.self.cronPaused.Load() {
					continue
				}
				n.tendShutdown()
				n.expire()
				n.Exec.EvictSome()
				n.tendClients()
				n.Exec.TendTracking()
				n.Exec.TendCopies()
				n.renewTLS()
				n.reclaim()
				n.defragment()
				n.self.measureTight()
			}
		}
	}()
}

// expire removes the keys whose deadline has passed, a few at a time.
func (n *Node) expire() {
	n.env.Clock.Sync()
	now := n.env.Clock.NowMilli()
	n.store.SetTime(now)
	n.Exec.EndPauses(now)
	if n.Exec.Alerted(exec.AlertPaused|exec.AlertLoading) || n.self.keepExpired.Load() {
		return // the data stays as it is
	}
	var took, threshold int64
	for i := range n.store.Shards() {
		sh := n.store.Shard(i)
		for more := true; more; {
			sh.Lock()
			// It changes only while all shards are locked.
			threshold = n.Config.LatencyMonitorThreshold
			if threshold > 0 {
				took -= n.env.Clock.Nano()
			}
			more = false
			for db := 0; db < n.store.Databases() && sh.Perishable() > 0 && !more; db++ {
				_, more = sh.DB(db).Expire(now, expireStep)
			}
			ready := sh.Ready()
			if threshold > 0 {
				took += n.env.Clock.Nano()
			}
			sh.Unlock()
			if ready {
				n.Exec.ServeExpired(sh)
			}
		}
	}
	// Waiting for a lock is the latency of who held it, and not counted.
	if ms := took / 1e6; threshold > 0 && ms >= threshold {
		n.Exec.Latency.Add("expire-cycle", now/1000, ms)
	}
}
