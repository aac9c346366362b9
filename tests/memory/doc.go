// Package memory compares what the server says it uses with what the system says is
// resident, while it is filled, emptied, limited and saved.
package memory
