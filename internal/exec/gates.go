package exec

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
)

// outcome of the gates.
type outcome uint8

const (
	passed  outcome = iota
	refused         // an error, or QUEUED, is in the reply
	waits           // the client has to wait; the request will come again
)

// attention is the session flags and gated the command flags for which the
// gates are walked. For everything else no gate can refuse.
const (
	attention = session.NeedAuth | session.Restricted | session.Multi | session.Subscribed |
		session.Replica | session.Master | session.Monitor
	gated = command.Protected | command.NoMulti
)

// gates decides whether a command may run, in the order in which Redis does.
func (x *Exec) gates(c *command.Ctx, cl *Client) outcome {
	for _, gate := range [...]func(*Exec, *command.Ctx, *Client) outcome{
		protectedGate,
		noMultiGate,
		authGate,
		aclGate,
		memoryGate,
		diskGate,
		replicasGate,
		readOnlyGate,
		subscribedGate,
		staleGate,
		loadingGate,
		replicaGate,
		busyGate,
		pauseGate,
		queueGate,
	} {
		if o := gate(x, c, cl); o != passed {
			return o
		}
	}
	return passed
}

func (x *Exec) refuse(c *command.Ctx, cl *Client, text string) outcome {
	x.reject(c, cl, text)
	return refused
}

// protectedGate lets DEBUG and MODULE run only where the configuration says so.
func protectedGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if c.Spec.Flags&command.Protected == 0 {
		return passed
	}
	name, setting := "DEBUG", x.Config.EnableDebugCommand
	if top := c.Spec; top.Name == "module" || top.Parent != nil && top.Parent.Name == "module" {
		name, setting = "MODULE", x.Config.EnableModuleCommand
	}
	if setting.Allows(cl.local()) {
		return passed
	}
	return x.refuse(c, cl, "ERR "+name+" command not allowed. If the enable-"+string(lowerName(name))+
		"-command option is set to \"local\", you can run it from a local connection, otherwise you need to set "+
		"this option in the configuration file, and then restart the server.")
}

func lowerName(s string) []byte {
	b := []byte(s)
	for i := range b {
		b[i] |= 0x20
	}
	return b
}

// noMultiGate refuses what may not be part of a transaction.
func noMultiGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if c.Spec.Flags&command.NoMulti != 0 && cl.Sess.Flags&session.Multi != 0 {
		return x.refuse(c, cl, command.ErrNotInMulti)
	}
	return passed
}

// authGate refuses everything but logging in before that is done.
func authGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if cl.Sess.Flags&session.NeedAuth != 0 && c.Spec.Flags&command.NoAuth == 0 {
		return x.refuse(c, cl, command.ErrNoAuth)
	}
	return passed
}

// has tells whether the command, or for EXEC any queued one, has a flag.
func (cl *Client) has(c *command.Ctx, f command.Flag) bool {
	return c.Flags()&f != 0 || c.Spec == cl.x.execSpec && cl.tx.flags&f != 0
}

// replyTo gives where replies go, or nil if there are to be none.
func replyTo(c *command.Ctx) *[]byte {
	if c.Sess.Flags&(session.ReplyOff|session.ReplySkip) != 0 {
		return nil
	}
	return &c.Out
}

// mayGrow tells whether a command may take more memory. After MULTI that is said of all but
// those that end the transaction: the queue takes memory.
func (cl *Client) mayGrow(c *command.Ctx) bool {
	if cl.Sess.Flags&session.Multi != 0 {
		switch c.Spec.Name {
		case "exec", "discard", "quit", "reset":
		default:
			return true
		}
	}
	return cl.has(c, command.DenyOOM)
}

// memoryGate makes room when memory is short, and refuses commands that may take more
// when there is none.
func memoryGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if x.Alerted(AlertMemory) && !x.makeRoom(cl.w, cl, replyTo(c)) && cl.mayGrow(c) && cl.Sess.Flags&session.Master == 0 {
		return x.refuse(c, cl, command.ErrOOM)
	}
	return passed
}

const errDisk = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to " +
	"persist to disk. Commands that may modify the data set are disabled, because this instance is " +
	"configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error " +
	"option). Please check the Redis logs for details about the RDB error."

