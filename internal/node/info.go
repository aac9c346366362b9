package node

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/aof"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/server"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/pubsub"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/version"
)

// Info implements server.Survey.
func (v *survey) Info(w *server.InfoWriter, section string) {
	switch section {
	case "Server":
		v.s.infoServer(w)
	case "Clients":
		v.infoClients(w)
	case "Memory":
		v.infoMemory(w)
	case "Persistence":
		v.infoPersistence(w)
	case "Stats":
		v.infoStats(w)
	case "Replication":
		v.s.infoReplication(w)
	case "CPU":
		infoCPU(w)
	case "Commandstats":
		v.s.eachUsed(v.ofWorkers().stats, func(c *stats.CommandStats, name string) {
			w.Append(func(dst []byte) []byte { return c.AppendInfo(dst, name) })
		})
	case "Errorstats":
		w.Append(v.ofWorkers().stats.AppendErrorStats)
	case "Latencystats":
		v.s.eachUsed(v.Histograms(), func(c *stats.CommandStats, name string) {
			if c.Latencies != nil {
				w.Append(func(dst []byte) []byte { return c.Latencies.AppendInfo(dst, name, v.s.n.Config.LatencyPercentiles) })
			}
		})
	case "Cluster":
		w.Flag("cluster_enabled", v.s.n.Config.ClusterEnabled)
	case "Keyspace":
		v.infoKeyspace(w)
	case "Redstart":
		v.infoRedstart(w)
	}
}

// eachUsed calls f for the commands that were called, by name.
func (s *self) eachUsed(all *stats.Worker, f func(c *stats.CommandStats, name string)) {
	specs := slices.Clone(s.n.env.Table.Specs())
	slices.SortFunc(specs, func(a, b *command.Spec) int { return strings.Compare(a.Name, b.Name) })
	for _, spec := range specs {
		if c := all.CommandStats(spec.ID); c.Used() {
			f(c, spec.Name)
		}
	}
}

func (s *self) infoServer(w *server.InfoWriter) {
	cfg := s.n.Config
	build := version.Read()
	now := s.n.env.Clock.UnixMicro(s.n.env.Clock.Nano())
	up := int64(time.Since(s.started).Seconds())
	executable, _ := os.Executable() // Without it the field is empty.
	port := cfg.Port
	if port == 0 {
		port = cfg.TLSPort
	}
	w.Str("redis_version", version.Redis)
	w.Str("server_name", "redstart")
	w.Str("redstart_version", version.Redstart)
	w.Str("redis_git_sha1", build.Commit)
	w.Flag("redis_git_dirty", build.Modified)
	w.Str("redis_build_id", build.ID)
	w.Str("redis_mode", "standalone")
	w.Str("os", systemName())
	w.Int("arch_bits", strconv.IntSize)
	w.Str("monotonic_clock", "Go "+runtime.Version())
	w.Str("multiplexing_api", pollAPI)
	w.Str("atomicvar_api", "sync/atomic")
	w.Str("gcc_version", "0.0.0")
	w.Int("process_id", int64(os.Getpid()))
	w.Str("process_supervised", "no")
	w.Str("run_id", s.runID)
	w.Int("tcp_port", int64(port))
	w.Int("server_time_usec", now)
	w.Int("uptime_in_seconds", up)
	w.Int("uptime_in_days", up/86400)
	w.Int("hz", int64(cfg.Hz))
	w.Int("configured_hz", int64(cfg.Hz))
	w.Int("lru_clock", now/1e6&(1<<24-1))
	w.Str("executable", executable)
	w.Str("config_file", cfg.File)
	w.Zeros("io_threads_active")
	s.infoShutdown(w)
}

func (v *survey) infoClients(w *server.InfoWriter) {
	c, s := v.ofWorkers(), v.s
	w.Int("connected_clients", int64(c.connected))
	w.Zeros("cluster_connections")
	w.Int("maxclients", int64(s.n.Config.MaxClients))
	w.Int("client_recent_max_input_buffer", int64(c.inPeak))
	w.Int("client_recent_max_output_buffer", int64(c.outPeak))
	w.Int("blocked_clients", int64(c.blocked))
	tracking, _ := s.n.Exec.Trackers()
	w.Int("tracking_clients", int64(tracking))
	w.Zeros("clients_in_timeout_table")
}

