package diff

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

const (
	defaultMessages = 800
	trackers        = 5 // connections that send commands, and track
	messageHistory  = 60
	subscriber      = trackers     // RESP2, to all events
	subscriber3     = trackers + 1 // RESP3, to some
	receiver        = trackers + 2 // RESP2, of what is redirected
	receiver3       = trackers + 3 // RESP3
	listeners       = trackers + 4
	control         = listeners // receives nothing
	noConn          = -1
)

// TestMessages sends random commands over several connections that track keys in all the
// ways there are, and compares what these, connections that events are published to and
// those that messages are redirected to receive after every command: what it is and in
// which order. REDSTART_SEED makes it another run, REDSTART_MESSAGES sets its length.
func TestMessages(t *testing.T) {
	seed := peer.Number(t, "REDSTART_SEED", 1)
	n := int(peer.Number(t, "REDSTART_MESSAGES", defaultMessages))
	t.Logf("replay with REDSTART_SEED=%d REDSTART_MESSAGES=%d", seed, n)
	p, _ := startPair(t)
	g := &messenger{piper: &piper{generator: &generator{rand.New(rand.NewPCG(seed, 11))}, p: p}, t: t}
	g.templates = slices.DeleteFunc(templates(), func(t template) bool {
		name, _, _ := strings.Cut(t.words, " ")
		return p.missing[strings.ToLower(name)] || strings.HasPrefix(name, "SORT") ||
			slices.Contains([]string{"CONFIG", "MULTI", "EXEC", "DISCARD", "SCAN", "SPOP"}, name)
	})
	g.begin()
	for i := range n {
		g.turn(i)
		if i%100 == 99 {
			if diff, err := p.compareState(); diff != "" || err != nil {
				g.fatal("the data differs: %s %v", diff, err)
			}
		}
	}
}

// messenger drives connections that receive messages.
type messenger struct {
	*piper
	t       *testing.T
	deaf    [trackers]bool // may have been told to be in BCAST mode with NOLOOP
	token   int
	expired bool // there may be keys that have
	waiting int  // the connection whose command waits for the end of a pause, or noConn
	ids     [listeners]string
	history []string
}

func (g *messenger) fatal(format string, args ...any) {
	g.t.Helper()
	g.t.Fatalf("%s\n%s", strings.Join(g.history, "\n"), fmt.Sprintf(format, args...))
}

// begin opens the connections. Ids of connections are the same on both servers.
func (g *messenger) begin() {
	g.history, g.waiting = nil, noConn
	if err := g.p.reset(); err != nil {
		g.t.Fatal(err)
	}
	g.align()
	for i := range listeners {
		g.open(i)
	}
	// What has expired is found by access, but for removed.
	g.do(0, nil, "CONFIG SET notify-keyspace-events KEAmn", "DEBUG SET-ACTIVE-EXPIRE 0")
}

// align uses up ids of the server that is behind.
func (g *messenger) align() {
	a, b := g.p.redstart.Dial(g.t), g.p.reference.Dial(g.t)
	for {
		x, y := a.Must(g.t, "CLIENT", "ID").Int, b.Must(g.t, "CLIENT", "ID").Int
		switch {
		case x == y:
			return
		case x < y:
			a.Close()
			a = g.p.redstart.Dial(g.t)
		default:
			b.Close()
			b = g.p.reference.Dial(g.t)
		}
	}
}

// open opens the connection i.
func (g *messenger) open(i int) {
	proto := 2
	if i%2 == 0 && i < trackers || i == subscriber3 || i == receiver3 {
		proto = 3
	}
	if err := g.p.use(i, proto); err != nil {
		g.t.Fatal(err)
	}
	a, b := g.p.cur.redstart.Must(g.t, "CLIENT", "ID"), g.p.cur.reference.Must(g.t, "CLIENT", "ID")
	if a.Int != b.Int {
		g.t.Fatalf("the ids are %d and %d", a.Int, b.Int)
	}
	g.ids[i] = strconv.FormatInt(a.Int, 10)
	subscriptions := map[int][]string{
		subscriber: {"PSUBSCRIBE __key*"}, subscriber3: {"PSUBSCRIBE __keyevent@0__:*", "SUBSCRIBE __keyspace@0__:a"},
		receiver: {"SUBSCRIBE __redis__:invalidate"},
	}
	for _, line := range subscriptions[i] {
		g.do(i, nil, line)
	}
}

