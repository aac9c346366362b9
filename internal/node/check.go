package node

import (
	"bufio"
	"fmt"
	"io"

	"github.com/redstart-db/redstart/internal/aof"
	"github.com/redstart-db/redstart/internal/persist"
	"github.com/redstart-db/redstart/internal/vfs"
)

// CheckRDB is the program redis-check-rdb: it looks at the file that the arguments name
// and gives the exit status. name is that of the program, for its usage.
func CheckRDB(name string, args []string, out, errOut io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintf(errOut, "Usage: %s <rdb-file-name>\n", name)
		return 1
	}
	c := persist.Checker{FS: vfs.OS{}, Out: out}
	if _, ok := c.File(args[0]); !ok {
		return 1
	}
	return 0
}

// CheckAOF is the program redis-check-aof, as CheckRDB.
func CheckAOF(name string, args []string, in io.Reader, out, errOut io.Writer) int {
	rdb := persist.Checker{FS: vfs.OS{}, Out: out}
	c := aof.Checker{FS: vfs.OS{}, In: in, Out: out, Err: errOut}
	c.RDB = func(r *bufio.Reader, path, shown string) bool {
		size, ok := rdb.FileAs(path, shown)
		if !ok {
			return false
		}
		_, err := r.Discard(size)
		return err == nil
	}
	return c.Run(name, args)
}
