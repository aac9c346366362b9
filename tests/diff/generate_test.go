package diff

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator makes commands over a few keys, so that they meet each other. Most
// are well formed; some have an argument too many, too few or of a wrong kind.
type generator struct {
	r *rand.Rand
}

// template is a command whose words beginning with < are filled in, and how
// replies to it are compared.
type template struct {
	words string
	how   how
}

// templates lists the commands with their share: a line that stands twice is
// twice as frequent.
func templates() []template {
	exact := []string{
		"SET <key> <value>", "SET <key> <value>", "SET <key> <int>", "SET <key> <value> <setopt>",
		"SET <key> <value> <setopt> <setopt>", "SET <key> <value> <setopt> <setopt> <setopt>",
		"GET <key>", "GET <key>", "GETSET <key> <value>", "GETDEL <key>", "GETEX <key> <getexopt>",
		"GETEX <key>", "APPEND <key> <value>", "STRLEN <key>", "SETNX <key> <value>",
		"SETEX <key> <seconds> <value>", "PSETEX <key> <ms> <value>", "SETRANGE <key> <offset> <value>",
		"GETRANGE <key> <index> <index>", "SUBSTR <key> <index> <index>", "MGET <key> <key> <key>",
		"MSET <key> <value> <key> <value>", "MSETNX <key> <value> <key> <value>",
		"INCR <key>", "DECR <key>", "INCRBY <key> <int>", "DECRBY <key> <int>", "INCRBYFLOAT <key> <float>",
		"LCS <key> <key>", "LCS <key> <key> <lcsopt>", "LCS <key> <key> IDX <lcsopt>",
		"SETBIT <key> <bit> <flag>", "GETBIT <key> <bit>", "BITCOUNT <key>", "BITCOUNT <key> <index> <index>",
		"BITCOUNT <key> <index> <index> <unit>", "BITPOS <key> <flag>", "BITPOS <key> <flag> <index>",
		"BITPOS <key> <flag> <index> <index>", "BITPOS <key> <flag> <index> <index> <unit>",
		"BITOP <bitop> <key> <key>", "BITOP <bitop> <key> <key> <key>",
		"BITFIELD <key> <field>", "BITFIELD <key> <field> <field> <field>", "BITFIELD_RO <key> GET <bits> <bit>",
		"DEL <key>", "DEL <key> <key>", "UNLINK <key>", "EXISTS <key> <key>", "TYPE <key>", "TOUCH <key> <key>",
		"EXPIRE <key> <seconds>", "EXPIRE <key> <seconds> <expopt>", "EXPIRE <key> <seconds> <expopt> <expopt>",
		"PEXPIRE <key> <ms> <expopt>", "EXPIREAT <key> <unix>", "PEXPIREAT <key> <unixms> <expopt>",
		"PERSIST <key>", "RENAME <key> <key>", "RENAMENX <key> <key>", "COPY <key> <key>",
		"COPY <key> <key> <copyopt> <copyopt>", "MOVE <key> <db>", "OBJECT ENCODING <key>",
		"SELECT <db>", "SELECT 0", "SWAPDB <db> <db>",
		"PFADD <key>", "PFADD <key> <value> <value>", "PFADD <key> <int>", "PFCOUNT <key>", "PFCOUNT <key> <key>",
		"PFMERGE <key> <key>", "PFMERGE <key> <key> <key>",
		"LPUSH <key> <value>", "SADD <key> <int>", "HSET <key> <value> <value>",
	}
	exact = append(exact, listTemplates()...)
	ts := make([]template, 0, len(exact)+8)
	for _, words := range exact {
		ts = append(ts, template{words: words})
	}
	ts = append(ts, hashTemplates()...)
	ts = append(ts, zsetTemplates()...)
	ts = append(ts, streamTemplates()...)
	ts = append(ts, geoTemplates()...)
	ts = append(ts, setTemplates()...)
	ts = append(ts, mixedTemplates()...)
	for _, words := range []string{"KEYS *", "KEYS <pattern>", "SCAN 0 COUNT 1000", "SCAN 0 COUNT 1000 MATCH <pattern>"} {
		ts = append(ts, template{words, how{sort: true}})
	}
	for _, words := range []string{"TTL <key>", "EXPIRETIME <key>"} {
		ts = append(ts, template{words, how{near: 5}})
	}
	for _, words := range []string{"PTTL <key>", "PEXPIRETIME <key>"} {
		ts = append(ts, template{words, how{near: deadlineSlack}})
	}
	// Redis shares small integers, but not those that COPY or RESTORE made: the
	// count tells how a value came about, which is not kept here.
	return append(ts, template{"OBJECT REFCOUNT <key>", how{kind: true}})
}

