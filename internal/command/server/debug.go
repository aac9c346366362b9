package server

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
)

// debugCommand is a subcommand of DEBUG; the number of arguments includes both
// words.
type debugCommand struct {
	name     string
	min, max int // number of arguments; max 0: no limit
	run      func(f *family, c *command.Ctx)
}

func debugCommands() []debugCommand {
	return []debugCommand{
		{"SLEEP", 3, 3, debugSleep},
		{"SET-ACTIVE-EXPIRE", 3, 3, debugSetActiveExpire},
		{"PAUSE-CRON", 3, 3, debugPauseCron},
		{"OBJECT", 3, 3, debugObject},
		{"LOADAOF", 2, 2, debugLoadAppendFile},
		{"AOF-FLUSH-SLEEP", 3, 3, debugSlowAppendFile},
		{"BREAK-SAVES", 2, 2, debugBreakSaves},
		{"LISTPACK", 3, 3, debugListpack},
		{"QUICKLIST", 3, 4, debugQuicklist},
		{"QUICKLIST-PACKED-THRESHOLD", 3, 3, debugPackedThreshold},
		{"SDSLEN", 3, 3, debugSDSLen},
		{"HTSTATS", 3, 3, debugTableStats},
		{"HTSTATS-KEY", 3, 3, debugKeyTableStats},
		{"SET-SKIP-CHECKSUM-VALIDATION", 3, 3, debugSkipChecksum},
		{"SET-DISABLE-DENY-SCRIPTS", 3, 3, debugScriptsRunAll},
		{"RELOAD", 2, 0, debugReload},
		{"DIGEST", 2, 2, debugDigest},
		{"DIGEST-VALUE", 2, 0, debugDigestValue},
		{"PROTOCOL", 3, 3, debugProtocol},
		{"POPULATE", 3, 5, debugPopulate},
		{"REPLYBUFFER", 4, 4, debugReplyBuffer},
		{"CONFIG-REWRITE-FORCE-ALL", 2, 2, debugRewriteAll},
		{"ERROR", 3, 3, debugError},
		{"LOG", 3, 3, debugLog},
		{"SEGFAULT", 2, 2, debugSegfault},
		{"PANIC", 2, 2, debugPanic},
		{"ASSERT", 2, 2, debugPanic},
		{"HELP", 2, 2, debugHelp},
	}
}

// debugCommand runs with everything stopped, as some of its subcommands need it.
func (f *family) debugCommand(c *command.Ctx) {
	for _, d := range debugCommands() {
		if n := len(c.Args); command.EqualFold(c.Args[1], d.name) && n >= d.min && (n <= d.max || d.max == 0) {
			d.run(f, c)
			return
		}
	}
	c.UnknownSubcommand(c.Args[1])
}

// debugSleep stops everything for a time.
func debugSleep(_ *family, c *command.Ctx) {
	seconds, _, _ := num.Strtod(c.Args[2])
	const most = 1e6 // seconds; what is longer would overflow
	time.Sleep(time.Duration(min(max(seconds, 0), most) * float64(time.Second)))
	c.OK()
}

func debugSetActiveExpire(f *family, c *command.Ctx) {
	f.node.SetActiveExpire(command.LeadingInt(c.Args[2]) != 0)
	c.OK()
}

// debugSegfault writes where there is no memory, which ends the process as any such
// mistake of its own would.
func debugSegfault(_ *family, c *command.Ctx) {
	var nowhere *[4096]int
	nowhere[len(c.Args)] = 1
}

// debugPanic ends the process as if it had found its data damaged.
func debugPanic(_ *family, c *command.Ctx) {
	panic("called by DEBUG " + strings.ToUpper(string(c.Args[1])))
}

func debugPauseCron(f *family, c *command.Ctx) {
	f.node.PauseCron(command.LeadingInt(c.Args[2]) != 0)
	c.OK()
}

// debugBreakSaves does what killing the child process of a server that forks would.
func debugBreakSaves(f *family, c *command.Ctx) {
	f.node.BreakSaves()
	c.OK()
}

