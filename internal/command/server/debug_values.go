package server

import (
	"fmt"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/ds/dict"
	"github.com/redstart-db/redstart/internal/ds/listpack"
	"github.com/redstart-db/redstart/internal/ds/qlist"
	"github.com/redstart-db/redstart/internal/ds/zset"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

// debugKey finds the key that argument 2 names, expired or not; a missing one is
// an error.
func debugKey(c *command.Ctx) (e store.Entry, ok bool) {
	k := c.Key(2)
	if e = c.Keyspace(k).Find(k); !e.Ok() {
		c.Err(command.ErrNoKey)
		return e, false
	}
	return e, true
}

func debugObject(_ *family, c *command.Ctx) {
	e, ok := debugKey(c)
	if !ok {
		return
	}
	text := fmt.Sprintf("Value at:0x%x refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		e.Address(), e.Encoding(), len(serial.Append(nil, e, c.Config.RDBCompression)), e.Access(), e.Idle())
	if e.Type() == store.List {
		nodes, elements, bytes := listNodes(e)
		text += fmt.Sprintf(" ql_nodes:%d ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:0 ql_uncompressed_size:%d",
			nodes, float64(elements)/float64(nodes), c.Config.ListMaxListpackSize, bytes)
	}
	c.Simple(text)
}

// listNodes counts the nodes of a list, its elements, and the bytes of the nodes.
func listNodes(e store.Entry) (nodes, elements, bytes int) {
	if e.Packed() {
		p := e.Pack()
		return 1, listpack.Len(p), len(p)
	}
	l := e.Object().(*qlist.List)
	l.Walk(0, func(_ bool, data []byte) bool {
		bytes += len(data)
		return true
	})
	return l.NodeCount(), l.Len(), bytes
}

// debugListpack and debugQuicklist tell on the log what Redis prints.
func debugListpack(_ *family, c *command.Ctx) {
	e, ok := debugKey(c)
	switch {
	case !ok:
	case e.Encoding() != "listpack":
		c.Err("ERR Not a listpack encoded object.")
	default:
		p := e.Pack()
		c.Logger.Info("listpack", "bytes", len(p), "entries", listpack.Len(p), "room", cap(p))
		c.Simple("Listpack structure printed on stdout")
	}
}

func debugQuicklist(_ *family, c *command.Ctx) {
	e, ok := debugKey(c)
	switch {
	case !ok:
	case e.Type() != store.List:
		c.Err("ERR Not a quicklist encoded object.")
	default:
		nodes, elements, bytes := listNodes(e)
		c.Logger.Info("quicklist", "nodes", nodes, "elements", elements, "bytes", bytes)
		c.Simple("Quicklist structure printed on stdout")
	}
}

// debugSDSLen gives the lengths of a key and its string. Neither has room to grow
// that would be worth telling.
func debugSDSLen(_ *family, c *command.Ctx) {
	e, ok := debugKey(c)
	if !ok {
		return
	}
	if e.Type() != store.String || e.Encoding() == "int" {
		c.Err("ERR Not an sds encoded string.")
		return
	}
	key, value := len(e.Key()), e.Len()
	c.Simple(fmt.Sprintf("key_sds_len:%d, key_sds_avail:0, key_zmalloc: %d, val_sds_len:%d, val_sds_avail:0, val_zmalloc: %d",
		key, key, value, value))
}

func debugPackedThreshold(_ *family, c *command.Ctx) {
	const most = 1<<32 - 1<<20
	n, ok := config.ParseMemory(string(c.Args[2]))
	if !ok || n > most {
		c.Err("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
		return
	}
	c.ListPlainSize = int(n)
	c.OK()
}

func debugSkipChecksum(_ *family, c *command.Ctx) {
	c.SkipChecksum = command.LeadingInt(c.Args[2]) != 0
	c.OK()
}

func debugTableStats(_ *family, c *command.Ctx) {
	db, ok := c.IntArg(2)
	if !ok {
		return
	}
	if db < 0 || db >= int64(c.Store.Databases()) {
		c.Err("ERR Out of range database")
		return
	}
	keys, slots := 0, 0
	for i := range c.Store.Shards() {
		ks := c.Store.Shard(i).DB(int(db))
		keys += ks.Len()
		slots += ks.TableSlots()
	}
	volatile := c.Store.Volatile(int(db))
	// Deadlines are not in a table, but in the order of time.
	c.Verbatim("txt", []byte("[Dictionary HT]\n"+tableStats(keys, slots)+"[Expires HT]\n"+tableStats(volatile, volatile)))
}

func debugKeyTableStats(_ *family, c *command.Ctx) {
	e, ok := debugKey(c)
	if !ok {
		return
	}
	slots := 0
	switch o := e.Object().(type) {
	case *dict.Dict:
		slots = o.Slots()
	case *zset.ZSet:
		slots = o.Slots()
	default:
		if e.Encoding() != "hashtable" {
			c.Err("ERR The value stored at the specified key is not represented using an hash table")
			return
		}
		c.Verbatim("txt", []byte(tableStats(e.SetLen(), e.SetLen()))) // a small set
		return
	}
	c.Verbatim("txt", []byte(tableStats(e.Object().Len(), slots)))
}

// tableStats describes a table. There are no chains in it.
func tableStats(elements, slots int) string {
	var b strings.Builder
	b.WriteString("Hash table 0 stats (main hash table):\n")
	if elements == 0 {
		b.WriteString("No stats available for empty dictionaries\n")
	} else {
		fmt.Fprintf(&b, " table size: %d\n number of elements: %d\n", slots, elements)
	}
	return b.String()
}