func (g *generator) pick(words ...string) string { return words[g.r.IntN(len(words))] }

// command fills in a template, and one time in 20 spoils it.
func (g *generator) command(t template) []string {
	var args []string
	for _, w := range strings.Fields(t.words) {
		switch i := strings.IndexByte(w, '<'); {
		case i == 0:
			args = append(args, g.word(w)...)
		case i > 0:
			args = append(args, w[:i]+g.one(w[i:]))
		default:
			args = append(args, w)
		}
	}
	// What these words mean is certain only with other scores than a change might
	// bring in; see zsetTemplates.
	lex := strings.Contains(t.words, "<lex")
	switch g.r.IntN(80) {
	case 0:
		if args[0] != "SPOP" && args[0] != "SRANDMEMBER" { // which would choose at random then
			args = args[:len(args)-1]
		}
	case 1:
		if !strings.HasSuffix(args[0], "RANK") { // which may have one argument more since 7.2
			args = append(args, g.pick("", "x", "1", "NX"))
		}
	case 2:
		// A cursor other than 0 means something to its own server only, and a negative
		// number asks for random members.
		if len(args) > 1 && !strings.HasSuffix(args[0], "SCAN") && args[0] != "SRANDMEMBER" && !lex {
			args[1+g.r.IntN(len(args)-1)] = g.pick("", "abc", "-1", "9223372036854775807", "-9223372036854775808", "1.5", " 1", "\x00")
		}
	case 3:
		if len(args) > 2 && args[0] != "CONFIG" && args[0] != "OBJECT" && !lex {
			args[1] = g.one("<any>")
		}
	case 4:
		// The reference really gives 2^62 random members, and both wait for ever.
		random := strings.Contains(args[0], "RAND") || strings.HasPrefix(args[0], "B") && !strings.HasPrefix(args[0], "BIT")
		// And it takes numbers of more than 64 bits for sizes, which are refused here.
		if len(args) > 1 && !strings.HasSuffix(args[0], "SCAN") && args[0] != "CONFIG" && !random && !lex {
			args[1+g.r.IntN(len(args)-1)] = g.pick("4611686018427387904", "-4611686018427387904", "-9223372036854775807", "2147483648",
				"-2147483649", "4294967296", "18446744073709551615", "18446744073709551616", "1e18", "nan", "0x10", "1 ", "-0", "1e400")
		}
	}
	if len(args) == 0 {
		args = []string{"PING"}
	}
	return args
}

// word returns what a placeholder stands for, sometimes several arguments.
func (g *generator) word(name string) []string {
	switch name {
	case "<setopt>":
		return g.option("NX", "XX", "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT")
	case "<getexopt>":
		return g.option("PERSIST", "EX", "PX", "EXAT", "PXAT")
	case "<lcsopt>":
		if o := g.pick("LEN", "WITHMATCHLEN", "MINMATCHLEN"); o == "MINMATCHLEN" {
			return []string{o, strconv.Itoa(g.r.IntN(6) - 1)}
		} else {
			return []string{o}
		}
	case "<zrangeopt>", "<zcombineopt>":
		return g.zsetWord(name)
	case "<sfields>", "<trimopt>", "<claimopt>":
		return g.streamWord(name)
	case "<geo>", "<place>", "<center>", "<shape>", "<geoopt>", "<geoaddopt>", "<radius>", "<length>":
		return g.geoWord(name)
	case "<restoreopt>":
		return g.restoreOption()
	case "<sortopt>", "<sorttotal>":
		return g.sortOption(name == "<sorttotal>")
	case "<lposopt>":
		return []string{g.pick("RANK", "COUNT", "MAXLEN"), strconv.Itoa(g.r.IntN(7) - 2)}
	case "<copyopt>":
		if g.r.IntN(2) == 0 {
			return []string{"REPLACE"}
		}
		return []string{"DB", g.one("<db>")}
	case "<field>":
		switch g.r.IntN(4) {
		case 0:
			return []string{"GET", g.one("<bits>"), g.one("<bit>")}
		case 1:
			return []string{"SET", g.one("<bits>"), g.one("<bit>"), g.one("<int>")}
		case 2:
			return []string{"INCRBY", g.one("<bits>"), g.one("<bit>"), g.one("<int>")}
		}
		return []string{"OVERFLOW", g.pick("WRAP", "SAT", "FAIL", "wrap", "sat")}
	}
	return []string{g.one(name)}
}

// option returns one of the options with the time it takes, if any.
func (g *generator) option(names ...string) []string {
	switch name := g.pick(names...); name {
	case "EX":
		return []string{name, g.one("<seconds>")}
	case "PX":
		return []string{name, g.one("<ms>")}
	case "EXAT":
		return []string{name, g.one("<unix>")}
	case "PXAT":
		return []string{name, g.one("<unixms>")}
	default:
		return []string{name}
	}
}

