// Package config holds the server's directives: the table that describes each
// one, the typed values the server reads, and everything that reads or writes
// them (redis.conf, the command line, CONFIG GET, SET and REWRITE).
//
// A Config is plain data without locks. The server reads its fields on hot
// paths and stops every other worker while it calls Set.
package config

import (
	"os"
	"slices"
)

// Config is the value of every directive. The groups are embedded, so a field
// is reached by its own name: c.Port, c.MaxMemory. Make one with Default.
type Config struct {
	Network
	TLS
	Limits
	Memory
	Lazyfree
	Process
	Security
	Persistence
	AOF
	Replication
	Cluster
	Encoding
	Observe
	Script
	Engine

	// File is the absolute path of the configuration file, or empty when the
	// server was started without one.
	File string

	// rest keeps the values of directives without a field of their own,
	// indexed like the table.
	rest []cell

	savesLoaded bool // a save line has been read, so the defaults are gone
}

// cell is the value of a directive that the server does not read.
type cell struct {
	b bool
	e uint8
	n int64
	s string
}

// Network is how clients reach the server.
type Network struct {
	Port           int
	Bind           []string // as written: "-addr" is optional, "*" is any address
	BindSourceAddr string
	UnixSocket     string
	UnixSocketPerm uint32 // mode bits; 0 leaves the umask's
	Timeout        int    // seconds of idleness before a client is closed; 0 never
	TCPKeepAlive   int    // seconds; 0 off
	TCPBacklog     int
	ProtectedMode  bool
	MaxClients     int
	SocketMarkID   uint32 // SO_MARK of listening sockets; 0 off

	MaxNewConnectionsPerCycle    int
	MaxNewTLSConnectionsPerCycle int
}

// TLS is the encrypted port and what its certificates are.
type TLS struct {
	TLSPort                int
	TLSCluster             bool
	TLSReplication         bool
	TLSAuthClients         TLSAuthClients
	TLSCertFile            string
	TLSKeyFile             string
	TLSKeyFilePass         string
	TLSClientCertFile      string
	TLSClientKeyFile       string
	TLSClientKeyFilePass   string
	TLSDHParamsFile        string
	TLSCACertFile          string
	TLSCACertDir           string
	TLSProtocols           string
	TLSCiphers             string
	TLSCiphersuites        string
	TLSPreferServerCiphers bool
	TLSSessionCaching      bool
	TLSSessionCacheSize    int
	TLSSessionCacheTimeout int // seconds
}

// Limits bounds what one client may hold.
type Limits struct {
	ProtoMaxBulkLen          int64 // bytes
	ClientQueryBufferLimit   int64 // bytes
	ClientOutputBufferLimits [3]OutputBufferLimit
	MaxMemoryClients         MemoryOrPercent
	TrackingTableMaxKeys     int64
}

// Indexes of Limits.ClientOutputBufferLimits.
const (
	ClientNormal = iota
	ClientReplica
	ClientPubSub
)

// OutputBufferLimit closes a client whose pending output exceeds Hard, or
// stays above Soft for SoftSeconds. Zero is no limit.
type OutputBufferLimit struct {
	Hard, Soft  uint64 // bytes
	SoftSeconds int64
}

// Memory is the memory limit and how keys leave.
type Memory struct {
	MaxMemory                 uint64 // bytes; 0 is no limit
	MaxMemoryPolicy           MaxMemoryPolicy
	MaxMemorySamples          int
	MaxMemoryEvictionTenacity int
	LFULogFactor              int
	LFUDecayTime              int // minutes
	ActiveExpireEffort        int // 1 to 10
	ActiveDefrag              bool
	ActiveDefragIgnoreBytes   int64
	ActiveDefragThresholdLow  int // percent
	ActiveDefragThresholdHigh int // percent
	ActiveDefragCycleMin      int // percent
	ActiveDefragCycleMax      int // percent
	ActiveDefragMaxScanFields int64
}

