package connection

import (
	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/session"
	"github.com/redstart-db/redstart/internal/version"
)

const errNoPassword = "ERR AUTH <password> called without any password configured for the default user. " +
	"Are you sure your configuration is correct?"

func auth(c *command.Ctx) {
	if len(c.Args) > 3 {
		c.Err(command.ErrSyntax)
		return
	}
	user, pass := []byte(acl.Default), c.Args[1]
	c.Redact(1)
	if len(c.Args) == 3 {
		user, pass = c.Args[1], c.Args[2]
		c.Redact(2)
	} else if c.Users.Default().NoPass() {
		c.Err(errNoPassword)
		return
	}
	if login(c, user, pass) {
		c.OK()
	}
}

// login logs the connection in, or replies with an error.
func login(c *command.Ctx, user, pass []byte) bool {
	u := c.Users.Get(user)
	if u == nil || !u.Authenticate(pass) {
		in := acl.TopLevel
		if c.Sess.Flags&session.InExec != 0 {
			in = acl.InMulti
		}
		c.Stats.ACLDeniedAuth++
		c.Deny(acl.DeniedLogin, in, string(c.Args[0]), string(user))
		c.Err(command.ErrWrongPass)
		return false
	}
	client(c.Sess).Login(u)
	return true
}

const (
	errProtoRange = "ERR Protocol version is not an integer or out of range"
	errNoProto    = "NOPROTO unsupported protocol version"
	errHelloAuth  = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> " +
		"<pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
)

func hello(c *command.Ctx) {
	proto := int64(c.Sess.Proto)
	if len(c.Args) > 1 {
		var ok bool
		if proto, ok = num.ParseInt(c.Args[1]); !ok {
			c.Err(errProtoRange)
			return
		}
		if proto < 2 || proto > 3 {
			c.Err(errNoProto)
			return
		}
	}
	var user, pass, name []byte
	for i := 2; i < len(c.Args); i++ {
		switch left := len(c.Args) - 1 - i; {
		case c.Is(i, "AUTH") && left >= 2:
			user, pass = c.Args[i+1], c.Args[i+2]
			c.Redact(i + 1)
			c.Redact(i + 2)
			i += 2
		case c.Is(i, "SETNAME") && left >= 1:
			if name = c.Args[i+1]; !printable(name) {
				c.Err(errName)
				return
			}
			i++
		default:
			c.Err("ERR Syntax error in HELLO option '" + string(c.Args[i]) + "'")
			return
		}
	}
	if user != nil && !login(c, user, pass) {
		return
	}
	if c.Sess.Has(session.NeedAuth) {
		c.Err(errHelloAuth)
		return
	}
	if name != nil {
		c.Sess.Name = string(name)
	}
	c.Sess.SetProto(uint8(proto))
	greet(c)
}

// greet replies to HELLO.
func greet(c *command.Ctx) {
	mode, role := "standalone", "master"
	if c.Config.ClusterEnabled {
		mode = "cluster"
	}
	if c.Config.ReplicaOf != nil {
		role = "replica"
	}
	c.Map(7)
	c.Str("server")
	c.Str("redis")
	c.Str("version")
	c.Str(version.Redis)
	c.Str("proto")
	c.Int(int64(c.Sess.Proto))
	c.Str("id")
	c.Int(int64(c.Sess.ID))
	c.Str("mode")
	c.Str(mode)
	c.Str("role")
	c.Str(role)
	c.Str("modules")
	c.Array(0)
}
