package server

import (
	"net"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/glob"
	"github.com/redstart-db/redstart/internal/session"
)

func configGet(c *command.Ctx) {
	patterns := make([]string, 0, len(c.Args)-2)
	for _, a := range c.Args[2:] {
		patterns = append(patterns, string(a))
	}
	pairs := c.Config.Get(patterns, func(pattern, name string) bool {
		return glob.Match([]byte(pattern), []byte(name), false)
	})
	c.Map(len(pairs))
	for _, p := range pairs {
		c.Str(p[0])
		c.Str(p[1])
	}
}

func (f *family) configSet(c *command.Ctx) {
	if len(c.Args)%2 != 0 {
		c.Err(command.ErrSyntax)
		return
	}
	pairs := make([][2]string, 0, len(c.Args)/2-1)
	for i := 2; i < len(c.Args); i += 2 {
		name := string(c.Args[i])
		if row, ok := config.Lookup(name); ok && row.Sensitive {
			c.Redact(i + 1)
		}
		pairs = append(pairs, [2]string{name, string(c.Args[i+1])})
	}
	who := config.Setter{Local: local(c.Sess), Loading: c.Store.Loading}
	apply := func(changed []string) error { return f.node.ApplyConfig(changed, c.Sess.Flags&session.InExec != 0) }
	switch err := c.Config.SetFrom(who, pairs, apply); err {
	case nil:
		c.OK()
	case config.ErrLoading:
		c.Err(command.ErrLoading)
	default:
		c.Err("ERR " + err.Error())
	}
}

// local tells whether the client is on this host.
func local(s *session.Session) bool {
	if s.Conn == nil || s.Conn.Network() == "unix" || s.Conn.Network() == "pipe" {
		return true
	}
	host, _, err := net.SplitHostPort(s.Conn.RemoteAddr())
	return err == nil && net.ParseIP(host).IsLoopback()
}

func (f *family) configResetStat(c *command.Ctx) {
	f.node.ResetStats()
	c.OK()
}

func (f *family) configRewrite(c *command.Ctx) {
	cfg := *c.Config
	cfg.UserLines = f.node.UserLines()
	if err := cfg.Rewrite(cfg.File); err != nil {
		c.Logger.Warn("CONFIG REWRITE failed", "error", err)
		c.Err("ERR " + err.Error())
		return
	}
	c.Logger.Info("CONFIG REWRITE executed with success")
	c.OK()
}

func configHelp(c *command.Ctx) {
	c.Help(
		"GET <pattern>",
		"    List the directives whose names match a glob-style <pattern>.",
		"SET <directive> <value>",
		"    Change a <directive> while the server runs.",
		"RESETSTAT",
		"    Set the counters of INFO to zero.",
		"REWRITE",
		"    Bring the configuration file up to date.",
	)
}
