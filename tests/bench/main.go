// Command bench measures Redstart beside redis-server on one machine: the
// server's CPU time per operation, throughput, and resident bytes per key.
//
//	go run ./tests/bench -quick
//	go run ./tests/bench -loads get-p16,set-p16,string-64 -repeats 7
//	go run ./tests/bench -servers redstart,old=/tmp/redstart-old,redis
//
// The server runs on one processor and the load (Debian's redis-benchmark and
// redis-cli) on another. CPU time per operation is what the server used, user
// and system, so the limit of the load generator does not matter to it; the
// column "busy" tells whether throughput was limited by the server. For each
// load all servers are started and filled, each has one run that is not
// counted, and then they take turns; the ones whose turn it is not are stopped.
//
// The result is Markdown on standard output. REDSTART_BIN names a program to
// measure instead of one built from ./cmd/redstart.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/redstart-db/redstart/tests/peer"
)

// contender is a program that is measured.
type contender struct{ name, bin string }

// settings are the flags.
type settings struct {
	contenders []contender
	repeats    int
	divide     int // of all counts
	serverCPU  string
	loadCPU    string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	quick := flag.Bool("quick", false, "a tenth of the work and 3 repeats: a first impression")
	loads := flag.String("loads", "speed,strings", "names of loads or groups: speed, types, one, append, evict, scripts, strings, memory, hits, snapshot, fragments, pubsub, files, all")
	repeats := flag.Int("repeats", 5, "counted runs of each speed load")
	servers := flag.String("servers", "redstart,redis", "names, or name=path; ratios are to the last")
	serverCPU := flag.String("server-cpu", "0", "processors of the server, as for taskset")
	loadCPU := flag.String("load-cpu", "1", "processors of the load, as for taskset")
	list := flag.Bool("list", false, "list the loads")
	flag.Parse()
	if *list {
		listLoads(os.Stdout)
		return nil
	}

	s := settings{repeats: *repeats, divide: 1, serverCPU: *serverCPU, loadCPU: *loadCPU}
	if *quick {
		s.divide = 10
		s.repeats = min(s.repeats, 3)
	}
	var err error
	if s.contenders, err = findServers(*servers); err != nil {
		return err
	}
	for _, tool := range []string{"redis-benchmark", "redis-cli", "taskset"} {
		if _, err := exec.LookPath(tool); err != nil {
			return err
		}
	}
	var speed []speedLoad
	var memory []memoryLoad
	if *loads != "hits" && *loads != "snapshot" && *loads != "fragments" && *loads != "pubsub" && !strings.HasPrefix(*loads, "files") {
		if speed, memory, err = selectLoads(*loads); err != nil {
			return err
		}
	}

	describe(os.Stdout, s)
	if *loads == "hits" {
		return s.measureHits(os.Stdout)
	}
	if *loads == "snapshot" {
		return s.measureSnapshot(os.Stdout)
	}
	if *loads == "fragments" {
		return s.measureFragments(os.Stdout)
	}
	if strings.HasPrefix(*loads, "files") {
		return s.measureFiles(os.Stdout, *loads)
	}
	if *loads == "pubsub" {
		return s.measurePubSub(os.Stdout)
	}
	if len(speed) > 0 {
		if err := s.measureSpeed(os.Stdout, speed); err != nil {
			return err
		}
	}
	if len(memory) > 0 {
		return s.measureMemory(os.Stdout, memory)
	}
	return nil
}

func findServers(list string) ([]contender, error) {
	var found []contender
	for _, word := range strings.Split(list, ",") {
		name, bin, given := strings.Cut(word, "=")
		var err error
		switch {
		case given:
			bin, err = exec.LookPath(bin)
		case name == "redstart":
			bin, err = peer.Redstart()
		case name == "redis":
			bin, err = exec.LookPath("redis-server")
		default:
			err = fmt.Errorf("server %q: want redstart, redis or name=path", name)
		}
		if err != nil {
			return nil, err
		}
		found = append(found, contender{name, bin})
	}
	return found, nil
}