// turn does one thing and compares what everybody gets.
func (g *messenger) turn(i int) {
	conn := g.r.IntN(trackers)
	switch g.r.IntN(40) {
	case 0, 1, 2:
		g.do(conn, nil, g.tracking(conn))
	case 3:
		g.do(conn, nil, g.pick("CLIENT TRACKING off", "CLIENT TRACKINGINFO", "CLIENT GETREDIR", "CLIENT TRACKINGINFO"))
	case 4, 5:
		g.do(conn, nil, "CLIENT CACHING "+g.pick("YES", "NO"), g.any())
	case 6, 7, 8:
		g.transaction(conn)
	case 9, 10, 11:
		g.script(conn)
	case 12:
		if g.r.IntN(4) == 0 {
			g.do(conn, nil, "CONFIG SET notify-keyspace-events "+g.pick("KEA", "KEAmn", "KEAmn", "KEAn", "E$lsz", "Kg", "KElshzxetdm", "KEmn", "AKE"))
		}
	case 13:
		g.again(g.pickConn(), conn)
	case 14:
		g.expire(conn)
	case 15:
		g.do(conn, nil, g.pick("FLUSHALL", "FLUSHDB", "SWAPDB <db> <db>", "HELLO 2", "HELLO 3", "RESET", "DISCARD", "EXEC", "FLUSHALL ASYNC"))
	case 16:
		if g.r.IntN(2) == 0 {
			g.removeAll(conn, g.r.IntN(4) > 0)
		}
	case 17, 18, 19, 20, 21:
		g.do(conn, nil, g.special())
	case 22:
		if g.r.IntN(2) == 0 {
			g.limit(conn)
		} else {
			g.list()
			g.pause(conn)
		}
	case 23, 24, 25:
		g.do(conn, nil, g.pick("GET <any>", "MGET <any> <any> <any>", "EXISTS <any> <any>", "TYPE <any>", "LRANGE <list> 0 -1", "TTL <any>"))
	default:
		g.do(conn, nil, g.any())
	}
}

// any is a command of all there are. While keys have expired that are still there it is one
// that looks for its key first: the reference does not say of others that they expired.
func (g *messenger) any() string {
	if g.expired {
		return g.pick("GET <any>", "MGET <any> <any> <any>", "TYPE <any>", "TTL <any>", "EXISTS <any> <any>", "DEL <any> <any>", "UNLINK <any>",
			"SET <any> x", "SET <any> x GET", "SETNX <any> x", "INCR <any>", "APPEND <any> x", "LPUSH <any> x", "SADD <any> x", "HSET <any> f v",
			"ZADD <any> 1 x", "XADD <any> 1-1 f v", "PERSIST <any>", "EXPIRE <any> 1000", "GETDEL <any>", "GETEX <any> PERSIST", "LLEN <any>",
			"RENAME <any> <any>", "COPY <any> <any>", "TOUCH <any> <any>", "OBJECT ENCODING <any>", "LPOP <any>", "LPUSHX <any> x", "STRLEN <any>")
	}
	return g.templates[g.r.IntN(len(g.templates))].words
}

