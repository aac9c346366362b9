package persist

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/redstart-db/redstart/internal/clock"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
	"github.com/redstart-db/redstart/internal/vfs"
)

// Checker is the tool redis-check-rdb: it reads an RDB file as a server would, without
// keeping what is in it, and tells what it finds.
type Checker struct {
	FS  vfs.FS
	Out io.Writer

	f   *rdb.File
	ks  *store.Keyspace // values are built here, and thrown away
	lim serial.Limits
	now int64 // Unix milliseconds

	doing string
	key   []byte // being read; nil
	typ   int    // of the value being read; -1

	keys, expires, expired int
}

// File checks the file of that name, and tells whether it is sound. What a file has
// behind its end does not matter; size is where the end is.
func (c *Checker) File(name string) (size int, ok bool) { return c.FileAs(name, name) }

// FileAs is File with the path of the file and the name that is shown.
func (c *Checker) FileAs(path, name string) (size int, ok bool) {
	f, err := c.FS.Open(path)
	if err != nil {
		fmt.Fprintf(c.Out, "[offset 0] Checking RDB file %s\nCannot open the file: %s\n", name, errText(err))
		return 0, false
	}
	defer f.Close()
	m, err := vfs.Map(f)
	if err != nil {
		fmt.Fprintf(c.Out, "[offset 0] Checking RDB file %s\nCannot read the file: %s\n", name, errText(err))
		return 0, false
	}
	defer m.Close()
	return c.check(name, m.B)
}

// errText is what went wrong, without the name of the file.
func errText(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func (c *Checker) check(name string, b []byte) (size int, ok bool) {
	st, err := store.New(store.Options{Shards: 1, Databases: 1})
	if err != nil {
		fmt.Fprintln(c.Out, err)
		return 0, false
	}
	defer st.Close()
	sh := st.Shard(0)
	sh.Lock()
	defer sh.Unlock()
	c.ks, c.lim, c.now = sh.DB(0), serial.LimitsOf(config.Default(), 0), clock.New().NowMilli()
	c.doing, c.key, c.typ = "start", nil, 0
	c.keys, c.expires, c.expired = 0, 0, 0
	c.say(0, "Checking RDB file "+name)
	size, err = c.items(b)
	if err != nil {
		c.failed(size, err)
		return size, false
	}
	if c.f.Version >= 5 {
		if c.f.Sum == 0 {
			c.say(size, "RDB file was saved with checksum disabled: no check performed.")
		} else {
			c.say(size, "Checksum OK")
		}
	}
	c.say(size, `\o/ RDB looks OK! \o/`)
	c.totals()
	return size, true
}

// items reads the file up to its end, or to what is wrong.
func (c *Checker) items(b []byte) (at int, err error) {
	if c.f, err = rdb.OpenFile(b, true); err != nil {
		if len(b) < rdb.FileHeaderLen {
			return 0, rdb.ErrShort
		}
		return rdb.FileHeaderLen, err
	}
	c.f.Lenient = true
	for {
		it, err := c.f.Next()
		if err == nil && it.Type.IsValue() {
			err = c.value(&it)
		} else {
			c.note(&it, err)
		}
		if err != nil || it.Type == rdb.OpEOF {
			return c.f.Offset(), err
		}
	}
}

// note takes note of an item that is no value, or of which the key could not be read.
func (c *Checker) note(it *rdb.Item, err error) {
	c.doing = doing(it.Type)
	if err != nil {
		if c.key == nil && it.Type.IsValue() {
			c.typ = int(it.Type)
		}
		if errors.Is(err, rdb.ErrShort) && it.Type == 0 && it.Name == nil {
			c.doing = "read-type"
		}
		return
	}
	switch it.Type {
	case rdb.OpSelectDB:
		c.say(c.f.Offset(), "Selecting DB ID "+strconv.Itoa(it.DB))
	case rdb.OpAux:
		c.say(c.f.Offset(), fmt.Sprintf("AUX FIELD %s = '%s'", it.Name, it.Text))
	case rdb.OpModuleAux:
		c.say(c.f.Offset(), fmt.Sprintf("MODULE AUX for: %s", it.Name))
	}
}

// doing names what reading an item of a type is, as the reference does.
func doing(t rdb.Type) string {
	switch t {
	case rdb.OpExpireTime, rdb.OpExpireTimeMs:
		return "read-expire"
	case rdb.OpSelectDB, rdb.OpResizeDB, rdb.OpFreq, rdb.OpIdle, rdb.OpSlotInfo:
		return "read-len"
	case rdb.OpAux:
		return "read-aux"
	case rdb.OpModuleAux:
		return "read-module-aux"
	case rdb.OpFunction2, rdb.OpFunctionPreGA:
		return "read-functions"
	case rdb.OpEOF:
		return "check-sum"
	}
	if t.IsValue() {
		return "read-key"
	}
	return "read-type"
}

// value reads the value of a key.
func (c *Checker) value(it *rdb.Item) (err error) {
	c.doing, c.key, c.typ = "read-object-value", it.Name, int(it.Type)
	c.keys++
	if it.ExpireAt != 0 {
		c.expires++
		if it.ExpireAt < c.now {
			c.expired++
		}
	}
	if it.Type != rdb.TypeModule2 {
		if err = c.build(it); err != nil {
			return err
		}
	}
	c.key, c.typ = nil, -1
	return nil
}

func (c *Checker) build(it *rdb.Item) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if r != mem.ErrExhausted {
				panic(r)
			}
			err = ErrMemory
		}
	}()
	v, err := serial.Read(c.ks, &c.f.Reader, it.Type, &c.lim)
	if err == nil {
		v.Free()
	}
	return err
}

