package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/redstart-db/redstart/internal/node"
	"github.com/redstart-db/redstart/internal/version"
)

// check looks at files instead of serving, if it is asked for: by the name of the
// program, redis-check-rdb or redis-check-aof, or as in "redstart check rdb FILE".
func check(name string, argv []string, stdin io.Reader, stdout, stderr io.Writer) (status int, asked bool) {
	args, kind := argv[1:], ""
	switch {
	case strings.HasSuffix(name, "-check-rdb"):
		kind = "rdb"
	case strings.HasSuffix(name, "-check-aof"):
		kind = "aof"
	case name != "redis-server" && len(args) >= 2 && args[0] == "check" && (args[1] == "rdb" || args[1] == "aof"):
		kind, args = args[1], args[2:]
		name += " check " + kind
	default:
		return 0, false
	}
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-v") {
		fmt.Fprintf(stdout, "%s %s\n", name, version.Redis)
		return 0, true
	}
	if kind == "rdb" {
		return node.CheckRDB(name, args, stdout, stderr), true
	}
	return node.CheckAOF(name, args, stdin, stdout, stderr), true
}
