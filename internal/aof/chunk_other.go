//go:build !unix

package aof

// Elsewhere chunks are on the Go heap.

func mapChunk(n int) []byte { return make([]byte, 0, n) }

func unmapChunk([]byte) {}
