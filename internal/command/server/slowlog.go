package server

import (
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
)

const slowlogDefault = 10 // entries that SLOWLOG GET gives without a count

func (f *family) slowlogGet(c *command.Ctx) {
	count := int64(slowlogDefault)
	switch {
	case len(c.Args) > 3:
		c.Err("ERR unknown subcommand or wrong number of arguments for '" + string(c.Args[1]) + "'. Try SLOWLOG HELP.")
		return
	case len(c.Args) == 3:
		var ok bool
		if count, ok = num.ParseInt(c.Args[2]); !ok || count < -1 {
			c.Err("ERR count should be greater than or equal to -1")
			return
		}
	}
	if count > int64(f.node.SlowLog().Len()) {
		count = -1
	}
	entries := f.node.SlowLog().Get(int(count))
	c.Array(len(entries))
	for _, e := range entries {
		c.Array(6)
		c.Int(int64(e.ID))
		c.Int(e.Unix)
		c.Int(e.Usec)
		c.Array(len(e.Args))
		for _, a := range e.Args {
			c.Bulk(a)
		}
		c.Str(e.Addr)
		c.Str(e.Name)
	}
}

func (f *family) slowlogLen(c *command.Ctx) { c.Int(int64(f.node.SlowLog().Len())) }

func (f *family) slowlogReset(c *command.Ctx) {
	f.node.SlowLog().Reset()
	c.OK()
}

func slowlogHelp(c *command.Ctx) {
	c.Help(
		"GET [<count>]",
		"    List the latest <count> entries, 10 if not given, all for -1.",
		"    An entry has",
		"    its id, the Unix time, microseconds, the arguments, the client's address",
		"    and the client's name.",
		"LEN",
		"    Count the entries.",
		"RESET",
		"    Drop all entries.",
	)
}
