package config

// ParseMemory reads a number of bytes as directives have it: digits and an optional
// unit, in any case. k, m and g count in thousands, kb, mb and gb in 1024. ok is
// false for anything else, and for what exceeds 64 bits.
func ParseMemory(s string) (bytes uint64, ok bool) { return parseMemory(s) }
