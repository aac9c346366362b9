package node

import (
	"context"
	"net/netip"

	"github.com/redstart-db/redstart/internal/loop"
)

// What a connection is told that is closed at once. Such a peer may speak
// anything, so it is plain text with an error's form.
const (
	tooManyClients = "-ERR max number of clients reached\r\n"

	protectedMode = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set " +
		"for the default user. In this mode connections are only accepted from the loopback interface. If you want to " +
		"connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected " +
		"mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from " +
		"the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do " +
		"so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by " +
		"editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the " +
		"server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. " +
		"4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in " +
		"order for the server to start accepting connections from the outside.\r\n"
)

// Accept implements loop.Handler.
func (n *Node) Accept(c *loop.Conn) (loop.Client, []byte) {
	if n.log.Enabled(context.Background(), LevelVerbose) {
		n.log.Log(context.Background(), LevelVerbose, "Accepted "+c.RemoteAddr())
	}
	keepAlive, farewell := n.admit(c)
	if farewell != "" {
		return nil, []byte(farewell)
	}
	if keepAlive > 0 {
		// Without probes the connection works all the same.
		_ = c.SetKeepAlive(keepAlive)
	}
	return n.Exec.NewClient(c, c.Loop()), nil
}

// Admit implements loop.Admitter: whoever does not finish a TLS handshake takes the
// place of a client meanwhile.
func (n *Node) Admit(handshaking int) (ok bool) {
	w := n.Exec.Worker(-1, uint64(handshaking))
	w.Locked(func() {
		if ok = n.Exec.ClientCount()+handshaking < n.Config.MaxClients; !ok {
			w.Stats.RejectedConnections++
		}
	})
	return ok
}

// admit decides whether a connection is served; if not, farewell says why.
func (n *Node) admit(c *loop.Conn) (keepAlive int, farewell string) {
	w := n.Exec.Worker(c.Loop(), 0)
	w.Locked(func() {
		cfg := n.Config
		keepAlive = cfg.TCPKeepAlive
		switch {
		case n.Exec.ClientCount() >= cfg.MaxClients:
			farewell = tooManyClients
		case cfg.ProtectedMode && n.env.Users.Default().NoPass() && !onThisHost(c):
			farewell = protectedMode
		}
		if farewell != "" {
			w.Stats.RejectedConnections++
		}
	})
	return keepAlive, farewell
}

// onThisHost tells whether the peer of a connection came by a way that only
// programs on this host have.
func onThisHost(c *loop.Conn) bool {
	switch c.Network() {
	case "tcp", "tls":
		ap, err := netip.ParseAddrPort(c.RemoteAddr())
		return err == nil && ap.Addr().Unmap().IsLoopback()
	}
	return true
}
