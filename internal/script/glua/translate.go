package glua

import "strings"

// translate gives errors of this interpreter the words of the C one. Scripts raise errors
// of their own, so only what is such an error from its place to its end is changed.
func translate(s string) string {
	for _, t := range [...]struct {
		begin string
		words func(rest string) string // for what follows; nothing if it is another error
	}{
		{"attempt to call a non-function object", exactly("attempt to call a table value")},
		{"__unm undefined", exactly("attempt to perform arithmetic on a table value")},
		{"lua callstack overflow", exactly("stack overflow")},
		{"callstack overflow", exactly("stack overflow")},
		{"registry overflow", exactly("stack overflow")},
		{"for statement init must be a number", exactly("'for' initial value must be a number")},
		{"for statement limit must be a number", exactly("'for' limit must be a number")},
		{"for statement step must be a number", exactly("'for' step must be a number")},
		{"attempt to index a non-table object(", indexed},
		{"attempt to compare ", compared},
		{"cannot perform ", computed},
	} {
		if i := strings.Index(s, t.begin); i == 0 || i > 0 && strings.HasSuffix(s[:i], ": ") {
			if words := t.words(s[i+len(t.begin):]); words != "" {
				return s[:i] + words
			}
		}
	}
	return s
}

func exactly(words string) func(string) string {
	return func(rest string) string {
		if rest != "" {
			return ""
		}
		return words
	}
}

func isKind(s string) bool {
	switch s {
	case "nil", "boolean", "number", "string", "table", "function", "userdata", "thread":
		return true
	}
	return false
}

// indexed is for `KIND) with key 'K'`.
func indexed(rest string) string {
	kind, key, _ := strings.Cut(rest, ")")
	if !isKind(kind) || !strings.HasPrefix(key, " with key '") {
		return ""
	}
	return "attempt to index a " + kind + " value"
}

// compared is for `KIND with KIND`.
func compared(rest string) string {
	a, b, _ := strings.Cut(rest, " with ")
	if !isKind(a) || a != b {
		return ""
	}
	return "attempt to compare two " + a + " values"
}

// computed is for `add operation between KIND and KIND`.
func computed(rest string) string {
	_, kinds, _ := strings.Cut(rest, " operation between ")
	a, b, _ := strings.Cut(kinds, " and ")
	if !isKind(a) || !isKind(b) {
		return ""
	}
	if a == "number" {
		a = b
	}
	return "attempt to perform arithmetic on a " + a + " value"
}
