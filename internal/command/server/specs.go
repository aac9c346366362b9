// Package server is the family of commands about the server itself: what it
// reports, how it is configured, which commands it has.
package server

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/stats"
)

// Node is what these commands need of the instance. Where nothing else is said,
// every worker is stopped and all shards are locked when a method is called.
type Node interface {
	// Survey is for Survey commands, during which it may be used.
	Survey(c *command.Ctx) Survey
	// ResetStats sets the counters that CONFIG RESETSTAT resets to zero.
	ResetStats()
	// UserLines gives the users as lines of the configuration, without the word
	// "user". No lock is needed.
	UserLines() []string
	// ApplyConfig takes up directives that have changed, within a transaction or not.
	ApplyConfig(changed []string, inExec bool) error
	// SetActiveExpire turns the removal of expired keys in the background
	// on and off.
	SetActiveExpire(on bool)
	// BreakSaves has what is written in the background fail.
	BreakSaves()
	// PauseCron stops all periodic work in the background, or lets it go on.
	PauseCron(on bool)
	// SetReplyPeakReset sets after how many milliseconds the peak of a
	// connection's reply buffer is measured anew; negative never, 0 the
	// usual time.
	SetReplyPeakReset(ms int64)
	// SetReplyResizing turns the forgetting of such peaks on and off.
	SetReplyResizing(on bool)
	// Shutdown brings the instance to its end, now or when replicas have everything.
	// It is false when it has failed, and the instance goes on.
	Shutdown(o ShutdownOptions) bool
	// AwaitShutdown has end called with a reply if the end that Shutdown has begun is
	// called off.
	AwaitShutdown(end func(reply []byte) bool)
	// AbortShutdown calls the end off; it is false when none is under way.
	AbortShutdown() bool

	// RewriteAppendFile begins to rewrite the append only file, or, when that is
	// not possible now or later is wanted, will do so. No lock is needed.
	RewriteAppendFile(later bool) (started bool, err error)
	// LoadAppendFile replaces all data by that of the append only file, and calls
	// done in the end.
	LoadAppendFile(done func(error))
	// SlowAppendFile makes every write to the append only file take so many
	// microseconds.
	SlowAppendFile(usec int64)
	// AppendFileOn tells whether there is an append only file. No lock is needed.
	AppendFileOn() bool
	// AppendFileHas tells whether the effects up to an offset of the oplog are on
	// disk, and otherwise calls done when they are. No lock is needed.
	AppendFileHas(offset uint64, done func()) bool
	// Save writes the data to the RDB file, and waits for it.
	Save() error
	// BackgroundSave begins to do so. If that is not possible now, it is scheduled
	// if wanted, or an error. With later it is scheduled anyway.
	BackgroundSave(schedule, later bool) (scheduled bool, err error)
	// Reload reads the data from the RDB file.
	Reload(o ReloadOptions) error

	// SlowLog is the slow log. No lock is needed.
	SlowLog() *stats.SlowLog
	// Latency is the latency monitor. No lock is needed.
	Latency() *stats.LatencyMonitor
	// LastSave is the Unix time in seconds of the last snapshot, or of the
	// start. No lock is needed.
	LastSave() int64
	// ReleaseHeap gives unused memory of the Go heap back to the system. No
	// lock is needed.
	ReleaseHeap()
}

// Survey is what the instance tells of itself. It may take locks.
type Survey interface {
	// Info writes the fields of a section of INFO, one of Sections.
	Info(w *InfoWriter, section string)
	// Memory tells where memory is.
	Memory() Memory
	// Histograms gives the counters of all workers together, with histograms. The
	// result is the caller's.
	Histograms() *stats.Worker
}

// family is the handlers with what they share.
type family struct{ node Node }

const (
	open  = command.Loading | command.Stale
	admin = command.Admin | command.NoScript | open
)

