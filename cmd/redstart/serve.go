package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/errno"
	"github.com/redstart-db/redstart/internal/node"
	"github.com/redstart-db/redstart/internal/version"
)

// serve runs the server until a signal or a command ends it, and returns the
// exit status.
func serve(cfg *config.Config, bare bool, stdout, stderr io.Writer) int {
	handler, err := node.NewLogHandler(cfg, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "\n*** FATAL CONFIG FILE ERROR (Redis %s) ***\nCan't open the log file: %s\n", version.Redis, errno.Text(err))
		return 1
	}
	log := slog.New(handler)
	defer profile(log)()
	// From here on a signal ends the server in order, also while it starts.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)

	greet(log, bare)
	n, err := node.OpenLoops(cfg, log, spareProcessor(cfg))
	if err != nil {
		log.Warn("Fatal error, can't start: " + err.Error())
		return 1
	}
	handler.SetRole(node.RoleMaster)
	reportCrashes(cfg, n)
	status := 0
	if err := start(n, handler, signals, log); err != nil {
		status = 1
	} else {
		await(n, signals, log)
	}
	farewell(cfg, log)
	if err := n.Close(); err != nil {
		log.Warn("Not everything could be ended in order", "err", err)
		status = 1
	}
	if status == 0 {
		log.Warn("Redstart is now ready to exit, bye bye...")
	}
	return status
}

func greet(log *slog.Logger, bare bool) {
	b := version.Read()
	modified := 0
	if b.Modified {
		modified = 1
	}
	log.Info("Redstart is starting")
	log.Info(fmt.Sprintf("Redstart version=%s, redis=%s, bits=%d, commit=%s, modified=%d, pid=%d, just started",
		version.Redstart, version.Redis, strconv.IntSize, b.Commit, modified, os.Getpid()))
	if bare {
		log.Info("No configuration file was given, so the defaults are used. To name one: redstart /path/to/redis.conf")
	} else {
		log.Info("Configuration loaded")
	}
}

var errLeft = errors.New("a signal has ended the start")

// load reads the data. Clients can connect already and are told to wait. A signal ends
// it.
func load(n *node.Node, signals <-chan os.Signal, log *slog.Logger) error {
	over := make(chan error, 1)
	go func() { over <- n.Load() }()
	select {
	case err := <-over:
		if err != nil {
			log.Warn(err.Error())
			switch {
			case n.Config.AppendOnly: // where the error says all
			case node.Damaged(err):
				log.Warn("Terminating server after rdb file reading failure.")
			default:
				log.Warn("Fatal error loading the DB, check server logs. Exiting.")
			}
		}
		return err
	case s := <-signals:
		log.Warn("Received shutdown signal during loading, exiting now.", "signal", s.String())
		n.QuitLoading()
		<-over
		return errLeft
	}
}

// claimPatience is how long a server waits for one that is about to end to leave the
// files.
const claimPatience = time.Second

// start brings the server to where it accepts connections.
func start(n *node.Node, handler *node.LogHandler, signals <-chan os.Signal, log *slog.Logger) error {
	own := *n.Config // which clients may change as soon as they can connect
	cfg := &own
	if cfg.Port == 0 && cfg.TLSPort == 0 && cfg.UnixSocket == "" {
		log.Warn("Configured to not listen anywhere, exiting.")
		return errors.New("nothing to listen on")
	}
	if err := n.Prepare(); err != nil {
		return err
	}
	n.OwnProcess()
	n.Fatal = func(error) { os.Exit(1) }
	n.KeepFiles()
	if err := n.Claim(claimPatience); err != nil {
		log.Warn("Fatal error, can't start: " + err.Error())
		return err
	}
	n.BeginLoad()
	if err := n.Listen(); err != nil {
		return err
	}
	writePidFile(cfg, log)
	showLogo(cfg, handler, log)
	warnOfLack(cfg, log)
	log.Info("Server initialized")
	for _, a := range n.Addrs() {
		if a.Network() == "unix" {
			log.Info("The server is now ready to accept connections at " + a.String())
		} else {
			log.Info("Listening on " + a.String())
		}
	}
	if err := load(n, signals, log); err != nil {
		// Nothing that is on disk must be touched.
		if errors.Is(err, errLeft) {
			farewell(cfg, log)
			os.Exit(0)
		}
		os.Exit(1)
	}
	log.Info("Ready to accept connections")
	notifyReady(cfg, log)
	daemonReady()
	return nil
}

