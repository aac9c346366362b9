package diff

// hashTemplates are the commands on hashes, over keys that few other commands use.
// Fields are few, so that they meet; most hashes stay small enough to be packed.
func hashTemplates() (ts []template) {
	for _, words := range []string{
		"HSET <hash> <hfield> <value>", "HSET <hash> <hfield> <int>", "HSET <hash> <hfield> <value> <hfield> <int>",
		"HSET <hash> <hfield> <value> <hfield> <value> <hfield> <value>", "HMSET <hash> <hfield> <int> <hfield> <value>",
		"HSET <hash> <value> <value>", "HSET <hash> <hfield> <hlong>", "HSETNX <hash> <hfield> <value>", "HSETNX <hash> <hfield> <hlong>",
		"HGET <hash> <hfield>", "HMGET <hash> <hfield> <hfield> <int>", "HLEN <hash>", "HSTRLEN <hash> <hfield>",
		"HEXISTS <hash> <hfield>", "HDEL <hash> <hfield>", "HDEL <hash> <hfield> <hfield> <hfield> <hfield>",
		"HINCRBY <hash> <hfield> <int>", "HINCRBYFLOAT <hash> <hfield> <float>", "HGET <key> <hfield>",
		"COPY <hash> <hash> REPLACE", "RENAME <hash> <hash>", "EXPIRE <hash> <seconds>", "OBJECT ENCODING <hash>", "DEL <hash>",
	} {
		ts = append(ts, template{words: words})
	}
	for _, words := range []string{"HGETALL <hash>", "HKEYS <hash>", "HVALS <hash>", "HGETALL <key>"} {
		ts = append(ts, template{words, how{sort: true}})
	}
	return ts
}

func (g *generator) hashWord(name string) string {
	switch name {
	case "<hash>":
		return g.pick("h1", "h2", "h3", "h4", "b")
	case "<hfield>":
		return g.pick("f", "g", "field:1", "field:2", "1", "2", "-1", "", "007", "9223372036854775807", "name", "email", "age", "x y")
	case "<hlong>":
		return string(make([]byte, 50+g.r.IntN(40)))
	}
	panic("no such placeholder: " + name)
}
