// Package aof is the append only file in the format of Redis 7: a folder with a
// base, increments that go on where it ends, and a manifest that names them in
// order.
//
//	appendonlydir/appendonly.aof.manifest      which files count, in order
//	appendonlydir/appendonly.aof.2.base.rdb    all data at one moment (or .aof: as commands)
//	appendonlydir/appendonly.aof.3.incr.aof    the commands since then
//
// [Log] receives effects from the oplog and brings them to the last increment;
// [Load] reads a folder back; [Check] is the tool that looks at one. What the
// commands mean is known to others: this package knows their bytes only.
package aof
