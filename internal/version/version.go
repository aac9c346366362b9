// Package version says which build this is.
package version

import (
	"fmt"
	"hash/crc64"
	"runtime/debug"
	"strconv"
	"sync"
)

const (
	// Redstart is the version of this program.
	Redstart = "0.1.0"
	// Redis is the version of the server whose place it takes, as clients
	// see it in INFO and HELLO.
	Redis = "7.4.0"
	// Allocator names where the data's memory comes from.
	Allocator = "redstart-arena"
)

// Build is what is known of the tree that the program was built from.
type Build struct {
	Commit   string // the first eight hexadecimal digits, zeros if unknown
	Modified bool   // the tree held more than the commit
	ID       string // sixteen hexadecimal digits that differ between builds
}

// Read returns the build of the running program.
var Read = sync.OnceValue(func() Build {
	b := Build{Commit: "00000000"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value[:min(8, len(s.Value))]
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	b.ID = fmt.Sprintf("%016x", crc64.Checksum([]byte(info.String()), crc64.MakeTable(crc64.ECMA)))
	return b
})

// Line is what --version prints, in the form that scripts know from Redis. A
// program that goes by the name redis-server gives Redis's version as v.
func Line(asRedis bool) string {
	b := Read()
	name, v := "Redstart server", Redstart+" redis="+Redis
	if asRedis {
		name, v = "Redis server", Redis
	}
	dirty := 0
	if b.Modified {
		dirty = 1
	}
	return fmt.Sprintf("%s v=%s sha=%s:%d malloc=%s bits=%d build=%s",
		name, v, b.Commit, dirty, Allocator, strconv.IntSize, b.ID)
}