// fill makes a command. It makes no keys that have expired before, and has no number of
// keys of more than 32 bits, from which the reference takes what is left of them.
func (g *messenger) fill(line string) []string {
	for {
		words := g.command(template{words: line})
		past := func(w string) bool { return strings.EqualFold(w, "PXAT") || strings.EqualFold(w, "EXAT") }
		large := func(w string) bool {
			_, err := strconv.ParseInt(w, 10, 32)
			return errors.Is(err, strconv.ErrRange)
		}
		if (words[0] != "SET" || !slices.ContainsFunc(words, past)) && !slices.ContainsFunc(words[:min(3, len(words))], large) {
			return words
		}
	}
}

// special is a command of those with several events, or none.
func (g *messenger) special() string {
	if g.expired {
		return g.any()
	}
	// The reference gives small sorted sets another encoding for good when it sorts them.
	const sorted = "RPUSH sorted b a\nSORT sorted ALPHA "
	return g.pick("RENAME <any> <any>", "RENAMENX <any> <any>", "COPY <any> <any> REPLACE", "COPY <any> <any>", "MOVE <any> <db>",
		"SDIFFSTORE <any> <set> <set>", "SINTERSTORE <any> <set> <set>", "SUNIONSTORE <any> no1 no2", "ZUNIONSTORE <any> 2 no1 no2",
		"ZINTERSTORE <any> 2 <zset> <set>", "ZDIFFSTORE <any> 2 <zset> <zset>", "ZRANGESTORE <any> <zset> 0 -1", "ZRANGESTORE <any> <zset> 5 1",
		"GEOSEARCHSTORE <any> <any> FROMLONLAT 0 0 BYRADIUS 1 m", "BITOP AND <any> no1 no2", "BITOP OR <any> <key> <key>",
		"SET <any> <value> GET", "SET <any> <value> EX 1000", "GETEX <any> PXAT 1", "GETEX <any> PERSIST",
		"GETEX <any> EX 5000", "GETDEL <any>", "EXPIRE <any> -1", "EXPIRE <any> 1000", "PERSIST <any>", "DEL <any> <any> <any>",
		"UNLINK <any> <any>", "LTRIM <any> 1 0", "LTRIM <any> 0 -1", "LSET <list> 0 x", "LREM <list> 0 <value>", "LINSERT <list> BEFORE <int> x",
		"LMOVE <list> <list> LEFT RIGHT", "RPOPLPUSH <list> <list>", "LPOP <list> 100", "LMPOP 2 <list> <list> LEFT COUNT 100",
		"SMOVE <set> <set> <smember>", "SREM <set> <smember> <smember>", "SPOP <set> 100000", "HDEL <hash> <hfield> <hfield>",
		"HINCRBY <hash> <hfield> 1", "HINCRBYFLOAT <hash> <hfield> 1", "HSETNX <hash> <hfield> 1", "ZADD <zset> XX 1 <zmember>",
		"ZADD <zset> INCR 1 <zmember>", "ZREMRANGEBYRANK <zset> 0 -1", "ZPOPMIN <zset> 100", "ZMPOP 2 <zset> <zset> MIN COUNT 100",
		"ZREM <zset> <zmember> <zmember>", "ZREMRANGEBYSCORE <zset> -inf +inf", "ZREMRANGEBYLEX <zset> - +", "PFADD <key> x", "PFADD <key>", "PFMERGE <any> <key>",
		"PFCOUNT <key>", "SETRANGE <key> 0 \x01", "APPEND <key> x", "SETRANGE <key> 5 x", "SETBIT <key> 7 1", "BITFIELD <key> SET u8 0 1 GET u8 0",
		"BITFIELD <key> INCRBY u8 0 1", "INCRBYFLOAT <key> 1", "MSETNX <key> x <key> y", "MSET <any> x <any> y <any> z", "GETSET <any> x",
		"XADD <stream> <newid> f v", "XADD <stream> MAXLEN = 1 <newid> f v", "XADD <stream> NOMKSTREAM <newid> f v", "XTRIM <stream> MAXLEN 0", "XDEL <stream> 1-1",
		"XGROUP CREATE <any> <group> 0 MKSTREAM", "XGROUP DESTROY <stream> <group>", "XGROUP CREATECONSUMER <stream> <group> <consumer>",
		"XGROUP DELCONSUMER <stream> <group> <consumer>", "XGROUP SETID <stream> <group> 0", "XSETID <stream> 100000-1",
		"XREADGROUP GROUP <group> <consumer> STREAMS <stream> >", "XACK <stream> <group> 1-1", "XAUTOCLAIM <stream> <group> <consumer> 0 0",
		"XCLAIM <stream> <group> <consumer> 0 1-1", "TOUCH <any> <any>", "OBJECT ENCODING <any>", "OBJECT FREQ <any>", "DUMP <any>", "KEYS *",
		"STRLEN <any>", "LLEN <any>", "SCARD <any>", "HLEN <any>", "ZCARD <any>", "XLEN <any>", "LCS <any> <any>", "SINTERCARD 2 <any> <any>",
		sorted+"STORE "+g.one("<any>"), "SORT no1 STORE <any>", sorted+"BY nosort GET # STORE "+g.one("<any>"), "BLPOP <list> <list> 0.001",
		"BLMOVE <list> <list> LEFT LEFT 0.001", "BZPOPMIN <zset> <zset> 0.001", "ZINCRBY <zset> 0 <zmember>", "ZRANDMEMBER <any>", "SRANDMEMBER <any> -0",
		"WATCH <any> <any>", "UNWATCH", "SELECT <db>", "SELECT 0", "FLUSHDB", "DEBUG SLEEP 0", "PUBLISH c x", "PUBLISH __redis__:invalidate x")
}

