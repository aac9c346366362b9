package crash

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/tests/peer"
)

// describe gives the value of a key as text: what has no order is sorted.
func describe(t *testing.T, c *peer.Conn, key string) string {
	t.Helper()
	texts := func(args ...string) (all []string) {
		for _, e := range c.Must(t, args...).Elems {
			all = append(all, string(e.Str))
		}
		return all
	}
	switch kind := string(c.Must(t, "TYPE", key).Str); kind {
	case "none":
		return ""
	case "string":
		return string(c.Must(t, "GET", key).Str)
	case "list":
		return strings.Join(texts("LRANGE", key, "0", "-1"), " ")
	case "set":
		all := texts("SMEMBERS", key)
		slices.Sort(all)
		return strings.Join(all, " ")
	case "zset":
		return pairs(texts("ZRANGE", key, "0", "-1", "WITHSCORES"))
	case "hash":
		return pairs(texts("HGETALL", key))
	default:
		return "a " + kind
	}
}

func pairs(flat []string) string {
	var all []string
	for i := 0; i+1 < len(flat); i += 2 {
		all = append(all, flat[i]+"="+flat[i+1])
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// describe gives what describe is to find.
func (m *model) describe() map[string]string {
	count := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	table := func(of map[string]string) string {
		var flat []string
		for k, v := range of {
			flat = append(flat, k, v)
		}
		return pairs(flat)
	}
	var members []string
	for member := range m.u {
		members = append(members, member)
	}
	slices.Sort(members)
	all := map[string]string{
		"c": count(m.c), "a": strings.Repeat("x", m.a), "l": strings.Join(m.l, " "), "u": strings.Join(members, " "),
		"h": table(m.h), "z": table(m.z),
	}
	for k, v := range m.s {
		all[k] = v
	}
	return all
}
