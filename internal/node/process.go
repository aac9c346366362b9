package node

import (
	"os"
	"runtime"
	"strconv"
	"sync/atomic"

	"github.com/redstart-db/redstart/internal/proctitle"
)

// process is what the instance may do when the process is there for it alone.
type process struct {
	own       atomic.Bool
	title     string // the program, as it was called
	collected int64  // when garbage was collected last, monotonic nanoseconds
	left      uint64 // bytes of the Go heap after that
	clients   int64  // bytes that connections took then, as far as they were weighed
}

// OwnProcess tells the instance that this process exists for nothing else: it may
// change its title and say when garbage is collected. Call it before Listen.
func (n *Node) OwnProcess() {
	n.proc.own.Store(true)
	n.self.own()
	if len(os.Args) > 0 {
		n.proc.title = os.Args[0]
	}
}

// showTitle gives the process its title (proc-title-template).
func (n *Node) showTitle() {
	cfg := n.Config
	if !n.proc.own.Load() || !cfg.SetProcTitle {
		return
	}
	host, port, mode := "*", cfg.Port, ""
	if len(cfg.Bind) > 0 {
		host = cfg.Bind[0]
	}
	if cfg.TLSPort != 0 {
		port = cfg.TLSPort
	}
	if cfg.ClusterEnabled {
		mode = " [cluster]"
	}
	proctitle.Set(proctitle.Expand(cfg.ProcTitleTemplate, map[string]string{
		"title": n.proc.title, "listen-addr": host + ":" + strconv.Itoa(port), "server-mode": mode,
		"port": strconv.Itoa(cfg.Port), "tls-port": strconv.Itoa(cfg.TLSPort), "unixsocket": cfg.UnixSocket, "config-file": cfg.File,
	}))
}

const (
	collectEvery = 2e9       // nanoseconds between two collections
	collectFrom  = 256 << 10 // bytes more than after the last one that are worth one
	returnFrom   = 2 << 20   // bytes of garbage and of the heap's free pages that are given back
)

// collect has garbage collected soon after it was made. The Go heap is small, for
// the data is elsewhere, so that takes a millisecond; left to itself, Go would keep
// what a large command or a snapshot has used until as much was used again. Nor would
// it give back soon what that leaves free. It runs in the background of a server with a
// process of its own.
func (n *Node) collect() {
	now := n.env.Clock.Nano()
	if !n.proc.own.Load() || now-n.proc.collected < collectEvery {
		return
	}
	// What connections have given up is garbage, though it was in use when the rest was collected.
	h, clients := readHeap(), n.Exec.ClientMemory()
	garbage := h.objects - min(h.objects, n.proc.left)
	garbage += uint64(max(n.proc.clients-clients, 0))
	switch {
	case garbage+h.free >= returnFrom:
		releaseHeap()
	case garbage >= collectFrom:
		runtime.GC()
	default:
		return
	}
	n.proc.collected, n.proc.left, n.proc.clients = now, readHeap().objects, clients
}