// debugReload saves the data, empties the databases, and reads it again.
func debugReload(f *family, c *command.Ctx) {
	o := ReloadOptions{InExec: c.Sess.Has(session.InExec)}
	for i := 2; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "MERGE"):
			o.Merge = true
		case c.Is(i, "NOFLUSH"):
			o.NoFlush = true
		case c.Is(i, "NOSAVE"):
			o.NoSave = true
		default:
			c.Err("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
			return
		}
	}
	if c.Store.Loading {
		c.Err(command.ErrLoading)
		return
	}
	if err := f.node.Reload(o); err != nil {
		c.Err("ERR Error trying to load the RDB dump, check server logs: " + err.Error())
		return
	}
	c.OK()
}

func debugDigest(_ *family, c *command.Ctx) {
	d := dataDigest(c.Store)
	c.Simple(hex.EncodeToString(d[:]))
}

func debugDigestValue(_ *family, c *command.Ctx) {
	c.Array(len(c.Args) - 2)
	for i := 2; i < len(c.Args); i++ {
		d := keyDigest(c, i)
		c.Simple(hex.EncodeToString(d[:]))
	}
}

// debugProtocol replies with a value of a type of the protocol.
func debugProtocol(_ *family, c *command.Ctx) {
	switch strings.ToLower(string(c.Args[2])) {
	case "string":
		c.Str("Hello World")
	case "integer":
		c.Int(12345)
	case "double":
		c.Double(3.141)
	case "null":
		c.Null()
	case "array":
		c.Array(3)
		debugInts(c)
	case "set":
		c.Set(3)
		debugInts(c)
	case "map":
		c.Map(3)
		for i := range 3 {
			c.Int(int64(i))
			c.Bool(i == 1)
		}
	case "attrib":
		if c.Resp3() {
			c.Out = resp.AppendAttribute(c.Out, 1)
			c.Str("key-popularity")
			c.Array(2)
			c.Str("key:123")
			c.Int(90)
		}
		c.Str("Some real reply following the attribute")
	case "push":
		if !c.Resp3() {
			c.Err("ERR RESP2 is not supported by this command")
			return
		}
		c.PushHeader(2)
		c.Str("server-cpu-usage")
		c.Int(42)
		c.Str("Some real reply following the push reply")
	case "true":
		c.Bool(true)
	case "false":
		c.Bool(false)
	case "verbatim":
		c.Verbatim("txt", []byte("This is a verbatim\nstring"))
	case "bignum":
		c.Out = resp.AppendBigNumber(c.Out, "1234567999999999999999999999999999999", int(c.Sess.Proto))
	default:
		c.Err("ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|" +
			"set|map|attrib|push|verbatim|true|false")
	}
}

func debugInts(c *command.Ctx) {
	for i := range 3 {
		c.Int(int64(i))
	}
}

// debugPopulate fills the selected database; keys that exist stay. Replicas are
// not told.
func debugPopulate(_ *family, c *command.Ctx) {
	count, ok := positive(c, 2)
	if !ok {
		return
	}
	prefix := "key"
	if len(c.Args) > 3 {
		prefix = string(c.Args[3])
	}
	size := int64(0)
	if len(c.Args) > 4 {
		if size, ok = positive(c, 4); !ok {
			return
		}
		if size > c.Config.ProtoMaxBulkLen {
			c.Err(command.ErrTooLong)
			return
		}
	}
	var key, value []byte
	for i := range count {
		key = append(key[:0], prefix...)
		key = strconv.AppendInt(append(key, ':'), i, 10)
		k := c.Store.Key(key)
		ks := c.Keyspace(k)
		e := ks.Lookup(k, c.Now())
		if e.Ok() {
			continue
		}
		value = strconv.AppendInt(append(value[:0], "value:"...), i, 10)
		if size > 0 {
			n := len(value)
			value = append(value, make([]byte, max(int(size)-n, 0))...)[:size]
		}
		ks.SetString(k, e, value, 0)
		ks.Touch(key)
	}
	c.OK()
}

func positive(c *command.Ctx, i int) (int64, bool) {
	n, ok := num.ParseInt(c.Args[i])
	if !ok || n < 0 {
		c.Err(command.ErrPositive)
		return 0, false
	}
	return n, true
}

