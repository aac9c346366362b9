package server

import (
	"fmt"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

// Memory tells where memory is, in bytes.
type Memory struct {
	Used     uint64 // what counts: blocks of the arenas, the heap, connections, and what else is resident
	Peak     uint64 // highest Used
	Startup  uint64 // Used when the server had started
	Overhead uint64 // of Used, what is not keys and values
	Tables   []TableMemory

	Clients   uint64 // of Overhead, connections and their buffers
	Log       uint64 // of Overhead, buffers of the append only file; no limit counts them
	Snapshot  uint64 // of Overhead, buffers of a snapshot that is being written; no limit counts them
	Scripts   uint64 // of Overhead, texts of cached scripts
	Functions uint64 // of Overhead, texts of libraries
	Extra     uint64 // of Used, what is resident and in none of the counts

	ArenaLive     uint64 // blocks in use
	ArenaResident uint64 // pages handed out and not returned to the system
	ArenaDirty    uint64 // of these, in free runs
	ArenaReserved uint64 // address space
	ArenaOverhead uint64 // bookkeeping
	ArenaBlocks   uint64 // number of blocks in use

	Heap        uint64 // what counts of the Go heap of an instance without data
	HeapObjects uint64 // objects of the Go heap, and those not yet collected
	HeapUsed    uint64 // spans with at least one object
	HeapHeld    uint64 // all that the Go runtime has of the system

	RSS    uint64 // of the whole process
	System uint64 // of the machine

	Keys        int
	ClientCount int
	ScriptCount int // cached
}

// TableMemory is the memory of one database's table, records not counted.
type TableMemory struct {
	DB    int
	Keys  int
	Bytes uint64
}

// Dataset is what keys and values take.
func (m *Memory) Dataset() uint64 { return m.Used - min(m.Overhead, m.Used) }

// DatasetPercent is the share of Dataset in what was taken since the start.
func (m *Memory) DatasetPercent() float64 {
	return percent(m.Dataset(), m.Used-min(m.Startup, m.Used))
}

// PeakPercent is Used as a share of Peak.
func (m *Memory) PeakPercent() float64 { return percent(m.Used, m.Peak) }

// Allocated, Active and Resident are the memory that is given out, the pages it
// lies in, and the pages held from the system.
func (m *Memory) Allocated() uint64 { return m.ArenaLive + m.HeapObjects }

// Active is part of Allocated's description.
func (m *Memory) Active() uint64 { return m.ArenaResident - m.ArenaDirty + m.HeapUsed }

// Resident is part of Allocated's description.
func (m *Memory) Resident() uint64 {
	return m.ArenaResident + m.ArenaOverhead + m.HeapHeld
}

func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) * 100 / float64(whole)
}

