package diff

import "strconv"

// streamTemplates are the commands on streams, over keys that few other commands
// use. IDs are small, so that they meet. Nothing that depends on the time of a
// delivery is compared.
func streamTemplates() (ts []template) {
	for _, words := range []string{
		"XADD <stream> <newid> <sfields>", "XADD <stream> <newid> <sfields>", "XADD <stream> <newid> <sfields>", "XADD <stream> <newid> <sfields>",
		"XADD <stream> <newid> <sfields>", "XADD <stream> <newid> <sfields> <sfields>", "XADD <stream> <trimopt> <newid> <sfields>",
		"XADD <stream> NOMKSTREAM <trimopt> <newid> <sfields>", "XADD <key> <newid> <sfields>", "XLEN <stream>",
		"XRANGE <stream> <sid> <sid>", "XRANGE <stream> <sid> <sid> COUNT <scount>", "XREVRANGE <stream> <sid> <sid>",
		"XREVRANGE <stream> <sid> <sid> COUNT <scount>", "XDEL <stream> <sid>", "XDEL <stream> <sid> <sid> <sid>",
		"XTRIM <stream> <trimopt>", "XSETID <stream> <sid>", "XSETID <stream> <sid> ENTRIESADDED <scount> MAXDELETEDID <sid>",
		"XREAD STREAMS <stream> <readid>", "XREAD COUNT <scount> STREAMS <stream> <stream> <readid> <readid>", "XREAD STREAMS <stream> $",
		"XGROUP CREATE <stream> <group> <sid>", "XGROUP CREATE <stream> <group> <sid> MKSTREAM", "XGROUP CREATE <stream> <group> $ ENTRIESREAD <scount>",
		"XGROUP SETID <stream> <group> <sid>", "XGROUP SETID <stream> <group> <sid> ENTRIESREAD <scount>", "XGROUP DESTROY <stream> <group>",
		"XGROUP CREATECONSUMER <stream> <group> <consumer>", "XGROUP DELCONSUMER <stream> <group> <consumer>",
		"XREADGROUP GROUP <group> <consumer> COUNT <scount> STREAMS <stream> >", "XREADGROUP GROUP <group> <consumer> STREAMS <stream> >",
		"XREADGROUP GROUP <group> <consumer> NOACK STREAMS <stream> >",
		"XREADGROUP GROUP <group> <consumer> COUNT <scount> STREAMS <stream> <sid>", "XREADGROUP GROUP <group> <consumer> STREAMS <stream> <stream> > >",
		"XACK <stream> <group> <sid>", "XACK <stream> <group> <sid> <sid> <sid> <sid>", "XPENDING <stream> <group>",
		"XCLAIM <stream> <group> <consumer> 0 <sid>", "XCLAIM <stream> <group> <consumer> 0 <sid> <sid> <claimopt> <claimopt>",
		"XCLAIM <stream> <group> <consumer> 1000000 <sid> <claimopt>", "XAUTOCLAIM <stream> <group> <consumer> 0 <sid>",
		"XAUTOCLAIM <stream> <group> <consumer> 0 <sid> COUNT <scount>", "XAUTOCLAIM <stream> <group> <consumer> 0 <sid> JUSTID COUNT <scount>",
		"XINFO STREAM <stream>", "XINFO GROUPS <stream>", "OBJECT ENCODING <stream>", "COPY <stream> <stream> REPLACE",
		"RENAME <stream> <stream>", "DEL <stream>", "CONFIG SET stream-node-max-entries <nodesize>", "CONFIG SET stream-node-max-bytes <nodebytes>",
	} {
		ts = append(ts, template{words: words})
	}
	for _, words := range []string{
		"XPENDING <stream> <group> <sid> <sid> <scount>", "XPENDING <stream> <group> IDLE 0 <sid> <sid> <scount> <consumer>",
		"XINFO CONSUMERS <stream> <group>", "XINFO STREAM <stream> FULL", "XINFO STREAM <stream> FULL COUNT <scount>",
	} {
		ts = append(ts, template{words, how{near: deadlineSlack}})
	}
	return ts
}

func (g *generator) streamWord(name string) []string {
	switch name {
	case "<sfields>":
		switch g.r.IntN(4) {
		case 0:
			return []string{g.value(), g.value()}
		case 1:
			return []string{"name", g.value(), "x", g.integer()}
		}
		return []string{"name", g.integer(), "n", g.pick("1", "200", "abc")}
	case "<trimopt>":
		by, n := "MAXLEN", g.one("<scount>")
		if g.r.IntN(2) == 0 {
			by, n = g.pick("MINID", "minid"), g.one("<sid>")
		}
		switch g.r.IntN(3) {
		case 0:
			return []string{by, n}
		case 1:
			return []string{by, g.pick("=", "~"), n}
		}
		return []string{by, "~", n, "LIMIT", g.one("<scount>")}
	case "<claimopt>":
		switch g.r.IntN(4) {
		case 0:
			return []string{"RETRYCOUNT", g.one("<scount>")}
		case 1:
			return []string{"LASTID", g.one("<sid>")}
		}
		return []string{g.pick("FORCE", "JUSTID")}
	}
	return []string{g.streamOne(name)}
}

func (g *generator) streamOne(name string) string {
	switch name {
	case "<stream>":
		return g.pick("s1", "s2", "s2")
	case "<group>":
		return g.pick("g", "g", "h", "")
	case "<consumer>":
		return g.pick("c", "d", "e")
	case "<scount>":
		return g.pick("0", "1", "2", "5", "20", "100", "-1")
	case "<nodesize>":
		return g.pick("0", "1", "3", "10", "100")
	case "<nodebytes>":
		return g.pick("0", "100", "500", "4096")
	case "<newid>":
		if g.r.IntN(8) == 0 {
			return g.streamOne("<sid>")
		}
		return strconv.Itoa(g.r.IntN(8)*g.r.IntN(40)) + g.pick("-*", "-*", "", "-7", "-300")
	case "<readid>":
		if id := g.streamOne("<sid>"); id != "+" { // which is newer than the reference
			return id
		}
		return "0"
	}
	// <sid>
	switch g.r.IntN(12) {
	case 0:
		return g.pick("-", "+", "0", "$", "0-0", "5-*", "18446744073709551615", "18446744073709551615-18446744073709551614")
	case 1:
		return "(" + strconv.Itoa(g.r.IntN(200)) + "-" + strconv.Itoa(g.r.IntN(5))
	case 2, 3:
		return strconv.Itoa(g.r.IntN(300))
	}
	return strconv.Itoa(g.r.IntN(8)*g.r.IntN(40)) + "-" + strconv.Itoa(g.r.IntN(6))
}
