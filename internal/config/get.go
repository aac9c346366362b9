package config

import "strings"

// Get returns the directives that match any of the patterns, each once, with
// their values. A pattern without wildcards is a name, in any case, and comes
// back as it was written; names that do not exist are left out. match is the
// glob matcher; it gets the pattern and a lower-case name.
func (c *Config) Get(patterns []string, match func(pattern, name string) bool) [][2]string {
	var pairs [][2]string
	seen := make(map[string]bool)
	add := func(shown, name string, i int) {
		if !seen[name] {
			seen[name] = true
			pairs = append(pairs, [2]string{shown, table[i].value(c, i)})
		}
	}
	for _, p := range patterns {
		if strings.ContainsAny(p, "[*?") {
			p = strings.ToLower(p)
			eachShown(func(name string, i int) {
				if match(p, name) {
					add(name, name, i)
				}
			})
			continue
		}
		if i, d := lookup(p); d != nil && d.flags&fileOnly == 0 {
			add(p, strings.ToLower(p), i)
		}
	}
	return pairs
}

// eachShown calls f for every name that patterns may find.
func eachShown(f func(name string, i int)) {
	for i := range table {
		if table[i].flags&(hidden|fileOnly) != 0 {
			continue
		}
		f(table[i].name, i)
		if table[i].alias != "" {
			f(table[i].alias, i)
		}
	}
}

// Value returns a directive as CONFIG GET shows it.
func (c *Config) Value(name string) (string, bool) {
	i, d := lookup(name)
	if d == nil || d.flags&fileOnly != 0 {
		return "", false
	}
	return d.value(c, i), true
}