// diskGate refuses writes that could not be saved.
func diskGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if x.Alerted(AlertAppendFile) && (cl.has(c, command.Write) || c.Spec.Name == "ping") && cl.Sess.Flags&session.Master == 0 {
		if text := x.appendFile.Load(); text != nil {
			return x.refuse(c, cl, *text)
		}
	}
	if x.Alerted(AlertDisk) && (cl.has(c, command.Write) || c.Spec.Name == "ping") && cl.Sess.Flags&session.Master == 0 {
		return x.refuse(c, cl, errDisk)
	}
	return passed
}

// replicasGate refuses writes that too few replicas would receive.
func replicasGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if x.Alerted(AlertNoReplicas) && cl.has(c, command.Write) && cl.Sess.Flags&session.Master == 0 {
		return x.refuse(c, cl, command.ErrNoReplicas)
	}
	return passed
}

// readOnlyGate refuses writes of clients on a read-only replica.
func readOnlyGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if x.Alerted(AlertReadOnly) && cl.has(c, command.Write) && cl.Sess.Flags&session.Master == 0 {
		return x.refuse(c, cl, command.ErrReadOnly)
	}
	return passed
}

// subscribedGate keeps RESP2 subscribers to the few commands whose replies they
// can tell from messages.
func subscribedGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	s := &cl.Sess
	if s.Flags&session.Subscribed == 0 || s.Proto == 3 || c.Spec.Flags&command.Subscribed != 0 {
		return passed
	}
	return x.refuse(c, cl, "ERR Can't execute '"+c.Spec.Name+"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / "+
		"PING / QUIT / RESET are allowed in this context")
}

// staleGate refuses to serve what may be out of date.
func staleGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if x.Alerted(AlertMasterDown) && c.Flags()&command.Stale == 0 {
		return x.refuse(c, cl, command.ErrMasterDown)
	}
	return passed
}

// loadingGate refuses what needs the data while that is being loaded.
func loadingGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if x.Alerted(AlertLoading) && cl.needsData(c) {
		return x.refuse(c, cl, command.ErrLoading)
	}
	return passed
}

// needsData tells whether the command, or for EXEC any queued one, may not run while data
// is loaded.
func (cl *Client) needsData(c *command.Ctx) bool {
	return c.Spec.Flags&command.Loading == 0 || c.Spec == cl.x.execSpec && cl.tx.data
}

// replicaGate keeps connections that only receive away from the data.
func replicaGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if cl.Sess.Flags&(session.Replica|session.Monitor) != 0 &&
		cl.has(c, command.Write|command.ReadOnly|command.MayReplicate) {
		return x.refuse(c, cl, "ERR Replica can't interact with the keyspace")
	}
	return passed
}

// busyGate refuses nearly everything while a script runs for too long: it holds the
// shards, and nothing may wait for them.
func busyGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if !x.Alerted(AlertBusy) {
		return passed
	}
	if c.Spec.Flags&command.AllowBusy == 0 {
		return x.refuse(c, cl, x.script.busyText())
	}
	switch c.Spec.Name {
	case "watch":
		x.watchLate(c, cl)
		return refused
	case "shutdown":
		if len(c.Args) != 2 || !c.Is(1, "NOSAVE") {
			return x.refuse(c, cl, x.script.busyText())
		}
		x.script.abandon()
	}
	return passed
}

// pauseGate makes clients wait for the end of CLIENT PAUSE.
func pauseGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if x.Alerted(AlertPaused) && x.pauses(c, cl) {
		return waits
	}
	return passed
}

// queueGate puts commands after MULTI in the queue.
func queueGate(x *Exec, c *command.Ctx, cl *Client) outcome {
	if cl.Sess.Flags&session.Multi == 0 || c.Spec.Flags&command.Immediate != 0 {
		return passed
	}
	cl.enqueue(c)
	start := len(c.Out)
	c.Out = resp.AppendSimple(c.Out, "QUEUED")
	x.muteAnswer(c, &cl.Sess, start)
	return refused
}

// local tells whether the peer is on this machine.
func (cl *Client) local() bool {
	conn := cl.Sess.Conn
	if conn == nil || conn.Network() == "unix" || conn.Network() == "pipe" {
		return true
	}
	return isLoopback(conn.RemoteAddr())
}