func (v *survey) infoMemory(w *server.InfoWriter) {
	s, m := v.s, v.Memory()
	both := func(name string, v uint64) {
		w.Uint(name, v)
		w.Human(name+"_human", v)
	}
	both("used_memory", m.Used)
	both("used_memory_rss", m.RSS)
	both("used_memory_peak", m.Peak)
	w.Float("used_memory_peak_perc", m.PeakPercent(), 2, "%")
	w.Uint("used_memory_overhead", m.Overhead)
	w.Uint("used_memory_startup", m.Startup)
	w.Uint("used_memory_dataset", m.Dataset())
	w.Float("used_memory_dataset_perc", m.DatasetPercent(), 2, "%")
	w.Uint("allocator_allocated", m.Allocated())
	w.Uint("allocator_active", m.Active())
	w.Uint("allocator_resident", m.Resident())
	both("total_system_memory", m.System)
	u := s.n.scripts.Usage()
	w.Int("used_memory_lua", u.Engine)
	w.Int("used_memory_vm_eval", u.Engine)
	w.Human("used_memory_lua_human", uint64(u.Engine))
	w.Int("used_memory_scripts_eval", u.Scripts)
	w.Int("number_of_cached_scripts", int64(u.Cached))
	w.Int("number_of_functions", int64(u.Defined))
	w.Int("number_of_libraries", int64(u.Libraries))
	w.Int("used_memory_vm_functions", u.FunctionEngine)
	both("used_memory_vm_total", uint64(u.Engine+u.FunctionEngine))
	w.Int("used_memory_functions", u.Functions)
	both("used_memory_scripts", uint64(u.Scripts+u.Functions))
	both("maxmemory", s.n.Config.MaxMemory)
	w.Str("maxmemory_policy", s.n.Config.MaxMemoryPolicy.String())
	w.Float("allocator_frag_ratio", server.Ratio(m.Active(), m.Allocated()), 2, "")
	w.Int("allocator_frag_bytes", int64(m.Active()-m.Allocated()))
	w.Float("allocator_rss_ratio", server.Ratio(m.Resident(), m.Active()), 2, "")
	w.Int("allocator_rss_bytes", int64(m.Resident()-m.Active()))
	w.Float("rss_overhead_ratio", server.Ratio(m.RSS, m.Resident()), 2, "")
	w.Int("rss_overhead_bytes", int64(m.RSS-m.Resident()))
	w.Float("mem_fragmentation_ratio", server.Ratio(m.RSS, m.Used), 2, "")
	w.Int("mem_fragmentation_bytes", int64(m.RSS-m.Used))
	w.Uint("mem_not_counted_for_evict", m.Log+m.Snapshot)
	w.Zeros("mem_replication_backlog", "mem_total_replication_buffers", "mem_clients_slaves")
	w.Uint("mem_clients_normal", m.Clients)
	w.Zeros("mem_cluster_links")
	w.Uint("mem_aof_buffer", m.Log)
	w.Str("mem_allocator", version.Allocator)
	w.Int("active_defrag_running", s.n.defrag.effort.Load())
	sum := v.ofShards()
	w.Uint("lazyfree_pending_objects", sum.thrown-sum.freed)
	w.Uint("lazyfreed_objects", sum.freed-s.freedBefore.Load())
}

func (v *survey) infoPersistence(w *server.InfoWriter) {
	s, p := v.s, v.s.n.persist
	st := p.Status()
	w.Flag("loading", s.n.Exec.Alerted(exec.AlertLoading))
	w.Zeros("async_loading")
	// Where the reference has pages that were copied for the child, here are bytes that
	// were copied because a command was about to change them.
	w.Int("current_cow_peak", st.Copied)
	w.Int("current_cow_size", st.Copied)
	w.Zeros("current_cow_size_age")
	w.Float("current_fork_perc", 100*float64(st.Keys)/float64(max(st.Total, 1)), 2, "")
	w.Int("current_save_keys_processed", st.Keys)
	w.Int("current_save_keys_total", st.Total)
	w.Uint("rdb_changes_since_last_save", p.Unsaved(v.ofWorkers().changes))
	w.Flag("rdb_bgsave_in_progress", st.InProgress)
	w.Int("rdb_last_save_time", st.LastSave)
	w.Str("rdb_last_bgsave_status", okOr(!st.Failed))
	w.Int("rdb_last_bgsave_time_sec", st.LastTime)
	w.Int("rdb_current_bgsave_time_sec", st.CurrentTime)
	w.Uint("rdb_saves", st.Saves)
	w.Int("rdb_last_cow_size", st.LastCopied)
	w.Int("rdb_last_load_keys_expired", int64(st.Loaded.Expired))
	w.Int("rdb_last_load_keys_loaded", int64(st.Loaded.Keys))
	i := s.n.aof.Info()
	infoAppendFile(w, i)
	w.Zeros("module_fork_in_progress", "module_fork_last_cow_size")
	if i.State != aof.Off {
		w.Int("aof_current_size", i.Size)
		w.Int("aof_base_size", i.BaseSize)
		w.Flag("aof_pending_rewrite", false)
		w.Int("aof_buffer_length", int64(i.Buffer))
		w.Flag("aof_pending_bio_fsync", i.Syncing)
		w.Uint("aof_delayed_fsync", i.Delayed)
	}
	if s.n.Exec.Alerted(exec.AlertLoading) {
		s.infoLoading(w)
	}
}

