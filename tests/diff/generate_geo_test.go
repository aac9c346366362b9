package diff

import "strconv"

// geoTemplates are the commands on places. No two places are the same: which of
// those with the same distance COUNT leaves out is up to the server. STOREDIST is
// not here, because the last digit of a distance depends on the C library.
func geoTemplates() (ts []template) {
	for _, words := range []string{
		"GEOADD <geo> <place> <zmember>", "GEOADD <geo> <place> <zmember>", "GEOADD <geo> <place> <zmember> <place> <zmember> <place> <zmember>",
		"GEOADD <geo> <geoaddopt> <place> <zmember>", "GEOADD <geo> <geoaddopt> <geoaddopt> <place> <zmember> <place> <zmember>",
		"GEOPOS <geo> <zmember> <zmember> <zmember>", "GEOHASH <geo> <zmember> <zmember>", "GEODIST <geo> <zmember> <zmember>",
		"GEODIST <geo> <zmember> <zmember> <length>", "GEOSEARCH <geo> <center> <shape>", "GEOSEARCH <geo> <center> <shape> <geoopt>",
		"GEOSEARCH <geo> <center> <shape> <geoopt> <geoopt> <geoopt>", "GEOSEARCHSTORE <geo> <geo> <center> <shape>",
		"GEOSEARCHSTORE <geo> <geo> <center> <shape> <geoopt>", "GEORADIUS <geo> <place> <radius> <length>",
		"GEORADIUS <geo> <place> <radius> <length> <geoopt> <geoopt>", "GEORADIUS <geo> <place> <radius> <length> STORE <geo>",
		"GEORADIUSBYMEMBER <geo> <zmember> <radius> <length> <geoopt>", "GEORADIUSBYMEMBER <geo> <zmember> <radius> <length> STORE <geo>",
		"GEORADIUS_RO <geo> <place> <radius> <length> <geoopt>", "GEORADIUSBYMEMBER_RO <geo> <zmember> <radius> <length> <geoopt>",
		"GEOADD <key> <place> <zmember>", "GEOSEARCH <key> <center> <shape>", "ZRANGE <geo> <rank> <rank> WITHSCORES",
		"ZREM <geo> <zmember>", "DEL <geo>",
	} {
		ts = append(ts, template{words: words})
	}
	return ts
}

func (g *generator) geoWord(name string) []string {
	degrees := func(most float64) string {
		return strconv.FormatFloat((2*g.r.Float64()-1)*most, 'f', -1, 64)
	}
	size := func() string { return strconv.FormatFloat(float64(g.r.IntN(100))*g.r.Float64()*200, 'f', 3, 64) }
	switch name {
	case "<place>":
		if g.r.IntN(3) == 0 {
			return []string{degrees(181), degrees(86)}
		}
		return []string{degrees(30), degrees(30)}
	case "<center>":
		if g.r.IntN(2) == 0 {
			return []string{"FROMMEMBER", g.one("<zmember>")}
		}
		return append([]string{"FROMLONLAT"}, g.geoWord("<place>")...)
	case "<shape>":
		if g.r.IntN(2) == 0 {
			return []string{"BYRADIUS", size(), g.geoWord("<length>")[0]}
		}
		return []string{"BYBOX", size(), size(), g.geoWord("<length>")[0]}
	case "<geoopt>":
		switch g.r.IntN(8) {
		case 0:
			return []string{"COUNT", g.one("<count>")}
		case 1:
			return []string{"COUNT", g.one("<count>"), "ANY"}
		}
		return []string{g.pick("WITHDIST", "WITHCOORD", "WITHHASH", "ASC", "DESC", "asc")}
	case "<geo>":
		return []string{g.pick("g1", "g2", "g3")}
	case "<radius>":
		return []string{size()}
	case "<length>":
		return []string{g.pick("km", "km", "km", "mi", "m", "ft", "KM")}
	case "<geoaddopt>":
		return []string{g.pick("NX", "XX", "CH", "ch")}
	}
	panic("no such placeholder: " + name)
}
