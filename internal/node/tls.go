package node

import (
	"crypto/tls"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/tlsconf"
)

// tlsState is what the TLS port works with. A change makes a new configuration, which
// connections take up that come from then on.
type tlsState struct {
	current atomic.Pointer[tls.Config]
	stamp   string // of the files that current was made of; changed with all workers stopped
	seen    int64  // when the files were looked at last, monotonic nanoseconds
}

// server gives a configuration for a listener that always uses the current one.
func (t *tlsState) server() *tls.Config {
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if c := t.current.Load(); c != nil {
			return c, nil
		}
		return nil, errors.New("TLS is not configured")
	}}
}

// configureTLS takes up the tls-* directives and their files: all of them, or none.
// All workers must be stopped, or not be there yet.
func (n *Node) configureTLS() error {
	stamp := tlsconf.Stamp(n.Config)
	c, err := tlsconf.Server(n.Config)
	if err != nil {
		n.log.Warn(err.Error())
		return err
	}
	n.tls.current.Store(c)
	n.tls.stamp = stamp
	return nil
}

// applyTLS is configureTLS after a change of the configuration.
func (n *Node) applyTLS() error {
	if n.Config.TLSPort == 0 && !n.Config.TLSReplication && !n.Config.TLSCluster {
		return nil
	}
	if n.configureTLS() != nil {
		return errors.New("Unable to update TLS configuration. Check server logs.")
	}
	return nil
}

// tlsEvery is how often the files of certificates are looked at, in nanoseconds.
const tlsEvery = int64(time.Second)

// renewTLS takes up certificates that were replaced. If they do not fit together, as
// when only one of two files has been written yet, those there were stay in use.
func (n *Node) renewTLS() {
	now := n.env.Clock.Nano()
	if now-n.tls.seen < tlsEvery || n.tls.current.Load() == nil {
		return
	}
	n.tls.seen = now
	var stamp string
	worker := n.Exec.World.Workers()[0]
	changed := false
	worker.Locked(func() { // so that the configuration stays as it is
		if n.Config.TLSPort == 0 {
			return
		}
		stamp = tlsconf.Stamp(n.Config)
		changed = stamp != n.tls.stamp
	})
	if !changed {
		return
	}
	n.Exec.World.Stop()
	defer n.Exec.World.Go()
	if n.configureTLS() != nil {
		n.tls.stamp = stamp // to be tried again when they change once more
		n.log.Warn("The TLS files have changed, but cannot be used: those before stay in use")
		return
	}
	n.log.Info("TLS certificates were taken up anew, as the files have changed")
}
