package strings_test

import (
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/strings"
)

// TestEffects compares what commands propagate and publish with what
// redis-server 7.0.15 sends to replicas and subscribers for the same list.
func TestEffects(t *testing.T) {
	s := commandtest.New(t, strings.Specs())
	s.Record()
	for _, c := range []struct{ line, reply, effects, events string }{
		{"SET k v", "+OK", "SET k v", "new k; set k"},
		{"set k v EX 100", "+OK", "SET k v PXAT soon", "set k; expire k"},
		{"SET k v PX 100000", "+OK", "SET k v PXAT soon", "set k; expire k"},
		{"SET k v EXAT 4102444800", "+OK", "SET k v PXAT 4102444800000", "set k; expire k"},
		{"set k v pxat 4102444800123", "+OK", "SET k v PXAT 4102444800123", "set k; expire k"},
		{"SET k w KEEPTTL", "+OK", "SET k w KEEPTTL", "set k"},
		{"SET k w GET", "$1\r\nw", "SET k w", "set k"},
		{"SET k w XX GET KEEPTTL get", "$1\r\nw", "SET k w XX KEEPTTL", "set k"},
		{"SET k w EX 100 GET", "$1\r\nw", "SET k w PXAT soon", "set k; expire k"},
		{"set k w get pxat 4102444800123 xx", "$1\r\nw", "SET k w PXAT 4102444800123", "set k; expire k"},
		{"SET k w NX", "$-1", "", ""},
		{"SET k w NX GET", "$1\r\nw", "", ""},
		{"SETNX n 5", ":1", "SETNX n 5", "new n; set n"},
		{"SETNX n 6", ":0", "", ""},
		{"SETEX k 100 v", "+OK", "SET k v PXAT soon", "set k; expire k"},
		{"PSETEX k 100000 v", "+OK", "SET k v PXAT soon", "set k; expire k"},
		{"GETSET k x", "$1\r\nv", "SET k x", "set k"},
		{"GETEX k", "$1\r\nx", "", ""},
		{"GETEX k EX 100", "$1\r\nx", "PEXPIREAT k soon", "expire k"},
		{"GETEX k PERSIST", "$1\r\nx", "PERSIST k", "persist k"},
		{"GETEX k PERSIST", "$1\r\nx", "", ""},
		{"GETEX k PXAT 4102444800123", "$1\r\nx", "PEXPIREAT k 4102444800123", "expire k"},
		{"GETEX k EXAT 1", "$1\r\nx", "DEL k", "del k"},
		{"GETEX k", "$-1", "", "keymiss k"},
		{"SET k v", "+OK", "SET k v", "new k; set k"},
		{"GETDEL k", "$1\r\nv", "DEL k", "del k"},
		{"GETDEL k", "$-1", "", "keymiss k"},
		{"INCR i", ":1", "INCR i", "new i; incrby i"},
		{"INCRBY i 5", ":6", "INCRBY i 5", "incrby i"},
		{"DECR i", ":5", "DECR i", "incrby i"},
		{"DECRBY i 2", ":3", "DECRBY i 2", "incrby i"},
		{"INCRBYFLOAT i 1.5", "$3\r\n4.5", "SET i 4.5 KEEPTTL", "incrbyfloat i"},
		{"INCRBYFLOAT f 0.1", "$3\r\n0.1", "SET f 0.1 KEEPTTL", "new f; incrbyfloat f"},
		{"APPEND a xyz", ":3", "APPEND a xyz", "new a; append a"},
		{`APPEND a ""`, ":3", `APPEND a ""`, "append a"},
		{"SETRANGE a 1 b", ":3", "SETRANGE a 1 b", "setrange a"},
		{`SETRANGE a 1 ""`, ":3", "", ""},
		{`SETRANGE q 3 ""`, ":0", "", ""},
		{"SETRANGE q 1 x", ":2", "SETRANGE q 1 x", "new q; setrange q"},
		{"MSET x 1 y 2", "+OK", "MSET x 1 y 2", "new x; set x; new y; set y"},
		{"MSETNX x 1 z 2", ":0", "", ""},
		{"MSETNX z 2 z 3", ":1", "MSETNX z 2 z 3", "new z; set z; set z"},
		{"LCS x y", "$0\r\n", "", ""},
	} {
		if reply := s.Do(c.line); reply != c.reply+"\r\n" {
			t.Errorf("%s: %q, want %q", c.line, reply, c.reply)
		}
		effects, events := s.Recorded()
		if effects != c.effects {
			t.Errorf("%s: effects %q, want %q", c.line, effects, c.effects)
		}
		if events != c.events {
			t.Errorf("%s: events %q, want %q", c.line, events, c.events)
		}
	}
	s.Config.LazyfreeLazyExpire = true
	s.Do("GETEX z PXAT 5")
	if effects, _ := s.Recorded(); effects != "UNLINK z" {
		t.Errorf("lazyfree-lazy-expire: effects %q", effects)
	}
}