// Specs is the family's part of the command table.
func Specs(node Node) []command.Spec {
	f := &family{node}
	return []command.Spec{
		{Name: "info", Arity: -1, Flags: open | command.Survey, Run: f.info},
		{Name: "time", Arity: 1, Flags: open | command.Fast, Run: timeNow},
		{Name: "save", Arity: 1, Flags: command.Admin | command.NoScript | command.NoMulti | command.Exclusive, Run: f.save},
		{Name: "bgsave", Arity: -1, Flags: command.Admin | command.NoScript | command.Exclusive, Run: f.bgSave},
		{Name: "lastsave", Arity: 1, Flags: open | command.Fast, Run: f.lastSave},
		{Name: "readonly", Arity: 1, Flags: open | command.Fast, Run: noCluster},
		{Name: "readwrite", Arity: 1, Flags: open | command.Fast, Run: noCluster},
		{Name: "asking", Arity: 1, Flags: command.Fast, Run: noCluster},
		{Name: "role", Arity: 1, Flags: open | command.NoScript | command.Fast, Run: role},
		moduleSpec(),
		{Name: "lolwut", Arity: -1, Flags: command.ReadOnly | command.Fast, Run: lolwut},
		{Name: "bgrewriteaof", Arity: 1, Flags: command.Admin | command.NoScript | command.NoLock, Run: f.rewriteAppendFile},
		{Name: "waitaof", Arity: 4, Flags: command.Blocking | command.NoLock, Run: f.waitAppendFile},
		{Name: "shutdown", Arity: -1, Flags: admin | command.NoMulti | command.AllowBusy | command.Exclusive, Run: f.shutdown},
		{Name: "debug", Arity: -2, Flags: admin | command.Protected | command.Exclusive, Run: f.debugCommand},
		{Name: "config", Arity: -2, Subs: []command.Spec{
			{Name: "config|get", Arity: -3, Flags: admin, Run: configGet},
			{Name: "config|set", Arity: -4, Flags: admin | command.Exclusive, Run: f.configSet},
			{Name: "config|resetstat", Arity: 2, Flags: admin | command.Exclusive, Run: f.configResetStat},
			{Name: "config|rewrite", Arity: 2, Flags: admin, Run: f.configRewrite},
			{Name: "config|help", Arity: 2, Flags: open, Run: configHelp},
		}},
		{Name: "command", Arity: -1, Flags: open, Run: commandAll, Subs: []command.Spec{
			{Name: "command|count", Arity: 2, Flags: open, Run: commandCount},
			{Name: "command|info", Arity: -2, Flags: open, Run: commandInfo},
			{Name: "command|docs", Arity: -2, Flags: open, Run: commandDocs},
			{Name: "command|list", Arity: -2, Flags: open, Run: commandList},
			{Name: "command|getkeys", Arity: -4, Flags: open, Run: commandGetKeys},
			{Name: "command|getkeysandflags", Arity: -4, Flags: open, Run: commandGetKeysAndFlags},
			{Name: "command|help", Arity: 2, Flags: open, Run: commandHelp},
		}},
		{Name: "slowlog", Arity: -2, Subs: []command.Spec{
			{Name: "slowlog|get", Arity: -2, Flags: open | command.Admin, Run: f.slowlogGet},
			{Name: "slowlog|len", Arity: 2, Flags: open | command.Admin, Run: f.slowlogLen},
			{Name: "slowlog|reset", Arity: 2, Flags: open | command.Admin, Run: f.slowlogReset},
			{Name: "slowlog|help", Arity: 2, Flags: open, Run: slowlogHelp},
		}},
		{Name: "latency", Arity: -2, Subs: []command.Spec{
			{Name: "latency|latest", Arity: 2, Flags: admin, Run: f.latencyLatest},
			{Name: "latency|history", Arity: 3, Flags: admin, Run: f.latencyHistory},
			{Name: "latency|reset", Arity: -2, Flags: admin, Run: f.latencyReset},
			{Name: "latency|graph", Arity: 3, Flags: admin, Run: f.latencyGraph},
			{Name: "latency|doctor", Arity: 2, Flags: admin, Run: f.latencyDoctor},
			{Name: "latency|histogram", Arity: -2, Flags: admin | command.Survey, Run: f.latencyHistogram},
			{Name: "latency|help", Arity: 2, Flags: open, Run: latencyHelp},
		}},
		{Name: "memory", Arity: -2, Subs: []command.Spec{
			{Name: "memory|usage", Arity: -3, Flags: command.ReadOnly, First: 2, Last: 2, Step: 1, Run: memoryUsage},
			{Name: "memory|stats", Arity: 2, Flags: command.Survey, Run: f.memoryStats},
			{Name: "memory|doctor", Arity: 2, Flags: command.Survey, Run: f.memoryDoctor},
			{Name: "memory|malloc-stats", Arity: 2, Flags: command.Survey, Run: f.memoryMallocStats},
			{Name: "memory|purge", Arity: 2, Flags: command.NoLock, Run: f.memoryPurge},
			{Name: "memory|help", Arity: 2, Flags: open, Run: memoryHelp},
		}},
	}
}
