// Package version says which version this is, and of which Redis it takes the
// place.
package version

// Version is this server's own version.
const Version = "0.1.0"

// RedisVersion is the version of Redis that clients are told: they derive from
// it which commands there are.
const RedisVersion = "7.4.0"
