package diff

import "strconv"

// setTemplates are the commands on sets, over keys that few other commands use.
// What SPOP leaves is left to chance unless it leaves nothing.
func setTemplates() (ts []template) {
	for _, words := range []string{
		"SADD <set> <smember>", "SADD <set> <smember> <smember> <smember>", "SADD <set> <int> <int>", "SADD <set> <value>",
		"SADD <set> <smember> <smember> <smember> <smember> <smember> <smember> <smember> <smember>", "SADD <set> <hlong>",
		"SREM <set> <smember>", "SREM <set> <smember> <smember> <smember> <smember>", "SCARD <set>", "SISMEMBER <set> <smember>",
		"SMISMEMBER <set> <smember> <int> <smember>", "SMOVE <set> <set> <smember>", "SMOVE <any> <any> <smember>",
		"SINTERSTORE <set> <set> <set>", "SUNIONSTORE <set> <set> <set>", "SDIFFSTORE <set> <set> <set>",
		"SINTERSTORE <set> <set> <set> <set>", "SUNIONSTORE <set> <set> <set> <set>", "SDIFFSTORE <set> <set> <set> <set>",
		"SDIFFSTORE <any> <set> <any>", "SUNIONSTORE <any> <set>", "SINTERCARD 2 <set> <set>", "SINTERCARD 3 <set> <set> <set> LIMIT <rank>",
		"OBJECT ENCODING <set>", "COPY <set> <set> REPLACE", "RENAME <set> <set>", "DEL <set>",
		"ZUNIONSTORE <zset> 2 <set> <zset>", "ZINTERSTORE <zset> 2 <zset> <set> WEIGHTS <score> <score>", "ZDIFFSTORE <zset> 2 <zset> <set>",
		"ZUNION 2 <set> <set> WITHSCORES", "ZINTERCARD 2 <set> <zset>",
	} {
		ts = append(ts, template{words: words})
	}
	for _, words := range []string{
		"SMEMBERS <set>", "SMEMBERS <any>", "SINTER <set> <set>", "SINTER <set> <set> <set>", "SUNION <set> <set>",
		"SUNION <set> <any> <set> <set>", "SDIFF <set> <set>", "SDIFF <set> <set> <set> <set>", "SPOP <set> 0", "SPOP <set> 100000",
		"SSCAN <set> 0 COUNT 10000", "SSCAN <set> 0 COUNT 10000 MATCH <pattern>", "SRANDMEMBER <set> 100000",
	} {
		ts = append(ts, template{words, how{sort: true}})
	}
	for _, words := range []string{"SRANDMEMBER <set>", "SRANDMEMBER <set> <rank>", "HRANDFIELD <hash> <rank>", "RANDOMKEY"} {
		ts = append(ts, template{words, how{kind: true}})
	}
	return ts
}

