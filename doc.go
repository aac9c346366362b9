// Package redstart is a Redis-compatible data structure server that runs inside
// a Go program.
//
// An instance opened with [Open] is the whole server, with every command, data
// type and guarantee it has as a program of its own; it only listens nowhere
// unless it is told to:
//
//	db, err := redstart.Open(redstart.Options{})
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//
//	_, err = db.Do(ctx, "SET", "greeting", "hello")
//	s, err := redstart.String(db.Do(ctx, "GET", "greeting"))
//
// # Ways in
//
// There are three, and one instance takes all of them at once:
//
//   - [Server.Do] runs a command where it is called: no connection, no other
//     goroutine. It is the fastest way. [Server.Conn] gives a session of its own
//     for what spans several commands, such as WATCH, MULTI and EXEC.
//   - [Server.Dialer] lets a client library connect inside the process, through
//     memory. For [go-redis] it is the option Dialer. This is the way to run a
//     program's existing code, and to test it, without a server.
//   - [Server.Serve] serves a [net.Listener], for other programs.
//
// # Memory
//
// Keys and values do not live on the Go heap, so the garbage collector neither
// scans nor counts them: GOGC and GOMEMLIMIT do not see them, and
// [Options.MaxMemory] is what bounds them. [Server.Close] gives the memory back.
// What is read is copied out; nothing that this package returns refers to it.
//
// # Concurrency
//
// All methods of a [Server] and a [Conn] may be called by any number of goroutines.
// Commands on different keys run at the same time; each command is atomic, and so
// is everything between MULTI and EXEC.
//
// [go-redis]: https://github.com/redis/go-redis
package redstart
