package stats

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
)

// Counters are the sums of INFO stats that any worker may add to. The owner writes the fields directly.
type Counters struct {
	Commands              uint64 // total_commands_processed; Worker.Calls adds to it
	Connections           uint64 // total_connections_received
	RejectedConnections   uint64 // rejected_connections
	NetInput              uint64 // total_net_input_bytes
	NetOutput             uint64 // total_net_output_bytes
	NetReplInput          uint64 // total_net_repl_input_bytes
	NetReplOutput         uint64 // total_net_repl_output_bytes
	Hits                  uint64 // keyspace_hits
	Misses                uint64 // keyspace_misses
	Errors                uint64 // total_error_replies; Worker.Error adds to it
	UnexpectedErrors      uint64 // unexpected_error_replies
	Reads                 uint64 // total_reads_processed
	Writes                uint64 // total_writes_processed
	PayloadSanitizations  uint64 // dump_payload_sanitizations
	EvictedClients        uint64 // evicted_clients
	ACLDeniedAuth         uint64 // failed authentications
	ACLDeniedCommand      uint64 // refusals of a command
	ACLDeniedKey          uint64 // refusals of a key
	ACLDeniedChannel      uint64 // refusals of a channel
	ClientBufferLimitHits uint64 // clients closed for their output buffer
}

func (c *Counters) add(o *Counters) {
	c.Commands += o.Commands
	c.Connections += o.Connections
	c.RejectedConnections += o.RejectedConnections
	c.NetInput += o.NetInput
	c.NetOutput += o.NetOutput
	c.NetReplInput += o.NetReplInput
	c.NetReplOutput += o.NetReplOutput
	c.Hits += o.Hits
	c.Misses += o.Misses
	c.Errors += o.Errors
	c.UnexpectedErrors += o.UnexpectedErrors
	c.Reads += o.Reads
	c.Writes += o.Writes
	c.PayloadSanitizations += o.PayloadSanitizations
	c.EvictedClients += o.EvictedClients
	c.ACLDeniedAuth += o.ACLDeniedAuth
	c.ACLDeniedCommand += o.ACLDeniedCommand
	c.ACLDeniedKey += o.ACLDeniedKey
	c.ACLDeniedChannel += o.ACLDeniedChannel
	c.ClientBufferLimitHits += o.ClientBufferLimitHits
}

// CommandStats are one command's numbers in INFO commandstats.
type CommandStats struct {
	Calls    uint64
	Nanos    uint64 // time spent in all calls, nanoseconds
	Rejected uint64 // errors before execution: arity, permissions, memory, ...
	Failed   uint64 // errors during execution

	// Latencies is nil until a call is recorded with latency tracking on.
	Latencies *Histogram
}

// Used reports whether INFO commandstats lists the command.
func (s *CommandStats) Used() bool { return s.Calls|s.Rejected|s.Failed != 0 }

// addLatencies is apart from Worker.Calls to keep that short.
//
//go:noinline
func (s *CommandStats) addLatencies() *Histogram {
	s.Latencies = new(Histogram)
	return s.Latencies
}

// AppendInfo appends the line of INFO commandstats for the command name.
func (s *CommandStats) AppendInfo(dst []byte, name string) []byte {
	usec := s.Nanos / 1000
	var perCall float32 // single precision, as Redis divides: large values show it
	if s.Calls > 0 {
		perCall = float32(usec) / float32(s.Calls)
	}
	dst = append(dst, "cmdstat_"...)
	dst = append(dst, name...)
	dst = append(dst, ":calls="...)
	dst = strconv.AppendUint(dst, s.Calls, 10)
	dst = append(dst, ",usec="...)
	dst = strconv.AppendUint(dst, usec, 10)
	dst = append(dst, ",usec_per_call="...)
	dst = strconv.AppendFloat(dst, float64(perCall), 'f', 2, 64)
	dst = append(dst, ",rejected_calls="...)
	dst = strconv.AppendUint(dst, s.Rejected, 10)
	dst = append(dst, ",failed_calls="...)
	dst = strconv.AppendUint(dst, s.Failed, 10)
	return append(dst, "\r\n"...)
}

// Worker holds the counters of one worker: an event loop, or the connections that share a lock.
//
// Invariants:
//   - Every access, reading too, holds the lock of the worker that owns it. There is no synchronisation inside.
//   - A command's id is below the number given to NewWorker.
type Worker struct {
	Counters
	// TrackLatency makes Command keep a histogram per command (latency-tracking).
	TrackLatency bool

	commands []CommandStats
	errors   map[string]*uint64 // by error prefix; at most maxErrorPrefixes, plus errorOverflow

	_ [64]byte // keeps two workers off one cache line
}