func okOr(ok bool) string {
	if ok {
		return "ok"
	}
	return "err"
}

// infoLoading tells how far loading has come.
func (s *self) infoLoading(w *server.InfoWriter) {
	p := &s.n.persist.Progress
	start, total, loaded := p.Start.Load(), p.Total.Load(), p.Loaded.Load()
	took := max(s.n.env.Clock.NowMilli()/1000-start, 1)
	perc, eta := 0.0, int64(1) // until there is something to judge by
	if total > 0 {
		perc = float64(loaded) / float64(total) * 100
	}
	if loaded > 0 {
		eta = (total - loaded) * took / loaded
	}
	w.Int("loading_start_time", start)
	w.Int("loading_total_bytes", total)
	w.Int("loading_rdb_used_mem", p.UsedMem.Load())
	w.Int("loading_loaded_bytes", loaded)
	w.Float("loading_loaded_perc", perc, 2, "")
	w.Int("loading_eta_seconds", eta)
}

func (v *survey) infoStats(w *server.InfoWriter) {
	s, all, data := v.s, v.ofWorkers().stats, v.ofShards()
	exceeded, exceeding := s.n.Exec.EvictionTimes()
	s.mu.Lock()
	ops, in, out := s.ops.Rate(), s.in.Kilo(), s.out.Kilo()
	s.mu.Unlock()
	w.Uint("total_connections_received", all.Connections)
	w.Uint("total_commands_processed", all.Commands)
	w.Uint("instantaneous_ops_per_sec", ops)
	w.Uint("total_net_input_bytes", all.NetInput)
	w.Uint("total_net_output_bytes", all.NetOutput)
	w.Uint("total_net_repl_input_bytes", all.NetReplInput)
	w.Uint("total_net_repl_output_bytes", all.NetReplOutput)
	w.Float("instantaneous_input_kbps", in, 2, "")
	w.Float("instantaneous_output_kbps", out, 2, "")
	w.Str("instantaneous_input_repl_kbps", "0.00")
	w.Str("instantaneous_output_repl_kbps", "0.00")
	w.Uint("rejected_connections", all.RejectedConnections)
	w.Zeros("sync_full", "sync_partial_ok", "sync_partial_err")
	w.Uint("expired_keys", data.expired)
	w.Str("expired_stale_perc", "0.00")
	w.Zeros("expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds")
	w.Uint("evicted_keys", data.evicted)
	w.Uint("evicted_clients", all.EvictedClients)
	w.Int("total_eviction_exceeded_time", exceeded/1e6)
	w.Int("current_eviction_exceeded_time", exceeding/1e6)
	w.Uint("keyspace_hits", all.Hits)
	w.Uint("keyspace_misses", all.Misses)
	w.Int("pubsub_channels", int64(s.n.hub.Count(pubsub.Channel)))
	w.Int("pubsub_patterns", int64(s.n.hub.Count(pubsub.Pattern)))
	w.Int("pubsubshard_channels", int64(s.n.hub.Count(pubsub.Shard)))
	w.Zeros("latest_fork_usec", "total_forks")
	w.Int("migrate_cached_sockets", int64(s.n.links.Len()))
	w.Zeros("slave_expires_tracked_keys")
	moved := data.defrag.since(s.n.defrag.base.Load())
	w.Uint("active_defrag_hits", moved.hits)
	w.Uint("active_defrag_misses", moved.misses)
	w.Uint("active_defrag_key_hits", moved.keyHits)
	w.Uint("active_defrag_key_misses", moved.keyMisses)
	fragmented, fragmentedNow := s.n.defrag.times(s.n.env.Clock.Nano())
	w.Int("total_active_defrag_time", fragmented/1e6)
	w.Int("current_active_defrag_time", fragmentedNow/1e6)
	_, prefixes := s.n.Exec.Trackers()
	w.Int("tracking_total_keys", int64(data.trackedKeys))
	w.Int("tracking_total_items", int64(data.trackedItems))
	w.Int("tracking_total_prefixes", int64(prefixes))
	w.Uint("unexpected_error_replies", all.UnexpectedErrors)
	w.Uint("total_error_replies", all.Errors)
	w.Uint("dump_payload_sanitizations", all.PayloadSanitizations)
	w.Uint("total_reads_processed", all.Reads)
	w.Uint("total_writes_processed", all.Writes)
	w.Zeros("io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands")
}

