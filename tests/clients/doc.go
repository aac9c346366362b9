// Package clients runs common clients against Redstart: go-redis, redis-py,
// redis-cli and redis-benchmark. They use commands, and sequences of them, that
// no test of single commands thinks of.
//
// REDSTART_BIN=$(which redis-server) checks that the tests themselves are sound.
package clients
