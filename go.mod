module github.com/redstart-db/redstart

go 1.26.0

require (
	// Client used by the example and by the end-to-end tests.
	github.com/redis/go-redis/v9 v9.23.0
	// The interpreter of scripts.
	github.com/yuin/gopher-lua v1.1.2
	// Finds goroutines that outlive their owner, in tests.
	go.uber.org/goleak v1.3.0
	// epoll, mmap and socket options beyond the frozen syscall package; what the processor can.
	golang.org/x/sys v0.49.0
	// Property tests with shrinking, for the arena, the table and the codecs.
	pgregory.net/rapid v1.3.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
)