// await returns when the instance has come to its end. A signal asks for that; whoever
// insists does not want to wait.
func await(n *node.Node, signals <-chan os.Signal, log *slog.Logger) {
	go func() {
		for s := range signals {
			asked := node.Terminate
			if s == syscall.SIGINT {
				if n.Asked() {
					log.Warn("You insist... exiting now.")
					n.DropTemp()
					os.Exit(1)
				}
				asked = node.Interrupt
			}
			log.Warn(fmt.Sprintf("Received %s scheduling shutdown...", asked))
			n.AskShutdown(asked)
		}
	}()
	<-n.Done()
}

// farewell takes back what start left on the system beside the sockets.
func farewell(cfg *config.Config, log *slog.Logger) {
	notify(cfg, "STOPPING=1\n")
	if path := pidFile(cfg); path != "" {
		if b, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(b)) == strconv.Itoa(os.Getpid()) {
			log.Info("Removing the pid file.")
			if err := os.Remove(path); err != nil {
				log.Warn("Unable to remove the pid file", "err", err)
			}
		}
	}
}

// pidFile gives the path of the pid file, or nothing.
func pidFile(cfg *config.Config) string {
	switch {
	case cfg.PidFile != "":
		return cfg.Path(cfg.PidFile)
	case cfg.Daemonize:
		return "/var/run/redis.pid"
	}
	return ""
}

// writePidFile writes the pid file. Without it the server runs all the same.
func writePidFile(cfg *config.Config, log *slog.Logger) {
	path := pidFile(cfg)
	if path == "" {
		return
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		log.Warn("Failed to write PID file: " + errno.Text(err))
	}
}

// warnOfLack says which directives ask for something that is not there yet: whoever set them must not believe that this
// server follows another, or shares its keys with others.
func warnOfLack(cfg *config.Config, log *slog.Logger) {
	if cfg.ReplicaOf != nil {
		log.Warn("replicaof has no effect: replication is not supported yet. The server runs as a master.")
	}
	if cfg.ClusterEnabled {
		log.Warn("cluster-enabled has no effect: clusters are not supported yet. The server runs by itself.")
	}
}

// showLogo prints the logo on a terminal, or where it is asked for. Scripts find
// the process id in it.
func showLogo(cfg *config.Config, handler *node.LogHandler, log *slog.Logger) {
	mode := "standalone"
	if cfg.ClusterEnabled {
		mode = "cluster"
	}
	terminal := false
	if info, err := os.Stdout.Stat(); err == nil {
		terminal = info.Mode()&os.ModeCharDevice != 0
	}
	if !cfg.AlwaysShowLogo && (!terminal || cfg.LogFile != "" || cfg.SyslogEnabled || cfg.Daemonize) {
		log.Info(fmt.Sprintf("Running mode=%s, port=%d.", mode, cfg.Port))
		return
	}
	handler.Raw(fmt.Sprintf(`
      __
   __( o)>     Redstart %s (%s) %d bit
   \ <_. )     Running in %s mode
    `+"`---'"+`      Port: %d
     ||        PID: %d

`, version.Redstart, version.Read().Commit, strconv.IntSize, mode, cfg.Port, os.Getpid()))
}

// readyLimit bounds how long the parent of a daemon waits for it.
const readyLimit = time.Minute

// spareProcessor gives Go one processor more than there are event loops, unless
// the environment decides, and gives the number of loops. A loop can then wait
// in the kernel without giving up its own, which would cost more than a request
// does; background tasks use the spare one. The system shares out the cores as
// before.
func spareProcessor(cfg *config.Config) (loops int) {
	loops = cfg.RedstartLoops
	if loops == 0 {
		loops = runtime.GOMAXPROCS(0)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(loops + 1)
	}
	return loops
}
