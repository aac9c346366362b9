package node

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redstart-db/redstart/internal/config"
)

// Prepare does what a server of its own, unlike one inside a program, has to ask
// of the system before it listens: open files for maxclients, which is reduced
// when they are not to be had, and the priority when memory runs out.
func (n *Node) Prepare() error {
	n.Exec.World.Stop()
	defer n.Exec.World.Go()
	fit := n.fitMaxClients(n.Config.MaxClients)
	if fit == 0 {
		return errors.New("the open file limit is too low")
	}
	n.Config.MaxClients = fit
	if n.Config.OOMScoreAdj != config.OOMScoreNo {
		n.adjustOOMScore() // Without the right to it the server runs all the same.
	}
	return nil
}

// Apply takes up directives of the process that CONFIG SET has changed, in the
// way config.Set wants it: called with their names, after the change, and again
// when the change is taken back; inExec tells that a transaction goes on. All workers
// must be stopped.
func (n *Node) Apply(changed []string, inExec bool) error {
	certified := false
	for _, name := range changed {
		err := n.aof.apply(name, inExec)
		if strings.HasPrefix(name, "tls-") && !certified {
			certified = true // all of them together
			err = n.applyTLS()
		}
		switch name {
		case "tls-port":
			if err == nil && n.listening() && n.Rebind() != nil {
				err = errors.New("Unable to listen on this port. Check server logs.")
			}
			n.showTitle()
		case "port":
			if n.listening() && n.Rebind() != nil {
				err = errors.New("Unable to listen on this port. Check server logs.")
			}
			n.showTitle()
		case "bind":
			if n.listening() && n.Rebind() != nil {
				n.log.Warn("Failed to bind")
				err = errors.New("Failed to bind to specified addresses.")
			}
			n.showTitle()
		case "maxclients":
			if fit := n.fitMaxClients(n.Config.MaxClients); fit < n.Config.MaxClients {
				err = fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", fit)
			}
		case "oom-score-adj", "oom-score-adj-values":
			if n.adjustOOMScore() != nil {
				err = errors.New("Failed to set current oom_score_adj. Check server logs.")
			}
		case "requirepass":
			n.env.Users.Default().SetPassword(n.Config.RequirePass)
			n.Exec.UsersChanged()
		case "proc-title-template":
			n.showTitle()
		case "loglevel":
			if h, ok := n.log.Handler().(*LogHandler); ok {
				h.SetLevel(n.Config.LogLevel)
			}
		}
		if err != nil {
			n.log.Warn(fmt.Sprintf("Failed applying new configuration. Possibly related to new %s setting. "+
				"Restoring previous settings.", name))
			return &config.SetError{Name: name, Msg: err.Error()}
		}
	}
	return nil
}

// listening tells whether Listen was called: an instance inside a program has a
// port in its configuration, but does not open it.
func (n *Node) listening() bool {
	n.lis.mu.Lock()
	defer n.lis.mu.Unlock()
	return n.lis.open
}

// oomScore gives the adjustment that the configuration asks for, on top of what
// the process began with.
func oomScore(cfg *config.Config, initial int, replica bool) int {
	role := 0
	if replica {
		role = 1
	}
	score := cfg.OOMScoreAdjValues[role]
	if cfg.OOMScoreAdj == config.OOMScoreRelative {
		score += initial
	}
	return min(max(score, -1000), 1000)
}