func (s *self) infoReplication(w *server.InfoWriter) {
	w.Str("role", "master")
	w.Zeros("connected_slaves")
	w.Str("master_failover_state", "no-failover")
	w.Str("master_replid", s.replID)
	w.Str("master_replid2", strings.Repeat("0", 40))
	w.Zeros("master_repl_offset")
	w.Int("second_repl_offset", -1)
	w.Zeros("repl_backlog_active")
	w.Int("repl_backlog_size", s.n.Config.ReplBacklogSize)
	w.Zeros("repl_backlog_first_byte_offset", "repl_backlog_histlen")
}

// infoCPU tells the processor time. What the reference does in its main thread
// all loops do here together.
func infoCPU(w *server.InfoWriter) {
	sys, user, childSys, childUser := cpuTimes()
	w.Float("used_cpu_sys", sys, 6, "")
	w.Float("used_cpu_user", user, 6, "")
	w.Float("used_cpu_sys_children", childSys, 6, "")
	w.Float("used_cpu_user_children", childUser, 6, "")
	w.Float("used_cpu_sys_main_thread", sys, 6, "")
	w.Float("used_cpu_user_main_thread", user, 6, "")
}

func (v *survey) infoKeyspace(w *server.InfoWriter) {
	for i, db := range v.ofShards().dbs {
		if db.keys > 0 {
			text := fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%.0f", db.keys, db.volatile, db.ttl/float64(max(db.sampled, 1)))
			if db.timed > 0 {
				// Redis has it from 7.4 on, and always there; older readers
				// need not see it where it says nothing.
				text += fmt.Sprintf(",subexpiry=%d", db.timed)
			}
			w.Str(fmt.Sprintf("db%d", i), text)
		}
	}
}

// infoRedstart tells what only this server has.
func (v *survey) infoRedstart(w *server.InfoWriter) {
	s, m, data := v.s, v.Memory(), v.ofShards()
	lag := &data.lag
	var tables uint64
	for _, t := range m.Tables {
		tables += t.Bytes
	}
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	w.Str("redstart_version", version.Redstart)
	w.Int("shards", int64(s.n.store.Shards()))
	w.Int("loops", int64(s.n.loops.Loops()))
	w.Int("workers", int64(len(s.n.Exec.World.Workers())))
	w.Uint("exclusive_stops", s.n.Exec.World.Stops())
	w.Uint("expire_lag_count", lag.Count)
	w.Float("expire_lag_avg_ms", float64(lag.Sum)/float64(max(lag.Count, 1)), 2, "")
	w.Int("expire_lag_p50_ms", lagPercentile(lag, 50))
	w.Int("expire_lag_p99_ms", lagPercentile(lag, 99))
	w.Int("expire_lag_max_ms", lag.Max)
	w.Uint("expired_subkeys", data.fields)
	save := s.n.persist.Status()
	w.Int("snapshot_extra_bytes", save.Extra)
	w.Int("snapshot_peak_bytes", save.Peak)
	w.Uint("arena_live_bytes", m.ArenaLive)
	w.Uint("arena_blocks", m.ArenaBlocks)
	w.Uint("arena_resident_bytes", m.ArenaResident)
	w.Uint("arena_free_bytes", m.ArenaDirty)
	w.Uint("arena_reserved_bytes", m.ArenaReserved)
	w.Uint("arena_overhead_bytes", m.ArenaOverhead)
	w.Uint("table_bytes", tables)
	w.Uint("go_heap_bytes", m.HeapObjects)
	w.Uint("go_held_bytes", m.HeapHeld)
	w.Uint("memory_extra_bytes", m.Extra)
	w.Int("memory_floor_bytes", s.account.floor.Load())
	w.Int("goroutines", int64(runtime.NumGoroutine()))
	w.Int("gc_cycles", gc.NumGC)
	w.Float("gc_pause_total_ms", float64(gc.PauseTotal)/1e6, 3, "")
}

// lagPercentile is a number of milliseconds that p percent of the removals were
// not later than.
func lagPercentile(l *store.Lag, p uint64) int64 {
	rank := (l.Count*p + 99) / 100
	var seen uint64
	for i, n := range l.Log2 {
		if seen += n; n > 0 && seen >= rank {
			return min(1<<i-1, l.Max)
		}
	}
	return 0
}
