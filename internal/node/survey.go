package node

import (
	"math/rand/v2"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/server"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
)

// survey is what a command like INFO tells of all workers and all shards. It goes over
// them once, when the first of it is asked for, and locks one at a time: nobody waits for
// a command that only looks.
type survey struct {
	s       *self
	c       *command.Ctx
	workers *workerSums // nil until asked for
	shards  *shardSums
}

// workerSums are of all workers and connections together.
type workerSums struct {
	stats              *stats.Worker // without histograms
	changes            uint64
	connected, blocked int
	inPeak, outPeak    int
	bufferBytes        uint64
}

// shardSums are of all shards together.
type shardSums struct {
	memory                    server.Memory // what of it is in shards
	dbs                       []dbSums
	expired, evicted, fields  uint64
	thrown, freed             uint64 // large values left to be freed, and freed
	lag                       store.Lag
	trackedKeys, trackedItems int
	defrag                    defragCounts
}

// dbSums are of one database.
type dbSums struct {
	keys, volatile int
	timed          int     // hashes of which fields have deadlines
	ttl            float64 // milliseconds, of all sampled together
	sampled        int
}

// Survey implements server.Node.
func (s *self) Survey(c *command.Ctx) server.Survey { return &survey{s: s, c: c} }

func (v *survey) ofWorkers() *workerSums {
	if v.workers != nil {
		return v.workers
	}
	x := v.s.n.Exec
	sum := &workerSums{stats: stats.NewWorker(len(v.s.n.env.Table.Specs()))}
	x.EachWorker(v.c, func(w *exec.Worker) {
		sum.stats.Merge(w.Stats, false)
		sum.changes += w.Changes
	})
	x.EachSession(v.c, func(ss *session.Session) {
		if ss.Conn == nil {
			return
		}
		if !ss.Has(session.Replica) && !ss.Has(session.Master) {
			sum.connected++
		}
		if ss.Flags&(session.Blocked|session.Paused) != 0 {
			sum.blocked++
		}
		sum.inPeak = max(sum.inPeak, ss.InPeak)
		sum.outPeak = max(sum.outPeak, ss.Conn.Pending())
		sum.bufferBytes += uint64(ss.Memory())
	})
	v.workers = sum
	return sum
}

const ttlSamples = 8 // keys looked at in each shard for avg_ttl

func (v *survey) ofShards() *shardSums {
	if v.shards != nil {
		return v.shards
	}
	n := v.s.n
	sum := &shardSums{dbs: make([]dbSums, n.store.Databases())}
	m := &sum.memory
	m.Tables = make([]server.TableMemory, len(sum.dbs))
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	now := n.env.Clock.NowMilli()
	v.c.EachShard(0, func(sh *store.Shard) bool {
		a := sh.Arena().Stats()
		m.ArenaLive += a.Live
		m.ArenaBlocks += a.Blocks
		m.ArenaResident += a.Resident
		m.ArenaDirty += a.FreeDirty
		m.ArenaReserved += a.Reserved
		m.ArenaOverhead += a.Overhead
		for db := range sum.dbs {
			ks, d := sh.DB(db), &sum.dbs[db]
			ttl, sampled := ks.SampleTTL(rnd, now, ttlSamples)
			d.keys += ks.Len()
			d.volatile += ks.Volatile()
			d.timed += ks.Timed()
			d.ttl += ttl
			d.sampled += sampled
			m.Tables[db].Bytes += uint64(ks.TableBytes())
		}
		sum.defrag.add(sh)
		sum.expired += sh.ExpiredKeys()
		sum.evicted += sh.EvictedKeys()
		sum.fields += sh.ExpiredFields()
		sum.thrown += sh.Thrown()
		sum.freed += sh.Reclaimed()
		lag := sh.Lag()
		sum.lag.Merge(&lag)
		keys, items := n.Exec.Tracked(sh)
		sum.trackedKeys += keys
		sum.trackedItems += items
		return true
	})
	for db := range sum.dbs {
		m.Tables[db].Keys = sum.dbs[db].keys
	}
	v.shards = sum
	return sum
}

// Memory implements server.Survey.
func (v *survey) Memory() server.Memory {
	s, h := v.s, readHeap()
	m := v.ofShards().memory
	m.Startup, m.Clients, m.ClientCount = s.startup, v.ofWorkers().bufferBytes, v.ofWorkers().connected
	m.Log, m.Extra = s.logMemory(), uint64(s.account.extra.Load())
	m.Snapshot = s.snapshotMemory() + uint64(s.account.along.Load())
	u := s.n.scripts.Usage()
	m.Scripts, m.Functions, m.ScriptCount = uint64(u.Scripts), uint64(u.Functions), u.Cached
	m.Heap, m.HeapObjects, m.HeapUsed, m.HeapHeld = s.account.base, h.objects, h.objects+h.unused, h.held
	m.RSS, _ = residentBytes()
	m.System = systemMemory()
	m.Used = m.ArenaLive + m.Heap + m.Clients + m.Log + m.Snapshot + m.Extra
	m.Overhead = s.startup + m.Clients + m.Log + m.Snapshot + m.Scripts + m.Functions
	tables := m.Tables
	m.Tables = nil
	for db, t := range tables {
		if t.Keys > 0 {
			t.DB = db
			m.Tables = append(m.Tables, t)
			m.Keys += t.Keys
			m.Overhead += t.Bytes
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peak = max(s.peak, m.Used)
	m.Peak = s.peak
	return m
}

// Histograms implements server.Survey.
func (v *survey) Histograms() *stats.Worker {
	all := stats.NewWorker(len(v.s.n.env.Table.Specs()))
	v.s.n.Exec.EachWorker(v.c, func(w *exec.Worker) { all.Merge(w.Stats, true) })
	return all
}
