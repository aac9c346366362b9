package server

import (
	"errors"
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

func timeNow(c *command.Ctx) {
	usec := c.Clock.UnixMicro(c.Clock.Nano())
	c.Array(2)
	c.BulkInt(usec / 1e6)
	c.Str(strconv.FormatInt(usec%1e6, 10))
}

// What can keep Save and BackgroundSave of a Node from beginning.
var (
	ErrSaving  = errors.New("server: a background save is in progress")
	ErrBusy    = errors.New("server: another snapshot is being written")
	ErrNoFiles = errors.New("server: the instance keeps no files")
)

const errNoFiles = "ERR This instance keeps no files"

// ReloadOptions are those of DEBUG RELOAD.
type ReloadOptions struct {
	NoSave  bool // do not save before
	NoFlush bool // do not empty the databases before
	Merge   bool // keys in the file replace those that are there
	InExec  bool // within a transaction
}

func (f *family) save(c *command.Ctx) {
	switch err := f.node.Save(); {
	case err == nil:
		c.OK()
	case errors.Is(err, ErrSaving):
		c.Err("ERR Background save already in progress")
	case errors.Is(err, ErrNoFiles):
		c.Err(errNoFiles)
	default:
		c.Err("ERR " + err.Error())
	}
}

func (f *family) bgSave(c *command.Ctx) {
	schedule := false
	if len(c.Args) > 1 {
		if schedule = len(c.Args) == 2 && c.Is(1, "SCHEDULE"); !schedule {
			c.Err(command.ErrSyntax)
			return
		}
	}
	scheduled, err := f.node.BackgroundSave(schedule, c.Sess.Flags&session.InExec != 0)
	switch {
	case err == nil && scheduled:
		c.Simple("Background saving scheduled")
	case err == nil:
		c.Simple("Background saving started")
	case errors.Is(err, ErrSaving):
		c.Err("ERR Background save already in progress")
	case errors.Is(err, ErrBusy):
		c.Err("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to " +
			"schedule a BGSAVE whenever possible.")
	case errors.Is(err, ErrNoFiles):
		c.Err(errNoFiles)
	default:
		c.Err("ERR " + err.Error())
	}
}

func (f *family) lastSave(c *command.Ctx) { c.Int(f.node.LastSave()) }

func role(c *command.Ctx) {
	c.Array(3)
	c.Str("master")
	c.Int(0)
	c.Array(0)
}

// noCluster is what commands about a connection to a cluster reply elsewhere.
func noCluster(c *command.Ctx) { c.Err("ERR This instance has cluster support disabled") }