func (c *Checker) say(at int, text string) { fmt.Fprintf(c.Out, "[offset %d] %s\n", at, text) }

// failed tells what is wrong, and what was being read.
func (c *Checker) failed(at int, err error) {
	fmt.Fprintln(c.Out, "--- RDB ERROR DETECTED ---")
	var version rdb.VersionError
	text := ""
	switch {
	case errors.As(err, &version):
		n, _ := strconv.Atoi(string(version)) // what is no number is 0 for the reference, too
		text = fmt.Sprintf("Can't handle RDB format version %d", n)
	case errors.Is(err, rdb.ErrMagic):
		text = "Wrong signature trying to load DB from file"
	case errors.Is(err, rdb.ErrChecksum):
		text = "RDB CRC error"
	case errors.Is(err, rdb.ErrType):
		c.doing = "read-type"
		text = fmt.Sprintf("Invalid object type: %d", c.unknownType(at))
	case errors.Is(err, rdb.ErrShort):
		text = "Unexpected EOF reading RDB file"
	case errors.Is(err, rdb.ErrEmpty):
		text = "Internal error in RDB reading: the collection is empty"
	case errors.Is(err, rdb.ErrCorrupt) && c.typ >= 0:
		text = fmt.Sprintf("Internal error in RDB reading: %v integrity check failed.", rdb.Type(c.typ))
	default:
		text = "Internal error in RDB reading: " + strings.TrimPrefix(err.Error(), "rdb: ")
	}
	c.say(at, text)
	fmt.Fprintf(c.Out, "[additional info] While doing: %s\n", c.doing)
	if c.key != nil {
		fmt.Fprintf(c.Out, "[additional info] Reading key '%s'\n", c.key)
	}
	if c.typ >= 0 {
		fmt.Fprintf(c.Out, "[additional info] Reading type %d (%s)\n", c.typ, checkNames[c.typ])
	}
	c.totals()
}

// unknownType is the byte that is no type; it is the last that was read.
func (c *Checker) unknownType(at int) int { return int(c.f.Before(at)) }

func (c *Checker) totals() {
	fmt.Fprintf(c.Out, "[info] %d keys read\n[info] %d expires\n[info] %d already expired\n", c.keys, c.expires, c.expired)
}

// checkNames are the types of values as the reference's tool names them.
var checkNames = [...]string{
	rdb.TypeString: "string", rdb.TypeList: "list-linked", rdb.TypeSet: "set-hashtable", rdb.TypeZset: "zset-v1",
	rdb.TypeHash: "hash-hashtable", rdb.TypeZset2: "zset-v2", rdb.TypeModulePreGA: "module-pre-release",
	rdb.TypeModule2: "module-value", rdb.TypeHashZipmap: "hash-zipmap", rdb.TypeListZiplist: "list-ziplist",
	rdb.TypeSetIntset: "set-intset", rdb.TypeZsetZiplist: "zset-ziplist", rdb.TypeHashZiplist: "hash-ziplist",
	rdb.TypeListQuicklist: "quicklist", rdb.TypeStreamListpacks: "stream", rdb.TypeHashListpack: "hash-listpack",
	rdb.TypeZsetListpack: "zset-listpack", rdb.TypeListQuicklist2: "quicklist-v2", rdb.TypeStreamListpacks2: "stream-v2",
	rdb.TypeSetListpack: "set-listpack", rdb.TypeStreamListpacks3: "stream-v3",
	rdb.TypeHashMetadataPreGA: "hash-hashtable-md-pre-release", rdb.TypeHashListpackExPreGA: "hash-listpack-md-pre-release",
	rdb.TypeHashMetadata: "hash-hashtable-md", rdb.TypeHashListpackEx: "hash-listpack-md",
}
