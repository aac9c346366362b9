// Package expiry measures how late keys go after their deadlines while the
// server is busy, from outside and as INFO tells it.
package expiry
