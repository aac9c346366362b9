// Package blocking tests commands that wait for a key: who is served, when, in
// which order and by what. The same expectations hold for redis-server 7.0.15,
// where they come from, and for Redstart.
package blocking
