// Package snapshot has everybody write while a server saves, and compares what the files
// hold with what there was.
package snapshot
