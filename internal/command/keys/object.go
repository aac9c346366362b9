package keys

import (
	"math"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/store"
)

// inspect looks the key up without any trace but the count of hits and misses.
// When it is missing the reply is made.
func inspect(c *command.Ctx) store.Entry {
	k := c.Key(2)
	e := c.Keyspace(k).Lookup(k, c.Now())
	if !e.Ok() {
		c.Stats.Misses++
		c.Null()
		return e
	}
	c.Stats.Hits++
	return e
}

func objectEncoding(c *command.Ctx) {
	if e := inspect(c); e.Ok() {
		c.Str(e.Encoding())
	}
}

// sharedIntegers is the number of small integers that Redis keeps one object
// each of, for all keys. Nothing is shared here, but clients look at it.
const sharedIntegers = 10000

func objectRefCount(c *command.Ctx) {
	e := inspect(c)
	if !e.Ok() {
		return
	}
	if e.Type() == store.String && sharesIntegers(c.Config) {
		if n, ok := e.Int(); ok && 0 <= n && n < sharedIntegers {
			c.Int(math.MaxInt32)
			return
		}
	}
	c.Int(1)
}

// sharesIntegers tells whether Redis would share integers: not when each key
// needs an access time of its own.
func sharesIntegers(cfg *config.Config) bool {
	if cfg.MaxMemory == 0 {
		return true
	}
	switch cfg.MaxMemoryPolicy {
	case config.VolatileLRU, config.AllKeysLRU, config.VolatileLFU, config.AllKeysLFU:
		return false
	}
	return true
}

const switchingNote = " Please note that when switching between policies at runtime LRU and LFU data will take " +
	"some time to adjust."

func objectIdleTime(c *command.Ctx) {
	e := inspect(c)
	if !e.Ok() {
		return
	}
	if c.Store.LFU.On {
		c.Err("ERR An LFU maxmemory policy is selected, idle time not tracked." + switchingNote)
		return
	}
	c.Int(e.Idle())
}

func objectFreq(c *command.Ctx) {
	e := inspect(c)
	if !e.Ok() {
		return
	}
	if !c.Store.LFU.On {
		c.Err("ERR An LFU maxmemory policy is not selected, access frequency not tracked." + switchingNote)
		return
	}
	c.Int(e.Freq())
}

func objectHelp(c *command.Ctx) {
	lines := [...]string{
		"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
		"ENCODING <key>",
		"    Return the kind of internal representation used in order to store the value",
		"    associated with a <key>.",
		"FREQ <key>",
		"    Return the access frequency index of the <key>. The returned integer is",
		"    proportional to the logarithm of the recent access frequency of the key.",
		"IDLETIME <key>",
		"    Return the idle time of the <key>, that is the approximated number of",
		"    seconds elapsed since the last access to the key.",
		"REFCOUNT <key>",
		"    Return the number of references of the value associated with the specified",
		"    <key>.",
		"HELP",
		"    Prints this help.",
	}
	c.Array(len(lines))
	for _, l := range lines {
		c.Simple(l)
	}
}
