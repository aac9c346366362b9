// Package proctitle changes what ps shows of this process.
package proctitle

import "strings"

// Expand puts values in the place of {names} in a template. What has no value
// becomes nothing.
func Expand(template string, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok {
			return strings.TrimRight(b.String(), " ")
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return strings.TrimRight(b.String(), " ")
		}
		b.WriteString(values[name])
		template = after
	}
}
