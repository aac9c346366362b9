package main

import (
	"log/slog"
	"net"
	"os"

	"github.com/redstart-db/redstart/internal/config"
)

// supervisor tells which service manager is to be told of the server's state.
func supervisor(cfg *config.Config) config.Supervised {
	if cfg.Supervised != config.SupervisedAuto {
		return cfg.Supervised
	}
	switch {
	case os.Getenv("UPSTART_JOB") != "":
		return config.SupervisedUpstart
	case os.Getenv("NOTIFY_SOCKET") != "":
		return config.SupervisedSystemd
	}
	return config.SupervisedNo
}

// notifyReady tells the service manager that clients are served.
func notifyReady(cfg *config.Config, log *slog.Logger) {
	switch supervisor(cfg) {
	case config.SupervisedUpstart:
		if os.Getenv("UPSTART_JOB") == "" {
			log.Warn("Upstart supervision requested, but UPSTART_JOB not found!")
			return
		}
		log.Info("Supervised by upstart, will stop to signal readiness.")
		stopSelf()
	case config.SupervisedSystemd:
		if os.Getenv("NOTIFY_SOCKET") == "" {
			log.Warn("Systemd supervision requested or auto-detected, but Redstart is not run by it (NOTIFY_SOCKET is not set)")
			return
		}
		log.Info("Supervised by systemd, telling it about readiness.")
		if err := notify(cfg, "STATUS=Ready to accept connections\nREADY=1\n"); err != nil {
			log.Warn("Systemd could not be told", "err", err)
		}
	}
}

// notify sends a state to systemd, in its protocol (sd_notify): a datagram to the
// socket that the environment names, in the abstract name space if the name
// begins with "@".
func notify(cfg *config.Config, state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" || supervisor(cfg) != config.SupervisedSystemd {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}
