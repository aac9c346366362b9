package diff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// pausedWrites are commands that wait for the end of a pause.
var pausedWrites = []string{"SET <any> x", "DEL <any> <any> <any>", "LPUSH <list> x", "SADD <set> x y", "RENAME <any> <any>", "ZADD <zset> 1 x 2 y",
	"XADD <stream> * f v", "EXPIRE <any> 1000", "MSET <any> x <any> y", "FLUSHDB", "PFCOUNT <key>", "PUBLISH c x", "HSET <hash> f v", "LMOVE <list> <list> LEFT RIGHT",
	"SMOVE <set> <set> x", "COPY <any> <any> REPLACE", "GETDEL <any>", "SUNIONSTORE <any> <set> <set>", "EVAL redis.call('set',ARGV[1],'x') 0 <any>"}

// pause has a command of another connection wait for the end of a pause, and looks at keys
// meanwhile, some of which have expired.
func (g *messenger) pause(conn int) {
	other := 1 + g.r.IntN(trackers-1) // see transaction
	if other == conn {
		return
	}
	g.do(conn, nil, "SELECT 0", "SET "+g.one("<any>")+" x PXAT 1")
	var args []string
	for _, w := range strings.Fields(g.pick(pausedWrites...)) {
		if w[0] == '<' {
			w = g.one(w)
		}
		args = append(args, w)
	}
	g.controls("CLIENT", "PAUSE", "1000000", "WRITE")
	g.history = append(g.history, fmt.Sprintf("%d: %.300q waits", other, args))
	g.p.use(other, 2)
	if err := g.p.send(args); err != nil {
		g.fatal("%v", err)
	}
	g.waiting = other
	g.p.use(control, 2)
	g.p.cur.each(func(c *peer.Conn) error {
		for start := time.Now(); !strings.Contains(string(c.Must(g.t, "INFO", "clients").Str), "blocked_clients:1\r\n"); time.Sleep(time.Millisecond) {
			if time.Since(start) > replyLimit {
				g.fatal("%q does not wait", args)
			}
		}
		return nil
	})
	g.list()
	for range 3 {
		g.do(conn, nil, g.pick("GET <any>", "MGET <any> <any> <any>", "EXISTS <any> <any>", "TYPE <any>", "LRANGE <list> 0 -1", "STRLEN <any>"))
	}
	g.controls("CLIENT", "UNPAUSE")
	g.waiting = noConn
	g.p.use(other, 2)
	a, b := g.reply(g.p.cur.redstart), g.reply(g.p.cur.reference)
	x, y := a[len(a)-1], b[len(b)-1]
	if args[0] != "XADD" && !same(x, y, how{}) {
		g.fatal("%s", describe(x, y))
	}
	g.compareAll(other, strings.Contains(y.String(), "-"), a[:len(a)-1], b[:len(b)-1])
	g.do(conn, nil, "FLUSHALL") // IDs of entries are the servers' own
	g.removed(false, "PING")
}

// controls sends a command to both servers that nobody is told of.
func (g *messenger) controls(words ...string) {
	g.history = append(g.history, fmt.Sprintf("%q", words))
	if err := g.p.use(control, 2); err != nil {
		g.t.Fatal(err)
	}
	g.p.cur.each(func(c *peer.Conn) error { c.Must(g.t, words...); return nil })
}

// list compares what CLIENT LIST shows of the connections.
func (g *messenger) list() {
	if err := g.p.use(control, 2); err != nil {
		g.t.Fatal(err)
	}
	var got [][]string
	g.p.cur.each(func(c *peer.Conn) error {
		var lines []string
		for line := range strings.Lines(string(c.Must(g.t, append([]string{"CLIENT", "LIST", "ID"}, g.ids[:]...)...).Str)) {
			fields := strings.Fields(line)
			lines = append(lines, strings.Join(slices.DeleteFunc(fields, func(f string) bool {
				name, _, _ := strings.Cut(f, "=")
				return !slices.Contains([]string{"id", "name", "db", "flags", "sub", "psub", "multi", "cmd", "user", "redir", "resp"}, name)
			}), " "))
		}
		slices.Sort(lines)
		got = append(got, lines)
		return nil
	})
	if !slices.Equal(got[0], got[1]) {
		g.fatal("CLIENT LIST shows\n  %s\nthe reference's\n  %s", strings.Join(got[0], "\n  "), strings.Join(got[1], "\n  "))
	}
}

// limit has all read the same keys, and all but one of these make room, no matter which: so
// everybody gets as many messages.
func (g *messenger) limit(conn int) {
	g.do(conn, nil, "FLUSHALL")
	for i := range trackers {
		g.do(i, nil, "MGET a b {tag}x l1")
	}
	g.controls("CONFIG", "SET", "tracking-table-max-keys", "1")
	g.p.cur.each(func(c *peer.Conn) error {
		few := func() bool {
			stats := string(c.Must(g.t, "INFO", "stats").Str)
			return strings.Contains(stats, "tracking_total_keys:1\r\n") || strings.Contains(stats, "tracking_total_keys:0\r\n")
		}
		for start := time.Now(); !few(); time.Sleep(time.Millisecond) {
			if time.Since(start) > replyLimit {
				g.fatal("more keys are tracked than may be")
			}
		}
		return nil
	})
	for i := range listeners {
		if a, b := g.barrier(i); len(a) != len(b) {
			g.fatal("connection %d receives %q, the reference's %q", i, names(a), names(b))
		}
	}
	g.controls("CONFIG", "SET", "tracking-table-max-keys", "1000000")
	g.do(conn, nil, "FLUSHALL")
}
