package node

import (
	"crypto/rand"
	"encoding/hex"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
)

// self is the instance as the commands about it see it. It implements
// server.Node.
type self struct {
	n       *Node
	started time.Time
	runID   string // 40 hexadecimal digits, new with every start
	replID  string // the same, of the data's history
	startup uint64 // bytes used when the instance was open

	keepExpired atomic.Bool   // DEBUG SET-ACTIVE-EXPIRE 0
	cronPaused  atomic.Bool   // DEBUG PAUSE-CRON 1
	freedBefore atomic.Uint64 // large values freed before CONFIG RESETSTAT

	account account

	mu           sync.Mutex // guards what follows
	peak         uint64     // most bytes used
	ops, in, out stats.Meter
}

func newSelf(n *Node) *self {
	return &self{n: n, started: time.Now(), runID: randomID(), replID: randomID()}
}

func randomID() string {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

const sampleTick = 100 * time.Millisecond

// start takes up the configuration and begins to observe. The workers are there,
// but no command runs.
func (s *self) start() {
	for _, name := range followed() {
		s.apply(name)
	}
	s.account.open()
	s.startup = s.used(true)
	s.sample()
	s.n.wg.Add(1)
	go func() {
		defer s.n.wg.Done()
		tick := time.NewTicker(sampleTick)
		defer tick.Stop()
		for {
			select {
			case <-s.n.stop:
				return
			case <-tick.C:
				s.sample()
				s.n.collect()
				s.n.tendAppendFile()
			}
		}
	}()
}

// sample moves the rates and the peak on, and looks whether memory is short. No
// lock may be held.
func (s *self) sample() {
	var ops, in, out, changes uint64
	for _, w := range s.n.Exec.World.Workers() {
		w.Locked(func() {
			ops += w.Stats.Commands
			changes += w.Changes
			in += w.Stats.NetInput
			out += w.Stats.NetOutput
		})
	}
	s.n.persist.Tick(changes)
	used := s.measure()
	now := s.n.env.Clock.Nano() / 1e6
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peak = max(s.peak, used)
	s.ops.Sample(now, ops)
	s.in.Sample(now, in)
	s.out.Sample(now, out)
}

// clientLimit is what all connections may take together, in bytes; 0 is no limit.
func clientLimit(cfg *config.Config) int64 {
	return int64(min(cfg.MaxMemoryClients.Bytes(cfg.MaxMemory), math.MaxInt64))
}

// followed are the directives that apply takes up. Others are read where they
// matter, or taken up by Node.Apply.
func followed() []string {
	return []string{
		"maxmemory", "maxmemory-clients", "maxmemory-policy", "lfu-log-factor", "lfu-decay-time", "slowlog-max-len", "latency-tracking",
		"notify-keyspace-events",
		"tracking-table-max-keys", "watchdog-period", "min-replicas-to-write",
	}
}

// ApplyConfig implements server.Node.
func (s *self) ApplyConfig(changed []string, inExec bool) error {
	if err := s.n.claimChanged(changed); err != nil {
		return err
	}
	for _, name := range changed {
		s.apply(name)
	}
	s.n.persist.Configured()
	err := s.n.Apply(changed, inExec)
	if err == nil {
		s.n.dropUnwanted()
	}
	return err
}

func (s *self) apply(name string) {
	cfg, x := s.n.Config, s.n.Exec
	switch name {
	case "maxmemory":
		used := s.used(false) - s.unlimited()
		if cfg.MaxMemory > 0 && used > cfg.MaxMemory {
			s.n.log.Warn("the new maxmemory is smaller than the memory in use", "maxmemory", cfg.MaxMemory, "used", used)
		}
		s.limitMemory()
		if cfg.MaxMemoryClients < 0 { // a part of it
			x.LimitClients(clientLimit(cfg))
		}
	case "maxmemory-clients":
		x.LimitClients(clientLimit(cfg))
	case "maxmemory-policy":
		s.setLFU()
	case "lfu-log-factor", "lfu-decay-time":
		s.setLFU()
	case "slowlog-max-len", "slowlog-log-slower-than":
		if cfg.SlowlogLogSlowerThan >= 0 { // a log that is off keeps what it has
			x.Slow.SetMaxLen(int(cfg.SlowlogMaxLen))
		}
	case "latency-tracking":
		for _, w := range x.World.Workers() {
			w.Stats.TrackLatency = cfg.LatencyTracking
		}
	case "watchdog-period":
		s.n.setWatchdog(time.Duration(cfg.WatchdogPeriod) * time.Millisecond)
	case "min-replicas-to-write", "min-replicas-max-lag": // there are no replicas yet
		x.Alert(exec.AlertNoReplicas, cfg.MinReplicasToWrite > 0 && cfg.MinReplicasMaxLag > 0)
	case "tracking-table-max-keys":
		x.LimitTracking()
	case "notify-keyspace-events":
		s.n.env.Notify = notifyClasses(cfg.NotifyKeyspaceEvents)
	}
}

// setLFU chooses what the access fields of records hold.
func (s *self) setLFU() {
	cfg := s.n.Config
	policy := cfg.MaxMemoryPolicy
	s.n.store.LFU = store.LFU{
		On:        policy == config.AllKeysLFU || policy == config.VolatileLFU,
		LogFactor: cfg.LFULogFactor,
		Decay:     cfg.LFUDecayTime,
	}
	s.fineClock()
}

// fineClock has records tell when they were used more finely if eviction asks for it.
func (s *self) fineClock() {
	policy := s.n.Config.MaxMemoryPolicy
	s.n.store.SetFine(s.n.Config.MaxMemory > 0 && (policy == config.AllKeysLRU || policy == config.VolatileLRU))
}

// notifyClasses gives the notifications that are on: none while they have
// nowhere to go.
func notifyClasses(f config.NotifyFlags) command.NotifyClass {
	if f&(config.NotifyKeyspace|config.NotifyKeyevent) == 0 {
		return 0
	}
	var classes command.NotifyClass
	for _, pair := range [...]struct {
		f config.NotifyFlags
		c command.NotifyClass
	}{
		{config.NotifyKeyspace, command.NotifyKeyspace},
		{config.NotifyKeyevent, command.NotifyKeyevent},
		{config.NotifyGeneric, command.NotifyGeneric},
		{config.NotifyString, command.NotifyString},
		{config.NotifyList, command.NotifyList},
		{config.NotifySet, command.NotifySet},
		{config.NotifyHash, command.NotifyHash},
		{config.NotifyZset, command.NotifyZSet},
		{config.NotifyExpired, command.NotifyExpired},
		{config.NotifyEvicted, command.NotifyEvicted},
		{config.NotifyStream, command.NotifyStream},
		{config.NotifyModule, command.NotifyModule},
		{config.NotifyNew, command.NotifyNew},
		{config.NotifyKeyMiss, command.NotifyMiss},
	} {
		if f&pair.f != 0 {
			classes |= pair.c
		}
	}
	return classes
}

// freed is how many large values were ever left to be freed, and have been. The
// shards must be locked.
func (s *self) freed() (thrown, freed uint64) {
	for i := range s.n.store.Shards() {
		sh := s.n.store.Shard(i)
		thrown += sh.Thrown()
		freed += sh.Reclaimed()
	}
	return thrown, freed
}

// ResetStats implements server.Node.
func (s *self) ResetStats() {
	_, freed := s.freed()
	s.freedBefore.Store(freed)
	for _, w := range s.n.Exec.World.Workers() {
		w.Stats.Reset()
	}
	for i := range s.n.store.Shards() {
		sh := s.n.store.Shard(i)
		sh.ResetExpiredKeys()
		sh.ResetEvictedKeys()
		sh.ResetLag()
	}
	s.n.resetDefrag()
	now := s.n.env.Clock.Nano() / 1e6
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops.Reset(now)
	s.in.Reset(now)
	s.out.Reset(now)
}

// SetActiveExpire implements server.Node.
func (s *self) SetActiveExpire(on bool) {
	s.keepExpired.Store(!on)
	s.n.store.KeepFields = !on
}

// BreakSaves implements server.Node.
func (s *self) BreakSaves() {
	s.n.persist.Break()
	s.n.aof.Break()
}

// PauseCron implements server.Node.
func (s *self) PauseCron(on bool) { s.cronPaused.Store(on) }

// SetReplyPeakReset implements server.Node.
func (s *self) SetReplyPeakReset(ms int64) { s.n.Exec.SetReplyPeakReset(ms) }

// SetReplyResizing implements server.Node.
func (s *self) SetReplyResizing(on bool) { s.n.Exec.SetReplyResizing(on) }

// SlowLog implements server.Node.
func (s *self) SlowLog() *stats.SlowLog { return s.n.Exec.Slow }

// Latency implements server.Node.
func (s *self) Latency() *stats.LatencyMonitor { return s.n.Exec.Latency }

// LastSave implements server.Node.
func (s *self) LastSave() int64 { return s.n.persist.Status().LastSave }

// ReleaseHeap implements server.Node.
func (s *self) ReleaseHeap() { releaseHeap() }