// tracking begins to track in some way, or refuses to.
func (g *messenger) tracking(conn int) string {
	words := []string{"CLIENT TRACKING on"}
	prefixes := func() {
		for range g.r.IntN(3) {
			words = append(words, "PREFIX", g.pick("a", "b", "l", "l1", "h", "z", "s", "{tag}", "bi", "c"))
		}
	}
	switch g.r.IntN(8) {
	case 0, 1:
		words = append(words, "BCAST")
		prefixes()
	case 2:
		words = append(words, "OPTIN")
	case 3:
		words = append(words, "OPTOUT")
	case 4:
		words = append(words, g.pick("OPTIN", "OPTOUT", "BCAST"), g.pick("OPTIN", "OPTOUT", "BCAST"))
		prefixes()
	}
	if g.r.IntN(3) == 0 {
		words = append(words, "NOLOOP")
	}
	if g.r.IntN(2) == 0 {
		words = append(words, "REDIRECT", g.pick(g.ids[receiver], g.ids[receiver3], g.ids[0], "0", "999999"))
	}
	if g.r.IntN(4) != 0 {
		words = append([]string{"CLIENT TRACKING off", "\n"}, words...)
	}
	line := strings.Join(words, " ")
	g.deaf[conn] = g.deaf[conn] || strings.Contains(line, "BCAST") && strings.Contains(line, "NOLOOP")
	return line
}

func (g *messenger) pickConn() int {
	if g.r.IntN(2) == 0 {
		return g.r.IntN(trackers)
	}
	return receiver + g.r.IntN(2)
}