func debugReplyBuffer(f *family, c *command.Ctx) {
	switch {
	case c.Is(2, "PEAK-RESET-TIME") && c.Is(3, "NEVER"):
		f.node.SetReplyPeakReset(-1)
	case c.Is(2, "PEAK-RESET-TIME") && c.Is(3, "RESET"):
		f.node.SetReplyPeakReset(0)
	case c.Is(2, "PEAK-RESET-TIME"):
		ms, ok := c.IntArg(3)
		if !ok {
			return
		}
		f.node.SetReplyPeakReset(ms)
	case c.Is(2, "RESIZING"):
		f.node.SetReplyResizing(command.LeadingInt(c.Args[3]) != 0)
	default:
		c.UnknownSubcommand(c.Args[1])
		return
	}
	c.OK()
}

func debugRewriteAll(_ *family, c *command.Ctx) {
	if err := c.Config.RewriteAll(c.Config.File); err != nil {
		c.Err("ERR CONFIG-REWRITE-FORCE-ALL failed: " + err.Error())
		return
	}
	c.OK()
}

func debugError(_ *family, c *command.Ctx) { c.Err(string(c.Args[2])) }

func debugLog(_ *family, c *command.Ctx) {
	c.Logger.Warn("DEBUG LOG: " + string(c.Args[2]))
	c.OK()
}

func debugHelp(_ *family, c *command.Ctx) {
	c.Help(
		"CONFIG-REWRITE-FORCE-ALL",
		"    As CONFIG REWRITE, but write every directive.",
		"DIGEST",
		"    Show a number, in hexadecimal, that stands for all data.",
		"DIGEST-VALUE <key> [<key> ...]",
		"    Show such numbers for the values of the given keys.",
		"AOF-FLUSH-SLEEP <microseconds>",
		"    Make every write to the append only file take so long.",
		"BREAK-SAVES",
		"    Have what is saved or rewritten in the background at this time fail.",
		"ERROR <string>",
		"    Reply with <string> as an error.",
		"HTSTATS <dbid>",
		"    Tell the size of a database's table.",
		"HTSTATS-KEY <key>",
		"    Tell the size of the table of the value of <key>.",
		"LISTPACK <key>",
		"    Write to the log how large the listpack of <key> is.",
		"LOADAOF",
		"    Write what is buffered to the append only file, and load it in place of all",
		"    data.",
		"LOG <message>",
		"    Write <message> to the log.",
		"OBJECT <key>",
		"    Show how a <key> is kept.",
		"POPULATE <count> [<prefix>] [<size>]",
		"    Create <count> strings named <prefix>:<num> (key:<num> if not given), with",
		"    values of <size> bytes. Keys that exist stay. Replicas are not told.",
		"PROTOCOL <type>",
		"    Reply with a value of a type: string, integer, double, bignum, null,",
		"    array, set, map, attrib, push, verbatim, true, false.",
		"QUICKLIST <key> [<0|1>]",
		"    Write to the log how many nodes the list of <key> has.",
		"QUICKLIST-PACKED-THRESHOLD <size>",
		"    Set the size from which on an element of a list is a node of its own, below",
		"    4GB; 0 is 1GB, as usual.",
		"REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|time>",
		"    Set after how many milliseconds the peak of a reply buffer is measured",
		"    anew; RESET is the usual time.",
		"REPLYBUFFER RESIZING <0|1>",
		"    Turn the forgetting of peaks off or on.",
		"SDSLEN <key>",
		"    Tell the lengths of <key> and its string.",
		"ASSERT",
		"    End the process by a failed assertion.",
		"PANIC",
		"    End the process by a panic.",
		"SEGFAULT",
		"    End the process by an access to memory that is not there.",
		"PAUSE-CRON <0|1>",
		"    Stop the periodic work in the background, or let it go on.",
		"SET-ACTIVE-EXPIRE <0|1>",
		"    Turn the removal of expired keys in the background off or on.",
		"SET-DISABLE-DENY-SCRIPTS <0|1>",
		"    If set to 1, scripts may run commands that are not allowed in scripts.",
		"SET-SKIP-CHECKSUM-VALIDATION <0|1>",
		"    Turn the check of checksums of RESTORE's payloads off or on.",
		"SLEEP <seconds>",
		"    Stop the whole server for <seconds>, which may have decimals.",
	)
}

// debugScriptsRunAll lets scripts run every command, or no longer.
func debugScriptsRunAll(_ *family, c *command.Ctx) {
	c.ScriptsRunAll = string(c.Args[2]) == "1" // of the environment, which all share
	c.OK()
}