// mixedTemplates are commands on keys of any type, those that change the limits of
// packed forms, and transactions.
func mixedTemplates() (ts []template) {
	for _, words := range []string{
		"RENAME <any> <any>", "RENAMENX <any> <any>", "COPY <any> <any>", "COPY <any> <any> REPLACE", "COPY <any> <any> <copyopt> <copyopt>",
		"DEL <any> <any>", "UNLINK <any>", "EXISTS <any> <any> <any>", "TYPE <any>", "TOUCH <any>", "MOVE <any> <db>", "PERSIST <any>",
		"EXPIRE <any> <seconds>", "PEXPIREAT <any> <unixms> <expopt>", "OBJECT ENCODING <any>", "OBJECT FREQ <any>", "GET <any>", "SET <any> <value> KEEPTTL",
		"SET <any> <value> GET", "APPEND <any> <value>", "LPUSH <any> <value>", "SADD <any> <smember>", "HSET <any> <hfield> <value>", "ZADD <any> 1 <zmember>",
		"XADD <any> <newid> <sfields>", "STRLEN <any>", "LLEN <any>", "SCARD <any>", "HLEN <any>", "ZCARD <any>", "XLEN <any>", "PFCOUNT <any>",
		"RESTORE <any> <ms> <value>", "RESTORE <any> <seconds> <value> <restoreopt>", "RESTORE <any> 0 <value> <restoreopt> <restoreopt>",
		"OBJECT HELP", "SETBIT <any> 100 1", "MSET <any> <value> <any> <value>", "PFMERGE <any> <any>",
		"CONFIG SET set-max-intset-entries <limit>", "CONFIG SET hash-max-listpack-entries <limit>", "CONFIG SET hash-max-listpack-value <limit>",
		"CONFIG SET zset-max-listpack-entries <limit>", "CONFIG SET zset-max-listpack-value <limit>", "CONFIG SET list-max-listpack-size <listlimit>",
		"MULTI", "WATCH <any> <any>", "UNWATCH", "DISCARD",
		"SET w_<digit> <int>", "SET w_<digit> <value>", "HSET w_<digit> f <int>",
	} {
		ts = append(ts, template{words: words})
	}
	for range 6 { // or most would run inside of MULTI
		ts = append(ts, template{"EXEC", how{sort: true}})
	}
	for _, words := range []string{
		"SORT <any> <sortopt>", "SORT <list> <sortopt> <sortopt> <sortopt>", "SORT <set> ALPHA <sortopt> <sortopt>",
		"SORT <zset> ALPHA <sortopt>", "SORT_RO <list> <sortopt> <sortopt>", "SORT <list> <sorttotal> <sorttotal>",
		"SORT <set> <sorttotal> <sorttotal>",
	} {
		ts = append(ts, template{words, how{sort: true}})
	}
	// MEMORY USAGE is not here: in the reference it finds keys that have expired.
	for _, words := range []string{"DUMP <any>", "OBJECT IDLETIME <any>"} {
		ts = append(ts, template{words, how{kind: true}})
	}
	ts = append(ts, template{"SCAN 0 COUNT 1000 TYPE <type>", how{sort: true}})
	ts = append(ts, template{words: "SORT <list> <sorttotal> <sorttotal> STORE <list>"}, template{words: "SORT <set> <sorttotal> <sorttotal> STORE <any>"})
	return ts
}

// anyKeys are keys that commands of all types use. Those of <lexset> are not among
// them.
var anyKeys = []string{
	"a", "b", "c", "bits", "l1", "l2", "h1", "h2", "z1", "z2", "set1", "set2", "set3", "s1", "s2", "geo", "none",
}

func (g *generator) mixedOne(name string) string {
	switch name {
	case "<any>":
		return g.pick(anyKeys...)
	case "<set>":
		return g.pick("set1", "set2", "set3", "set4")
	case "<smember>":
		return g.pick("a", "b", "c", "x y", "", "007", "-0", "9223372036854775807", "-9223372036854775808", "70000", "5000000000",
			strconv.Itoa(g.r.IntN(30)), strconv.Itoa(g.r.IntN(30)), strconv.Itoa(g.r.IntN(30)), "m"+strconv.Itoa(g.r.IntN(300)))
	case "<type>":
		return g.pick("string", "list", "set", "zset", "hash", "stream", "HASH")
	case "<digit>":
		return strconv.Itoa(g.r.IntN(10))
	case "<limit>":
		return g.pick("0", "1", "5", "20", "64", "128", "512")
	case "<listlimit>":
		return g.pick("-2", "-1", "0", "1", "3", "20", "128")
	}
	panic("no such placeholder: " + name)
}

func (g *generator) restoreOption() []string {
	switch g.r.IntN(4) {
	case 0:
		return []string{"ABSTTL"}
	case 1:
		return []string{"IDLETIME", g.one("<rank>")}
	case 2:
		return []string{"FREQ", g.pick("0", "255", "256", "-1")}
	}
	return []string{"REPLACE"}
}

// sortOption is an option of SORT, or none. Numbers have a total order, so a part of
// what is sorted can be asked for, or it can be stored; strings have none, since what
// is behind a zero byte does not count, nor do weights.
func (g *generator) sortOption(total bool) []string {
	switch g.r.IntN(8) {
	case 0, 1:
		return []string{g.pick("DESC", "ASC", "desc")}
	case 2:
		return []string{"GET", g.pick("#", "w_*", "w_*->f", "none")}
	case 3:
		return []string{"GET", "#", "GET", g.pick("w_*", "l*", "w_*->")}
	case 4, 5:
		if total {
			return []string{"LIMIT", g.one("<rank>"), g.one("<rank>")}
		}
		return []string{"BY", g.pick("w_*", "w_*->f", "h1->*", "none", "z*")}
	case 6:
		if !total {
			return []string{"ALPHA"}
		}
	}
	return nil
}
