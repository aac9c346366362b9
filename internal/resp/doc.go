// Package resp reads and writes the protocol between clients and the server,
// RESP2 and RESP3.
//
// A server uses a Parser for requests and the Append functions for replies. Both
// are pure functions over bytes that the caller owns: no input or output happens
// here, and nothing is allocated per command. ReadValue is the other side, for
// tests, tools and in-process clients; it trades speed for plain values.
//
// Limits, error texts and the treatment of line ends are those of redis-server
// 7.0. The format: https://redis.io/docs/latest/develop/reference/protocol-spec/
package resp
