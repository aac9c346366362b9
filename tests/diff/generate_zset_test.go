package diff

import "strconv"

// zsetTemplates are the commands on sorted sets, over keys that few other commands
// use. Of those in <lexset> all scores are the same: in others, Redis leaves ranges
// of members to chance.
func zsetTemplates() (ts []template) {
	for _, words := range []string{
		"ZADD <zset> <score> <zmember>", "ZADD <zset> <score> <zmember> <score> <zmember>",
		"ZADD <zset> <score> <zmember> <score> <zmember> <score> <zmember> <score> <zmember>",
		"ZADD <zset> <zaddopt> <score> <zmember>", "ZADD <zset> <zaddopt> <zaddopt> <score> <zmember>",
		"ZADD <zset> <zaddopt> <zaddopt> <zaddopt> <score> <zmember> <score> <zmember>", "ZADD <zset> <score> <value>",
		"ZADD <zset> <score> <hlong>", "ZADD <key> <score> <zmember>", "ZINCRBY <zset> <score> <zmember>",
		"ZREM <zset> <zmember>", "ZREM <zset> <zmember> <zmember> <zmember>", "ZSCORE <zset> <zmember>",
		"ZMSCORE <zset> <zmember> <zmember>", "ZCARD <zset>", "ZRANK <zset> <zmember>", "ZREVRANK <zset> <zmember>",
		"ZRANGE <zset> <rank> <rank>", "ZRANGE <zset> <rank> <rank> <zrangeopt>", "ZRANGE <zset> <rank> <rank> <zrangeopt> <zrangeopt>",
		"ZRANGE <zset> <bound> <bound> BYSCORE", "ZRANGE <zset> <bound> <bound> BYSCORE <zrangeopt> <zrangeopt>",
		"ZREVRANGE <zset> <rank> <rank> WITHSCORES", "ZREVRANGE <zset> <rank> <rank>",
		"ZRANGEBYSCORE <zset> <bound> <bound>", "ZRANGEBYSCORE <zset> <bound> <bound> <zrangeopt>",
		"ZREVRANGEBYSCORE <zset> <bound> <bound> WITHSCORES LIMIT <rank> <rank>", "ZCOUNT <zset> <bound> <bound>",
		"ZREMRANGEBYRANK <zset> <rank> <rank>", "ZREMRANGEBYSCORE <zset> <bound> <bound>", "ZPOPMIN <zset>",
		"ZPOPMAX <zset>", "ZPOPMIN <zset> <rank>", "ZMPOP 2 <zset> <zset> <minmax> COUNT <rank>", "ZMPOP 1 <zset> <minmax>",
		"BZPOPMIN <zset> <zset> 0.001", "BZMPOP 0.001 2 <zset> <zset> <minmax>",
		"ZADD <lexset> 0 <zmember> 0 <zmember>", "ZREM <lexset> <zmember>", "ZRANGEBYLEX <lexset> <lex> <lex>",
		"ZREVRANGEBYLEX <lexset> <lex> <lex> LIMIT <rank> <rank>", "ZRANGE <lexset> <lex> <lex> BYLEX <zrangeopt>",
		"ZLEXCOUNT <lexset> <lex> <lex>", "ZREMRANGEBYLEX <lexset> <lex> <lex>",
		"ZRANGESTORE <zset> <zset> <rank> <rank>", "ZRANGESTORE <zset> <zset> <bound> <bound> BYSCORE",
		"ZUNION 2 <zset> <zset> WITHSCORES", "ZINTER 2 <zset> <lexset> WITHSCORES <zcombineopt>", "ZDIFF 3 <zset> <lexset> <zset> WITHSCORES",
		"ZUNIONSTORE <zset> 2 <zset> <zset> WEIGHTS <score> <score> <zcombineopt>", "ZINTERSTORE <zset> 2 <zset> <lexset>",
		"ZDIFFSTORE <zset> 2 <zset> <lexset>", "ZINTERCARD 2 <zset> <lexset> LIMIT <rank>", "ZUNION 2 <zset> <key>",
		"OBJECT ENCODING <zset>", "COPY <zset> <zset> REPLACE", "RENAME <zset> <zset>", "DEL <zset>",
	} {
		ts = append(ts, template{words: words})
	}
	// A packed set is shown in order, but a large one is not.
	for _, words := range []string{"ZSCAN <zset> 0 COUNT 10000", "ZSCAN <zset> 0 COUNT 10000 MATCH <pattern>"} {
		ts = append(ts, template{words, how{sort: true}})
	}
	return append(ts, template{"ZRANDMEMBER <zset>", how{kind: true}})
}

func (g *generator) zsetWord(name string) []string {
	switch name {
	case "<zrangeopt>":
		switch g.r.IntN(6) {
		case 0, 1:
			return []string{"LIMIT", g.one("<rank>"), g.one("<rank>")}
		default:
			return []string{g.pick("REV", "WITHSCORES", "withscores", "BYSCORE")}
		}
	case "<zcombineopt>":
		return []string{"AGGREGATE", g.pick("SUM", "MIN", "MAX", "sum")}
	}
	return []string{g.zsetOne(name)}
}

func (g *generator) zsetOne(name string) string {
	switch name {
	case "<zset>":
		return g.pick("z1", "z2", "z3", "z4")
	case "<lexset>":
		return g.pick("zl1", "zl2")
	case "<zmember>":
		return g.pick("a", "b", "c", "ab", "member:1", "member:2", "1", "2", "-1", "", "007", "9223372036854775807", strconv.Itoa(g.r.IntN(200)))
	case "<score>":
		return g.pick("0", "1", "-1", "2", "1.5", "0.1", "-0.25", "1e3", "3.0", "inf", "-inf", "100000000000000000", "4503599627370497", strconv.Itoa(g.r.IntN(20)))
	case "<bound>":
		return g.pick("", "", "(") + g.pick("-inf", "+inf", "0", "1", "2", "-1", "1.5", "3", strconv.Itoa(g.r.IntN(20)))
	case "<lex>":
		return g.pick("-", "+", "[a", "(a", "[b", "(ab", "[1", "(member:2", "[", "(", "[~", "x")
	case "<rank>":
		return strconv.Itoa(g.r.IntN(24) - 8)
	case "<zaddopt>":
		return g.pick("NX", "XX", "GT", "LT", "CH", "INCR", "nx", "ch")
	case "<minmax>":
		return g.pick("MIN", "MAX", "min")
	}
	panic("no such placeholder: " + name)
}