// Ratio is a divided by b; 0 when b is.
func Ratio(a, b uint64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func memoryUsage(c *command.Ctx) {
	for i := 3; i < len(c.Args); i += 2 {
		if !c.Is(i, "SAMPLES") || i+1 == len(c.Args) {
			c.Err(command.ErrSyntax)
			return
		}
		n, ok := num.ParseInt(c.Args[i+1])
		if !ok {
			c.Err(command.ErrNotInteger)
			return
		}
		if n < 0 {
			c.Err(command.ErrSyntax)
			return
		}
	}
	k := c.Key(2)
	e := c.Keyspace(k).Lookup(k, c.Now())
	if !e.Ok() {
		c.Null()
		return
	}
	c.Int(int64(e.MemoryUsage()))
}

func (f *family) memoryStats(c *command.Ctx) {
	m := f.node.Survey(c).Memory()
	n := 0
	count := func(name string, v uint64) {
		c.Str(name)
		c.Int(int64(v))
		n++
	}
	ratio := func(name string, v float64) {
		c.Str(name)
		c.Double(v)
		n++
	}
	at := c.Defer()
	count("peak.allocated", m.Peak)
	count("total.allocated", m.Used)
	count("startup.allocated", m.Startup)
	count("replication.backlog", 0)
	count("clients.slaves", 0)
	count("clients.normal", m.Clients)
	count("cluster.links", 0)
	count("aof.buffer", m.Log)
	count("lua.caches", m.Scripts)
	count("functions.caches", m.Functions)
	for _, t := range m.Tables {
		c.Str(fmt.Sprintf("db.%d", t.DB))
		c.Map(3)
		c.Str("overhead.hashtable.main")
		c.Int(int64(t.Bytes))
		c.Str("overhead.hashtable.expires")
		c.Int(0)
		c.Str("overhead.hashtable.slot-to-keys")
		c.Int(0)
		n++
	}
	count("overhead.total", m.Overhead)
	count("keys.count", uint64(m.Keys))
	count("keys.bytes-per-key", (m.Used-min(m.Startup, m.Used))/uint64(max(m.Keys, 1)))
	count("dataset.bytes", m.Dataset())
	ratio("dataset.percentage", m.DatasetPercent())
	ratio("peak.percentage", m.PeakPercent())
	count("allocator.allocated", m.Allocated())
	count("allocator.active", m.Active())
	count("allocator.resident", m.Resident())
	ratio("allocator-fragmentation.ratio", Ratio(m.Active(), m.Allocated()))
	count("allocator-fragmentation.bytes", m.Active()-m.Allocated())
	ratio("allocator-rss.ratio", Ratio(m.Resident(), m.Active()))
	count("allocator-rss.bytes", m.Resident()-m.Active())
	ratio("rss-overhead.ratio", Ratio(m.RSS, m.Resident()))
	count("rss-overhead.bytes", m.RSS-m.Resident())
	ratio("fragmentation", Ratio(m.RSS, m.Used))
	count("fragmentation.bytes", m.RSS-m.Used)
	c.EndMap(at, n)
}

// From when on something is remarkable.
const (
	doctorLeast   = 5 << 20   // bytes used, below which nothing can be said
	doctorGap     = 10 << 20  // bytes, differences below which do not matter
	doctorPeak    = 1.5       // the peak, as a multiple of what is used
	doctorFrag    = 1.4       // what is resident, as a multiple of what is used
	doctorPages   = 1.1       // pages, as a multiple of what is in them; the same for the next levels
	doctorClient  = 200 << 10 // bytes of a client, on average
	doctorScripts = 1000      // cached scripts
)

// exceeds tells whether a is remarkably more than b.
func exceeds(a, b uint64, ratio float64) bool {
	return Ratio(a, b) > ratio && a-b > doctorGap
}

// findings says what is remarkable about the use of memory.
func (m *Memory) findings() (all []string) {
	say := func(is bool, format string, args ...any) {
		if is {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(Ratio(m.Peak, m.Used) > doctorPeak, "At its peak the server used %s, now %s. Pages may stay with the process until they are "+
		"reused; MEMORY PURGE returns those that are empty.", humanBytes(m.Peak), humanBytes(m.Used))
	say(exceeds(m.RSS, m.Used, doctorFrag), "The resident size is %.2f times the memory in use. If the peak was as high, that is "+
		"why; if not, the findings below tell more.", Ratio(m.RSS, m.Used))
	say(exceeds(m.Active(), m.Allocated(), doctorPages), "The pages in use are %.2f times the memory that is given out: values of "+
		"many sizes have come and gone. CONFIG SET activedefrag yes has them moved together.", Ratio(m.Active(), m.Allocated()))
	say(exceeds(m.Resident(), m.Active(), doctorPages), "The allocators hold %.2f times the pages in use. MEMORY PURGE returns "+
		"the others.", Ratio(m.Resident(), m.Active()))
	say(exceeds(m.RSS, m.Resident(), doctorPages), "The process has %.2f times the memory that its allocators know of: large buffers "+
		"of clients, files that are being read, the program itself.", Ratio(m.RSS, m.Resident()))
	say(m.ClientCount > 0 && m.Clients/uint64(max(m.ClientCount, 1)) > doctorClient, "Clients take %s each on average. CLIENT LIST "+
		"shows which (omem, qbuf); maxmemory-clients and client-output-buffer-limit bound them.", humanBytes(m.Clients/uint64(max(m.ClientCount, 1))))
	say(m.ScriptCount > doctorScripts, "%d scripts are cached, and none is ever forgotten. Scripts that differ in constants only "+
		"should have them as arguments; SCRIPT FLUSH empties the cache.", m.ScriptCount)
	return all
}

// memoryDoctor says in words what is remarkable about the use of memory.
func (f *family) memoryDoctor(c *command.Ctx) {
	m := f.node.Survey(c).Memory()
	if m.Used < doctorLeast {
		c.Verbatim("txt", []byte("There is too little data in this instance to judge its use of memory.\n"))
		return
	}
	findings := m.findings()
	if len(findings) == 0 {
		c.Verbatim("txt", []byte("Nothing is remarkable about the use of memory.\n"))
		return
	}
	c.Verbatim("txt", []byte("About the use of memory:\n\n * "+strings.Join(findings, "\n * ")+"\n"))
}

func (f *family) memoryMallocStats(c *command.Ctx) {
	m := f.node.Survey(c).Memory()
	var b strings.Builder
	fmt.Fprintf(&b, "arenas: live %d, blocks %d, resident %d, of which free %d, reserved %d, bookkeeping %d\n",
		m.ArenaLive, m.ArenaBlocks, m.ArenaResident, m.ArenaDirty, m.ArenaReserved, m.ArenaOverhead)
	fmt.Fprintf(&b, "heap: objects %d, spans %d, held %d\n", m.HeapObjects, m.HeapUsed, m.HeapHeld)
	c.Verbatim("txt", []byte(b.String()))
}

// purgeStep is how many bytes are returned for one hold of a shard's lock.
const purgeStep = 1 << 20

// memoryPurge takes the locks through c: in a transaction they are held already.
func (f *family) memoryPurge(c *command.Ctx) {
	for more := true; more; {
		more = false
		c.EachShard(0, func(sh *store.Shard) bool {
			more = sh.Arena().Trim(purgeStep) >= purgeStep || more
			return true
		})
	}
	f.node.ReleaseHeap()
	c.OK()
}

func memoryHelp(c *command.Ctx) {
	c.Help(
		"DOCTOR",
		"    Say in words what is remarkable about the use of memory.",
		"MALLOC-STATS",
		"    Show the numbers of the allocator.",
		"PURGE",
		"    Return unused pages to the system.",
		"STATS",
		"    List what takes how much memory.",
		"USAGE <key> [SAMPLES <count>]",
		"    Tell how many bytes a <key> takes with its value. Of a large collection",
		"    <count> elements are looked at (5 if not given, all for 0).",
	)
}