const (
	// maxErrorPrefixes bounds errorstats: scripts choose prefixes freely.
	maxErrorPrefixes = 128
	// errorOverflow counts the errors whose prefix found no place.
	errorOverflow = "ERRORSTATS_OVERFLOW"
	// maxErrorPrefix is the length, in bytes, beyond which the first word of an error is not taken for its prefix.
	maxErrorPrefix = 30
)

// NewWorker returns the counters for commands with ids 0 to commands-1.
func NewWorker(commands int) *Worker {
	return &Worker{commands: make([]CommandStats, commands)}
}

// Command counts a call of command id that took ns nanoseconds.
func (w *Worker) Command(id int, ns int64) { w.Calls(id, ns, 1) }

// Calls counts n calls of command id that took ns nanoseconds together.
func (w *Worker) Calls(id int, ns int64, n int) {
	s := &w.commands[id]
	w.Commands += uint64(n)
	s.Calls += uint64(n)
	s.Nanos += uint64(max(ns, 0))
	if w.TrackLatency {
		h := s.Latencies
		if h == nil {
			h = s.addLatencies()
		}
		if n > 1 {
			ns /= int64(n)
		}
		h.RecordN(ns, uint64(n))
	}
}

// Rejected counts a call of command id that was refused before it ran.
func (w *Worker) Rejected(id int) { w.commands[id].Rejected++ }

// Failed counts an error of command id while it ran. The call itself is counted by Command.
func (w *Worker) Failed(id int) { w.commands[id].Failed++ }

// CommandStats returns the numbers of command id. The pointer is under the worker's lock, like the worker.
func (w *Worker) CommandStats(id int) *CommandStats { return &w.commands[id] }

// Error counts an error reply, given with or without its leading '-'. Its prefix is its first word; a line without one
// counts as ERR, as in Redis.
func (w *Worker) Error(reply []byte) {
	w.Errors++
	if len(reply) > 0 && reply[0] == '-' {
		reply = reply[1:]
	}
	if i := bytes.IndexByte(reply[:min(len(reply), maxErrorPrefix+1)], ' '); i >= 0 {
		// The conversion in an index expression does not allocate.
		if n := w.errors[string(reply[:i])]; n != nil {
			*n++
			return
		}
		w.addErrors(string(reply[:i]), 1)
		return
	}
	w.addErrors("ERR", 1)
}

func (w *Worker) addErrors(prefix string, n uint64) {
	if p := w.errors[prefix]; p != nil {
		*p += n
		return
	}
	if w.errors == nil {
		w.errors = make(map[string]*uint64)
	}
	if prefix != errorOverflow {
		used := len(w.errors)
		if w.errors[errorOverflow] != nil {
			used--
		}
		if used >= maxErrorPrefixes {
			w.addErrors(errorOverflow, n)
			return
		}
	}
	w.errors[prefix] = &n
}

// ErrorCount returns how many errors had the prefix.
func (w *Worker) ErrorCount(prefix string) uint64 {
	if n := w.errors[prefix]; n != nil {
		return *n
	}
	return 0
}

// AppendErrorStats appends the lines of INFO errorstats, ordered by prefix.
func (w *Worker) AppendErrorStats(dst []byte) []byte {
	for _, prefix := range slices.Sorted(maps.Keys(w.errors)) {
		dst = append(dst, "errorstat_"...)
		for _, c := range []byte(prefix) {
			if c == '#' || c == ':' || c == '\n' || c == '\r' {
				c = '_' // these would read as INFO's own punctuation
			}
			dst = append(dst, c)
		}
		dst = append(dst, ":count="...)
		dst = strconv.AppendUint(dst, *w.errors[prefix], 10)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// Merge adds the counters of o, which counts the same commands; histograms only if asked, as they are large.
func (w *Worker) Merge(o *Worker, histograms bool) {
	w.Counters.add(&o.Counters)
	for i := range o.commands {
		to, from := &w.commands[i], &o.commands[i]
		to.Calls += from.Calls
		to.Nanos += from.Nanos
		to.Rejected += from.Rejected
		to.Failed += from.Failed
		if histograms && from.Latencies != nil {
			if to.Latencies == nil {
				to.addLatencies()
			}
			to.Latencies.Merge(from.Latencies)
		}
	}
	// In order, so that the same workers always overflow in the same way.
	for _, prefix := range slices.Sorted(maps.Keys(o.errors)) {
		w.addErrors(prefix, *o.errors[prefix])
	}
}

// Reset sets everything to zero and frees the histograms (CONFIG RESETSTAT). TrackLatency stays.
func (w *Worker) Reset() {
	w.Counters = Counters{}
	clear(w.commands)
	w.errors = nil
}