// Lazyfree says which removals free their memory in the background.
type Lazyfree struct {
	LazyfreeLazyEviction  bool
	LazyfreeLazyExpire    bool
	LazyfreeLazyServerDel bool
	LazyfreeLazyUserDel   bool
	LazyfreeLazyUserFlush bool
}

// Process is the server as a process of its system.
type Process struct {
	Daemonize         bool
	PidFile           string
	Supervised        Supervised
	LogLevel          LogLevel
	LogFile           string
	SyslogEnabled     bool
	SyslogIdent       string
	SyslogFacility    SyslogFacility
	SetProcTitle      bool
	ProcTitleTemplate string
	AlwaysShowLogo    bool
	OOMScoreAdj       OOMScoreAdj
	OOMScoreAdjValues [3]int // master, replica, background
	Databases         int
	Hz                int
	DynamicHz         bool
	ShutdownTimeout   int // seconds
	ShutdownOnSigint  ShutdownFlags
	ShutdownOnSigterm ShutdownFlags
	CrashLogEnabled   bool
	WatchdogPeriod    int // milliseconds; 0: off
	LocaleCollate     string
	IgnoreWarnings    string
}

// Security is who may do what.
type Security struct {
	RequirePass            string
	ACLFile                string
	ACLPubSubDefault       ACLPubSubDefault
	ACLLogMaxLen           int64
	EnableProtectedConfigs Protection
	EnableDebugCommand     Protection
	EnableModuleCommand    Protection
	HideUserDataFromLog    bool

	// RenameCommands maps a command, in lower case, to its new name as
	// written; an empty name removes the command. Renames are the same lines
	// in order, for the error that an unknown command deserves.
	RenameCommands map[string]string
	Renames        []Statement

	// Users are the user lines of the file, without the word "user". Rewrite
	// writes UserLines in their place: whoever owns the ACL sets it first.
	Users     []Statement
	UserLines []string

	// Modules are the loadmodule lines of the file.
	Modules []Statement
}

// Persistence is where data is kept, and the snapshots.
type Persistence struct {
	Dir                     string // absolute
	DirByChance             bool   // Dir is where the process was started, as nothing names it
	DBFilename              string
	Save                    []SavePoint
	RDBCompression          bool
	RDBChecksum             bool
	RDBSaveIncrementalFsync bool
	RDBDelSyncFiles         bool
	StopWritesOnBgsaveError bool
	SanitizeDumpPayload     SanitizeDumpPayload
	KeyLoadDelay            int // microseconds, for tests
	RDBKeySaveDelay         int // microseconds, for tests

	LoadingProcessEventsIntervalBytes int
}

// SavePoint asks for a snapshot after Seconds if at least Changes keys changed.
type SavePoint struct {
	Seconds int64
	Changes int64
}

// AOF is the append only file.
type AOF struct {
	AppendOnly                 bool
	AppendFilename             string
	AppendDirname              string
	AppendFsync                AppendFsync
	NoAppendfsyncOnRewrite     bool
	AutoAOFRewritePercentage   int
	AutoAOFRewriteMinSize      int64 // bytes
	AOFLoadTruncated           bool
	AOFUseRDBPreamble          bool
	AOFTimestampEnabled        bool
	AOFRewriteIncrementalFsync bool
	AOFDisableAutoGC           bool
}

