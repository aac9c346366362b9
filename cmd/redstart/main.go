// Command redstart is the server. It takes the command line, the configuration
// files, the environment and the signals of redis-server, and can be started
// under that name.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/version"
)

func main() {
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// otherTools are programs of Redis that people link to the server's binary.
var otherTools = []string{
	"redis-cli", "redis-benchmark", "redis-sentinel",
	"redstart-cli", "redstart-benchmark", "redstart-sentinel",
}

// run is the program; it returns the exit status.
func run(argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name := strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	for _, tool := range otherTools {
		if name == tool {
			fmt.Fprintf(stderr, "%s is not part of this release of Redstart, which is the server alone.\n", name)
			return 1
		}
	}
	asRedis := name == "redis-server"
	if status, ok := check(name, argv, stdin, stdout, stderr); ok {
		return status
	}
	cfg := config.Default()
	input := &keptReader{r: stdin}
	inv, err := cfg.ParseArgsFrom(argv[1:], input)
	if err != nil {
		return refuse(err, stdout, stderr)
	}
	switch inv.Mode {
	case config.ShowVersion:
		fmt.Fprintln(stdout, version.Line(asRedis))
		return 0
	case config.ShowHelp:
		usage(stderr, argv[0])
		return 1
	case config.TestMemory:
		fmt.Fprintln(stderr, "Memory tests are not part of this release of Redstart; use memtest86 or memtester.")
		return 1
	case config.CheckSystem:
		fmt.Fprintln(stdout, "Nothing to check: Redstart does not fork, so overcommit and huge pages do not matter to it.")
		return 0
	}
	if len(cfg.Modules) > 0 {
		return refuse(cfg.Modules[0].Error("Modules are not supported"), stdout, stderr)
	}
	if cfg.Daemonize && !isDaemon() && supervisor(cfg) == config.SupervisedNo {
		return daemonize(argv, input.kept, stderr)
	}
	return serve(cfg, len(argv) == 1, stdout, stderr)
}

// keptReader keeps what was read through it, for a child that has to read it
// again.
type keptReader struct {
	r    io.Reader
	kept []byte
}

func (k *keptReader) Read(b []byte) (int, error) {
	n, err := k.r.Read(b)
	k.kept = append(k.kept, b[:n]...)
	return n, err
}

// refuse reports a configuration that cannot be used.
func refuse(err error, stdout, stderr io.Writer) int {
	var file *config.FileError
	switch {
	case errors.As(err, &file) && file.Line == 0:
		fmt.Fprintf(stdout, "%d:C %s # %s\n", os.Getpid(), time.Now().Format("02 Jan 2006 15:04:05.000"), file.Msg)
	case errors.As(err, &file):
		fmt.Fprint(stderr, file.Report("Redis "+version.Redis))
	default:
		fmt.Fprintln(stderr, err)
	}
	return 1
}

func usage(w io.Writer, name string) {
	fmt.Fprintf(w, `Usage: %[1]s [/path/to/redis.conf] [options] [-]
       %[1]s -                  reads the configuration from standard input
       %[1]s -v, --version
       %[1]s -h, --help
       %[1]s check rdb FILE     looks whether an RDB file is sound
       %[1]s check aof [--fix|--truncate-to-timestamp TIME] FILE

Every directive of the configuration file is also an option. Options follow the
file and win over it. Without any, the server listens on port 6379 and saves into
the working directory.

Examples:
       %[1]s
       %[1]s --port 7777 --maxmemory 128mb
       %[1]s /etc/redis/6379.conf --loglevel verbose
       echo 'maxmemory 128mb' | %[1]s -
       %[1]s --port 7777 --replicaof 127.0.0.1 6379
`, name)
}
