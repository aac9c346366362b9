package server

import "github.com/redstart-db/redstart/internal/command"

// ShutdownOptions are those of SHUTDOWN.
type ShutdownOptions struct {
	Save   bool // even if no save points are configured
	NoSave bool // even if there are
	Now    bool // do not wait for replicas
	Force  bool // even if saving fails
}

// shutdown replies with errors only: that the connection closes is its success, and
// that is the instance's to do, after it has closed its listeners.
func (f *family) shutdown(c *command.Ctx) {
	var o ShutdownOptions
	abort := false
	for i := 1; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "NOSAVE") && !o.Save:
			o.NoSave = true
		case c.Is(i, "SAVE") && !o.NoSave:
			o.Save = true
		case c.Is(i, "NOW"):
			o.Now = true
		case c.Is(i, "FORCE"):
			o.Force = true
		case c.Is(i, "ABORT"):
			abort = true
		default:
			c.Err(command.ErrSyntax)
			return
		}
	}
	if abort {
		switch {
		case o != ShutdownOptions{}:
			c.Err(command.ErrSyntax)
		case f.node.AbortShutdown():
			c.OK()
		default:
			c.Err("ERR No shutdown in progress.")
		}
		return
	}
	if !f.node.Shutdown(o) {
		c.Err(command.ErrShutdown)
		return
	}
	c.Block(command.Wait{Firm: true, Begin: f.node.AwaitShutdown})
}
