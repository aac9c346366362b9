package config

// MaxMemoryPolicy says which keys are evicted when memory is full.
type MaxMemoryPolicy uint8

// The eviction policies.
const (
	VolatileLRU MaxMemoryPolicy = iota
	VolatileLFU
	VolatileRandom
	VolatileTTL
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	NoEviction
)

func (p MaxMemoryPolicy) String() string { return maxMemoryPolicies.nameOf(uint8(p)) }

// LogLevel is the least important kind of message that is logged.
type LogLevel uint8

// The log levels.
const (
	LogDebug LogLevel = iota
	LogVerbose
	LogNotice
	LogWarning
)

func (l LogLevel) String() string { return logLevels.nameOf(uint8(l)) }

// AppendFsync is when the append only file is brought to disk.
type AppendFsync uint8

// The fsync policies.
const (
	FsyncEverysec AppendFsync = iota
	FsyncAlways
	FsyncNo
)

func (f AppendFsync) String() string { return fsyncPolicies.nameOf(uint8(f)) }

// Supervised is the service manager that is told about readiness.
type Supervised uint8

// The kinds of supervision.
const (
	SupervisedUpstart Supervised = iota
	SupervisedSystemd
	SupervisedAuto
	SupervisedNo
)

// SyslogFacility is an index: user, then local0 to local7.
type SyslogFacility uint8

// The first facilities; SyslogLocal0+n is local n.
const (
	SyslogUser SyslogFacility = iota
	SyslogLocal0
)

// OOMScoreAdj says how oom_score_adj is written.
type OOMScoreAdj uint8

// The ways to adjust. "yes" is another name of relative.
const (
	OOMScoreNo OOMScoreAdj = iota
	OOMScoreRelative
	OOMScoreAbsolute
)

// Protection says who may use a dangerous command or directive.
type Protection uint8

// The degrees of protection. ProtectLocal admits connections from the same
// host only.
const (
	ProtectNo Protection = iota // refused to all
	ProtectYes
	ProtectLocal
)

// Allows reports whether a connection may pass.
func (p Protection) Allows(local bool) bool {
	return p == ProtectYes || p == ProtectLocal && local
}

// ACLPubSubDefault is what channels a new user may use.
type ACLPubSubDefault uint8

// The defaults.
const (
	PubSubAllChannels ACLPubSubDefault = iota
	PubSubResetChannels
)

// SanitizeDumpPayload says when payloads are checked deeply on load.
type SanitizeDumpPayload uint8

// The degrees.
const (
	SanitizeNo SanitizeDumpPayload = iota
	SanitizeYes
	SanitizeClients
)

// ReplDisklessLoad is how a replica loads a snapshot straight from its socket.
type ReplDisklessLoad uint8

// The ways.
const (
	DisklessDisabled ReplDisklessLoad = iota
	DisklessOnEmptyDB
	DisklessSwapDB
)

// EndpointType is the kind of address cluster replies prefer.
type EndpointType uint8

// The kinds.
const (
	EndpointIP EndpointType = iota
	EndpointHostname
	EndpointUnknown
)

// TLSAuthClients says whether clients must present a certificate.
type TLSAuthClients uint8

// The degrees.
const (
	TLSAuthNo TLSAuthClients = iota
	TLSAuthYes
	TLSAuthOptional
)

// PropagationErrorBehavior is what a failing command from the log or the
// master does.
type PropagationErrorBehavior uint8

// The behaviours.
const (
	PropagationIgnore PropagationErrorBehavior = iota
	PropagationPanic
	PropagationPanicOnReplicas
)

// ShutdownFlags are the SHUTDOWN options that a signal implies.
type ShutdownFlags uint8

// The options; none is "default".
const (
	ShutdownSave ShutdownFlags = 1 << iota
	ShutdownNoSave
	ShutdownNow
	ShutdownForce
)

// NotifyFlags is a set of classes of keyspace events.
type NotifyFlags uint32

// The classes, with their letters.
const (
	NotifyGeneric  NotifyFlags = 1 << iota // g
	NotifyString                           // $
	NotifyList                             // l
	NotifySet                              // s
	NotifyHash                             // h
	NotifyZset                             // z
	NotifyExpired                          // x
	NotifyEvicted                          // e
	NotifyStream                           // t
	NotifyModule                           // d
	NotifyNew                              // n
	NotifyKeyspace                         // K
	NotifyKeyevent                         // E
	NotifyKeyMiss                          // m
	notifyEnd
	NotifyAll = NotifyNew - 1 // A: g to d
)

// notifyLetters are in the order of the constants, which is the order in which
// they are rendered.
const notifyLetters = "g$lshzxetdnKEm"

// MemoryOrPercent is a number of bytes or, when negative, the percentage of
// maxmemory.
type MemoryOrPercent int64

// Bytes resolves m. A percentage of no limit is no limit, 0.
func (m MemoryOrPercent) Bytes(maxMemory uint64) uint64 {
	if m >= 0 {
		return uint64(m)
	}
	p := uint64(-m)
	return maxMemory/100*p + maxMemory%100*p/100
}

var (
	maxMemoryPolicies = enum("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction")
	logLevels     = enum("debug", "verbose", "notice", "warning")
	fsyncPolicies = enum("everysec", "always", "no")
	protections   = enum("no", "yes", "local")
	oomScoreAdjs  = typ{kind: kindEnum, names: []string{"no", "yes", "relative", "absolute"}, values: []uint8{0, 1, 1, 2}}
)