// again closes a connection and opens it anew.
func (g *messenger) again(i, conn int) {
	killed := g.r.IntN(2) == 0
	g.history = append(g.history, fmt.Sprintf("%d closes, killed: %v", i, killed))
	id := g.ids[i]
	if killed {
		if err := g.p.use(control, 2); err != nil {
			g.t.Fatal(err)
		}
		g.p.cur.each(func(c *peer.Conn) error { c.Must(g.t, "CLIENT", "KILL", "ID", id); return nil })
	}
	if err := g.p.conns[i].each(func(c *peer.Conn) error { c.Close(); return nil }); err != nil {
		g.t.Fatal(err)
	}
	delete(g.p.conns, i)
	if err := g.p.use(control, 2); err != nil {
		g.t.Fatal(err)
	}
	g.p.cur.each(func(c *peer.Conn) error {
		for len(c.Must(g.t, "CLIENT", "LIST", "ID", id).Str) > 0 {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	if g.r.IntN(2) == 0 && i >= trackers {
		for range 3 { // changes while nobody is there who receives
			if c := g.r.IntN(trackers); c != i {
				g.do(c, nil, g.special())
			}
		}
	}
	g.open(i)
}

// transaction is some commands together.
func (g *messenger) transaction(conn int) {
	if conn == 0 {
		conn++ // the reference's messages for those who redirect to it lie amid the replies
	}
	lines := []string{"MULTI"}
	for range 1 + g.r.IntN(6) {
		switch g.r.IntN(12) {
		case 0:
			lines = append(lines, "CLIENT CACHING "+g.pick("YES", "NO"))
		case 1, 2, 3, 4, 5:
			lines = append(lines, g.special())
		case 6:
			lines = append(lines, g.pick("GET <any>", "MGET <any> <any>", "FLUSHALL", "FLUSHDB", "SELECT 0", "SELECT <db>"))
		default:
			lines = append(lines, g.any())
		}
	}
	if g.r.IntN(4) == 0 {
		lines = append([]string{"CLIENT CACHING " + g.pick("YES", "NO")}, lines...)
	}
	g.do(conn, nil, append(lines, "EXEC")...)
}

// script calls some commands from a script.
func (g *messenger) script(conn int) {
	if g.deaf[conn] {
		// The reference takes a script for another client in that mode, but not in others.
		g.do(conn, nil, "CLIENT TRACKING off")
		g.deaf[conn] = false
	}
	args := []string{g.pick("EVAL", "EVAL", "EVAL_RO"), "local i, failed = 1, 0 while i <= #ARGV do local n = tonumber(ARGV[i]) " +
		"local r = redis.pcall(unpack(ARGV, i+1, i+n)) if type(r) == 'table' and r.err then failed = -1 end i = i+n+1 end return failed", "0"}
	for range 1 + g.r.IntN(4) {
		line := g.any()
		if g.r.IntN(2) == 0 {
			line = g.special()
		}
		words := g.fill(line)
		if strings.HasPrefix(words[0], "B") && !strings.HasPrefix(words[0], "BIT") {
			continue
		}
		args = append(append(args, strconv.Itoa(len(words))), words...)
	}
	g.do(conn, args)
}

// expire has keys expire and then looks at some of them.
func (g *messenger) expire(conn int) {
	g.do(conn, nil, "SELECT 0", "SET "+g.one("<any>")+" x PXAT 1", "SET "+g.one("<any>")+" x PXAT 1", "SET "+g.one("<any>")+" x PXAT 1")
	g.expired = true
	for range 4 {
		switch g.r.IntN(4) {
		case 0:
			g.transaction(conn)
		case 1:
			g.script(conn)
		default:
			g.do(conn, nil, g.special())
		}
	}
	g.do(conn, nil, "SELECT 0")
	g.removed(false, "PING")
	g.expired = false
}

// removeAll has all keys expire by themselves, or be evicted, in any order.
func (g *messenger) removeAll(conn int, evict bool) {
	if evict {
		g.removed(true, "CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", "1")
		g.do(conn, nil, "CONFIG SET maxmemory 0")
		return
	}
	g.do(conn, nil, "FLUSHALL", "SELECT 0", "SET a x", "SET b x", "SET {tag}x x", "RPUSH l1 x")
	g.do((conn+1)%trackers, nil, "SELECT 0", "MGET a b {tag}x", "LLEN l1")
	g.removed(true, "EVAL", "for _, k in ipairs(ARGV) do redis.call('pexpire', k, 500) end", "0", "a", "b", "{tag}x", "l1")
}

// removed sends a command behind which keys are removed in an order that nobody knows,
// and compares what everybody got when they are all gone, or, if others stay, when those
// that have expired are.
func (g *messenger) removed(all bool, words ...string) {
	g.history = append(g.history, fmt.Sprintf("%q", words))
	if err := g.p.use(control, 2); err != nil {
		g.t.Fatal(err)
	}
	g.p.cur.each(func(c *peer.Conn) error {
		start := time.Now()
		c.Must(g.t, "SELECT", "0")
		c.Must(g.t, words...)
		c.Must(g.t, "DEBUG", "SET-ACTIVE-EXPIRE", "1")
		for db := 0; db < 3; {
			c.Must(g.t, "SELECT", strconv.Itoa(db))
			want := 0
			if !all {
				want = len(c.Must(g.t, "KEYS", "*").Elems) // leaves out what has expired
			}
			if n := int(c.Must(g.t, "DBSIZE").Int) - want; n > 0 {
				if time.Since(start) > replyLimit {
					g.fatal("%d keys are left in database %d of %s", n, db, map[bool]string{true: "redstart", false: "the reference"}[c == g.p.cur.redstart])
				}
				time.Sleep(time.Millisecond)
			} else {
				db++
			}
		}
		c.Must(g.t, "DEBUG", "SET-ACTIVE-EXPIRE", "0")
		return nil
	})
	for i := range listeners {
		a, b := g.barrier(i)
		x, y := names(a), names(b)
		if !slices.Equal(x, y) {
			g.fatal("connection %d receives\n  %q\nthe reference's\n  %q", i, x, y)
		}
	}
}

// names gives messages in order, those of several keys one by one.
func names(all []peer.Reply) (list []string) {
	for _, r := range all {
		if last := len(r.Elems) - 1; last > 0 && r.Elems[last].Kind == resp.KindArray && !r.Elems[last].Null {
			for _, name := range r.Elems[last].Elems {
				list = append(list, "invalidate "+name.String())
			}
			continue
		}
		list = append(list, strings.ReplaceAll(r.String(), "nil$", "nil")) // see compare
	}
	slices.Sort(list)
	return slices.Compact(list) // there may be one message for each key that a prefix has, or one for all
}

// do sends commands one after the other over a connection, and compares what all get.
func (g *messenger) do(conn int, args []string, lines ...string) {
	g.t.Helper()
	commands, hows := [][]string{args}, []how{{}}
	if args == nil {
		commands, hows = g.commands(lines)
	}
	if err := g.p.use(conn, 2); err != nil {
		g.t.Fatal(err)
	}
	failed := false
	var mine, theirs []peer.Reply // messages; those on behalf of others may come behind the reply
	for i, args := range commands {
		g.history = append(g.history, fmt.Sprintf("%d: %.300q", conn, args))
		if len(g.history) > messageHistory {
			g.history = slices.Delete(g.history, 0, len(g.history)-messageHistory)
		}
		g.p.use(conn, 2)
		if err := g.p.send(args); err != nil {
			g.fatal("%v", err)
		}
		if g.subscribes(args) {
			continue // the replies are messages
		}
		a, b := g.reply(g.p.cur.redstart), g.reply(g.p.cur.reference)
		mine, theirs = append(mine, a[:len(a)-1]...), append(theirs, b[:len(b)-1]...)
		g.history[len(g.history)-1] += fmt.Sprintf(" → %.100q", b[len(b)-1].String())
		failed = failed || strings.Contains(b[len(b)-1].String(), "-")
		if x, y := a[len(a)-1], b[len(b)-1]; !same(x, y, hows[i]) {
			g.fatal("%s", describe(x, y))
		}
	}
	g.compareAll(conn, failed, mine, theirs)
}

// compareAll compares what all have got when a command of a connection, that may have failed,
// had run; that connection got some messages already.
func (g *messenger) compareAll(conn int, failed bool, mine, theirs []peer.Reply) {
	g.t.Helper()
	diff := ""
	for i := range listeners {
		if g.p.conns[i] == nil || i == g.waiting {
			continue
		}
		a, b := g.barrier(i)
		if i == conn {
			a, b = append(mine, a...), append(theirs, b...)
		}
		if x, y := names(a), names(b); i == 0 || i >= receiver {
			// The order of what is for several who track is not said anywhere.
			if !failed && !slices.Equal(x, y) {
				diff += fmt.Sprintf("connection %d receives\n  %q\nthe reference's\n  %q\n", i, x, y)
			}
			continue
		}
		diff += g.compare(i, failed, a, b)
	}
	if diff != "" {
		g.fatal("%s", diff)
	}
}

func (g *messenger) subscribes(args []string) bool { return strings.HasSuffix(args[0], "SUBSCRIBE") }

// commands fills in what is random in some lines.
func (g *messenger) commands(lines []string) (commands [][]string, hows []how) {
	multi := false
	for _, line := range strings.Split(strings.Join(lines, "\n"), "\n") {
		h := g.how(line)
		for multi && (h.kind || h.near > 0) {
			line = g.any()
			h = g.how(line)
		}
		multi = multi || line == "MULTI"
		words := strings.Fields(line)
		if strings.Contains(line, "<") {
			words = g.fill(line)
		}
		commands, hows = append(commands, words), append(hows, h)
	}
	return commands, hows
}

// how tells how replies are compared.
func (g *messenger) how(line string) how {
	for _, t := range g.templates {
		if t.words == line {
			return t.how
		}
	}
	switch name, _, _ := strings.Cut(line, " "); name {
	case "SPOP", "KEYS", "EXEC":
		return how{sort: true}
	case "HELLO", "OBJECT", "ZRANDMEMBER", "SRANDMEMBER", "DUMP", "TTL":
		return how{kind: true}
	}
	return how{}
}

// reply reads a reply and the messages in front of it.
func (g *messenger) reply(c *peer.Conn) (all []peer.Reply) {
	for {
		r, err := c.Read()
		if err != nil {
			g.fatal("%v", err)
		}
		if all = append(all, r); r.Kind != resp.KindPush {
			return all
		}
	}
}

// barrier reads the messages that a connection has got.
func (g *messenger) barrier(i int) (redstart, reference []peer.Reply) {
	g.token++
	token := fmt.Sprint("token", g.token)
	read := func(c *peer.Conn) (all []peer.Reply) {
		if err := c.Send("PING", token); err != nil {
			g.fatal("%v", err)
		}
		for {
			r, err := c.Read()
			if err != nil {
				g.fatal("%d: %v", i, err)
			}
			if n := len(r.Elems); string(r.Str) == token || n == 2 && string(r.Elems[1].Str) == token {
				return all
			}
			all = append(all, r)
		}
	}
	c := g.p.conns[i]
	return read(c.redstart), read(c.reference)
}

// compare compares messages that the connection i got when a command, that may have failed, had run.
func (g *messenger) compare(i int, failed bool, a, b []peer.Reply) string {
	raw := func(all []peer.Reply) (s []string) {
		for _, r := range all {
			m := string(r.Raw)
			// The reference has the null of who tracks instead of that of who receives,
			// which a RESP2 client cannot read.
			m = strings.Replace(m, "invalidate\r\n_\r\n", "invalidate\r\n$-1\r\n", 1)
			// And it looks some keys up before it sees that there is something wrong with
			// the command.
			if !failed || !strings.Contains(m, "keymiss") {
				s = append(s, m)
			}
		}
		return s
	}
	if x, y := raw(a), raw(b); !slices.Equal(x, y) {
		return fmt.Sprintf("connection %d receives\n  %s\nthe reference's\n  %s\n", i, strings.Join(shortened(x), "\n  "), strings.Join(shortened(y), "\n  "))
	}
	return ""
}

func shortened(all []string) (s []string) {
	for _, m := range all {
		s = append(s, fmt.Sprintf("%.200q", m))
	}
	return s
}