func (g *generator) one(name string) string {
	switch name {
	case "<key>":
		return g.pick("a", "b", "c", "d", "e", "f", "bits", "{tag}x", "")
	case "<list>":
		return g.pick("l1", "l2", "l3", "l4", "a")
	case "<end>":
		return g.pick("LEFT", "RIGHT", "left", "right")
	case "<where>":
		return g.pick("BEFORE", "AFTER", "before", "after")
	case "<count>":
		return g.pick("0", "1", "2", "5", "20", "9223372036854775807")
	case "<trim>":
		return g.pick("0", "0", "1", "-1", "-1", "-2", "2", strconv.Itoa(g.r.IntN(100)-50))
	case "<long>":
		return strings.Repeat(g.pick("ab", "x", "0"), 1+g.r.IntN(1500))
	case "<hash>", "<hfield>", "<hlong>":
		return g.hashWord(name)
	case "<zset>", "<lexset>", "<zmember>", "<score>", "<bound>", "<lex>", "<rank>", "<zaddopt>", "<minmax>":
		return g.zsetOne(name)
	case "<stream>", "<group>", "<consumer>", "<scount>", "<nodesize>", "<nodebytes>", "<newid>", "<sid>", "<readid>":
		return g.streamOne(name)
	case "<any>", "<set>", "<smember>", "<digit>", "<type>", "<limit>", "<listlimit>":
		return g.mixedOne(name)
	case "<value>":
		return g.value()
	case "<int>":
		return g.integer()
	case "<float>":
		return g.pick("1", "-1", "0", "0.5", "-0.25", "1e3", "1.5e-3", "3.0", "100000000000000000", "inf", "nan", "1e400")
	case "<seconds>":
		// Nothing may expire while the test runs, and no two times may be so near
		// that the clocks of the servers decide which is later.
		return g.pick(strconv.Itoa(100000+g.r.IntN(1000000)), strconv.Itoa(100000+g.r.IntN(1000000)), "0", "-1", "9223372036854775")
	case "<ms>":
		return g.pick(strconv.Itoa(1000*(100000+g.r.IntN(1000000))), "0", "-1", "9223372036854775807")
	case "<unix>":
		return g.pick("4102444800", "4102444900", "1", "0", "-1")
	case "<unixms>":
		return g.pick("4102444800000", "4102444900123", "1", "0", "-5")
	case "<expopt>":
		return g.pick("NX", "XX", "GT", "LT", "gt", "lt")
	case "<offset>":
		return g.pick("0", "1", "5", "17", "100", "-1", "536870912", strconv.Itoa(g.r.IntN(300)))
	case "<index>":
		return g.pick("0", "1", "-1", "-2", "5", "100", "-100", strconv.Itoa(g.r.IntN(400)-200))
	case "<bit>":
		return g.pick("0", "1", "7", "8", "63", "64", "#0", "#3", strconv.Itoa(g.r.IntN(2000)))
	case "<flag>":
		return g.pick("0", "1")
	case "<unit>":
		return g.pick("BIT", "BYTE", "bit", "byte")
	case "<bitop>":
		return g.pick("AND", "OR", "XOR", "NOT", "or")
	case "<bits>":
		return g.pick("u", "i") + strconv.Itoa(1+g.r.IntN(64))
	case "<db>":
		return g.pick("0", "0", "1", "2")
	case "<pattern>":
		return g.pick("*", "a*", "?", "[a-d]", "[^a]", "b*s", "\\a", "{tag}*")
	}
	panic("no such placeholder: " + name)
}

func (g *generator) value() string {
	switch g.r.IntN(8) {
	case 0, 1:
		return g.integer()
	case 2:
		return g.pick("", "x", "hello world", "0.5", "-0", "+1", "007", " 1", "1e3", "\x00", "\r\n", "\xff\xfe")
	case 3:
		return strings.Repeat(g.pick("ab", "x", "0"), g.r.IntN(60))
	}
	b := make([]byte, g.r.IntN(24))
	for i := range b {
		b[i] = byte(g.r.Uint32())
	}
	return string(b)
}

func (g *generator) integer() string {
	switch g.r.IntN(6) {
	case 0:
		return g.pick("0", "-1", "9999", "10000", "127", "128", "-129", "32768", "2147483648", "4294967296")
	case 1:
		return g.pick("9223372036854775807", "-9223372036854775808", "9223372036854775806", "9223372036854775808")
	case 2:
		return strconv.FormatInt(int64(g.r.Uint64()), 10)
	}
	return strconv.Itoa(g.r.IntN(2001) - 1000)
}
