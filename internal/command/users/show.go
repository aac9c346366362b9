package users

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
)

func whoAmI(c *command.Ctx) { c.Str(c.Sess.User.Name()) }

func names(c *command.Ctx) { strs(c, c.Users.Names()) }

func list(c *command.Ctx) { strs(c, c.Users.Lines(c.Table.ACLCommands())) }

func strs(c *command.Ctx, all []string) {
	c.Array(len(all))
	for _, s := range all {
		c.Str(s)
	}
}

// getUser describes a user by the rules that make it anew.
func getUser(c *command.Ctx) {
	u := c.Users.Get(c.Args[2])
	if u == nil {
		c.Null()
		return
	}
	selectors := u.Selectors(c.Table.ACLCommands())
	c.Map(6)
	c.Str("flags")
	flags := u.Flags()
	c.Set(len(flags))
	for _, f := range flags {
		c.Str(f)
	}
	c.Str("passwords")
	strs(c, u.Hashes())
	describe(c, selectors[0])
	c.Str("selectors")
	c.Array(len(selectors) - 1)
	for _, s := range selectors[1:] {
		c.Map(3)
		describe(c, s)
	}
}

// describe replies with the three parts of a selector.
func describe(c *command.Ctx, s acl.Selector) {
	c.Str("commands")
	c.Str(s.Commands)
	c.Str("keys")
	c.Str(s.Keys)
	c.Str("channels")
	c.Str(s.Channels)
}

func cat(c *command.Ctx) {
	switch len(c.Args) {
	case 2:
		strs(c, acl.Categories())
	case 3:
		category := acl.CategoryNamed(string(c.Args[2]))
		if category == 0 {
			c.Err("ERR Unknown category '" + command.PrintedAll(c.Args[2]) + "'")
			return
		}
		strs(c, c.Table.ACLCommands().In(category))
	default:
		c.UnknownSubcommand(c.Args[1])
	}
}

// dryRun tells whether a user may make a call, without making it.
func dryRun(c *command.Ctx) {
	u := c.Users.Get(c.Args[2])
	if u == nil {
		c.Err("ERR User '" + command.PrintedAll(c.Args[2]) + "' not found")
		return
	}
	args := c.Args[3:]
	spec, ok := c.Table.Resolve(args)
	if !ok {
		c.Err("ERR Command '" + command.PrintedAll(args[0]) + "' not found")
		return
	}
	if !spec.Takes(len(args)) {
		c.Err(command.WrongArity(spec.Name))
		return
	}
	call := command.Ctx{Env: c.Env, Sess: c.Sess, Spec: spec, Args: args}
	reason, at := call.Denied(u)
	switch reason {
	case acl.Allowed:
		c.OK()
	case acl.DeniedKey:
		c.Str("This user has no permissions to access the '" + shown(args[at]) + "' key")
	case acl.DeniedChannel:
		c.Str("This user has no permissions to access the '" + shown(args[at]) + "' channel")
	default:
		c.Str("This user has no permissions to run the '" + spec.Name + "' command")
	}
}

// shown is what a reply of DRYRUN shows of an argument: nothing from a zero byte on.
func shown(arg []byte) string {
	arg, _, _ = bytes.Cut(arg, []byte{0})
	return string(arg)
}

const (
	passBits    = 256  // of a password, unless said otherwise
	maxPassBits = 4096 // at the most
)

func genPass(c *command.Ctx) {
	bits := int64(passBits)
	switch len(c.Args) {
	case 2:
	case 3:
		var ok bool
		if bits, ok = c.IntArg(2); !ok {
			return
		}
		if bits <= 0 || bits > maxPassBits {
			c.Err("ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096")
			return
		}
	default:
		c.UnknownSubcommand(c.Args[1])
		return
	}
	digits := int(bits+3) / 4
	b := make([]byte, (digits+1)/2)
	rand.Read(b) // never fails
	c.Str(hex.EncodeToString(b)[:digits])
}

const shownDenials = 10 // unless said otherwise

func log(c *command.Ctx) {
	n := int64(shownDenials)
	switch {
	case len(c.Args) > 3:
		c.UnknownSubcommand(c.Args[1])
		return
	case len(c.Args) == 3 && c.Is(2, "RESET"):
		c.Denials.Reset()
		c.OK()
		return
	case len(c.Args) == 3:
		var ok bool
		if n, ok = c.IntArg(2); !ok {
			return
		}
	}
	entries := c.Denials.Last(int(min(max(n, 0), 1<<30)))
	c.Array(len(entries))
	for _, e := range entries {
		c.Map(7)
		c.Str("count")
		c.Int(e.Count)
		c.Str("reason")
		c.Str(e.Reason.String())
		c.Str("context")
		c.Str(e.Context.String())
		c.Str("object")
		c.Str(e.Object)
		c.Str("username")
		c.Str(e.User)
		c.Str("age-seconds")
		c.Double(float64(c.Now()-e.Time) / 1000)
		c.Str("client-info")
		c.Str(e.Client)
	}
}

// help has the usage lines that clients of Redis know; what they mean is said in words
// of our own.
func help(c *command.Ctx) {
	c.Help(
		"CAT [<category>]",
		"    All categories, or the commands of one.",
		"DELUSER <username> [<username> ...]",
		"    Remove users, and close their connections.",
		"DRYRUN <username> <command> [<arg> ...]",
		"    Whether a user may run a command; it is not run.",
		"GETUSER <username>",
		"    The rules of a user.",
		"GENPASS [<bits>]",
		"    A random password, of 256 bits unless told otherwise.",
		"LIST",
		"    All users as lines of the configuration.",
		"LOAD",
		"    Replace the users by those of the ACL file.",
		"LOG [<count> | RESET]",
		"    What was denied of late.",
		"SAVE",
		"    Write the users to the ACL file.",
		"SETUSER <username> <attribute> [<attribute> ...]",
		"    Change a user by rules, or make one.",
		"USERS",
		"    The names of all users.",
		"WHOAMI",
		"    The user of this connection.",
	)
}
