package config

import "github.com/redstart-db/redstart/internal/words"

// splitWords splits a line of redis.conf into words. It reports false for quotes
// that do not close, or that close in the middle of a word.
func splitWords(line string) ([]string, bool) {
	list, ok := words.Split([]byte(line))
	if !ok {
		return nil, false
	}
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out, true
}

func quoted(s string) string { return string(words.AppendQuoted(nil, s)) }