// Replication is following a master and serving replicas.
type Replication struct {
	ReplicaOf                   *Address // nil on a master
	MasterUser                  string
	MasterAuth                  string
	ReplicaServeStaleData       bool
	ReplicaReadOnly             bool
	ReplicaLazyFlush            bool
	ReplicaIgnoreMaxMemory      bool
	ReplicaIgnoreDiskWriteError bool
	ReplicaPriority             int
	ReplicaAnnounced            bool
	ReplicaAnnounceIP           string
	ReplicaAnnouncePort         int
	ReplDisklessSync            bool
	ReplDisklessSyncDelay       int // seconds
	ReplDisklessSyncMaxReplicas int
	ReplDisklessLoad            ReplDisklessLoad
	ReplDisableTCPNoDelay       bool
	ReplPingReplicaPeriod       int   // seconds
	ReplTimeout                 int   // seconds
	ReplBacklogSize             int64 // bytes
	ReplBacklogTTL              int64 // seconds
	MinReplicasToWrite          int
	MinReplicasMaxLag           int // seconds
}

// Address is a host, name or number, and a port.
type Address struct {
	Host string
	Port int
}

// Cluster is cluster mode.
type Cluster struct {
	ClusterEnabled                  bool
	ClusterConfigFile               string
	ClusterPort                     int
	ClusterNodeTimeout              int64 // milliseconds
	ClusterReplicaValidityFactor    int
	ClusterMigrationBarrier         int
	ClusterAllowReplicaMigration    bool
	ClusterReplicaNoFailover        bool
	ClusterRequireFullCoverage      bool
	ClusterAllowReadsWhenDown       bool
	ClusterAllowPubsubShardWhenDown bool
	ClusterLinkSendbufLimit         uint64 // bytes; 0 is no limit
	ClusterAnnounceIP               string
	ClusterAnnouncePort             int
	ClusterAnnounceTLSPort          int
	ClusterAnnounceBusPort          int
	ClusterAnnounceHostname         string
	ClusterAnnounceHumanNodename    string
	ClusterPreferredEndpointType    EndpointType
}

// Encoding is up to which size small collections stay packed.
type Encoding struct {
	HashMaxListpackEntries int64
	HashMaxListpackValue   int64 // bytes
	ListMaxListpackSize    int   // entries, or -1 to -5 for 4 to 64 kB
	ListCompressDepth      int
	SetMaxIntsetEntries    int64
	SetMaxListpackEntries  int64
	SetMaxListpackValue    int64 // bytes
	ZsetMaxListpackEntries int64
	ZsetMaxListpackValue   int64 // bytes
	HLLSparseMaxBytes      int64
	StreamNodeMaxBytes     int64
	StreamNodeMaxEntries   int64
}

// Observe is what the server reports about itself.
type Observe struct {
	SlowlogLogSlowerThan    int64 // microseconds; -1 off, 0 everything
	SlowlogMaxLen           int64
	LatencyMonitorThreshold int64 // milliseconds; 0 off
	LatencyTracking         bool
	LatencyPercentiles      []float64
	NotifyKeyspaceEvents    NotifyFlags
}

// Script is scripts and functions.
type Script struct {
	BusyReplyThreshold       int64 // milliseconds; 0 never
	LuaEnableDeprecatedAPI   bool
	PropagationErrorBehavior PropagationErrorBehavior
}

// Engine is what only this server has.
type Engine struct {
	RedstartShards int // 0 chooses by the number of cores
	RedstartLoops  int // 0 is one per core
}

// Default returns a Config with every directive at its default and Dir at the
// working directory.
func Default() *Config {
	c := &Config{rest: make([]cell, len(table))}
	c.DirByChance = true
	if wd, err := os.Getwd(); err == nil {
		c.Dir = wd
	} else {
		c.Dir = "/"
	}
	for i := range table {
		d := &table[i]
		if d.typ.kind == kindDir || d.typ.kind == kindLine || d.typ.kind == kindSpecial && d.def == "" {
			continue
		}
		if err := d.parse(c, i, splitDefault(d), false); err != nil {
			panic("config: default of " + d.name + ": " + err.Error())
		}
	}
	return c
}

// clone returns a copy whose directives can be set without changing c: parsing
// replaces slices, maps and pointers and never writes to what they hold.
func (c *Config) clone() *Config {
	n := *c
	n.rest = slices.Clone(c.rest)
	return &n
}
