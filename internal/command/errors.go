package command

import "bytes"

// Errors that more than one command gives, as clients see them behind "-".
const (
	ErrSyntax       = "ERR syntax error"
	ErrWrongType    = "WRONGTYPE Operation against a key holding the wrong kind of value"
	ErrNotInteger   = "ERR value is not an integer or out of range"
	ErrOutOfRange   = "ERR value is out of range"
	ErrPositive     = "ERR value is out of range, must be positive"
	ErrNotFloat     = "ERR value is not a valid float"
	ErrNoKey        = "ERR no such key"
	ErrNoSuchKey    = ErrNoKey
	ErrIndexRange   = "ERR index out of range"
	ErrDBIndex      = "ERR DB index is out of range"
	ErrSameObject   = "ERR source and destination objects are the same"
	ErrBitOffset    = "ERR bit offset is not an integer or out of range"
	ErrBitValue     = "ERR bit is not an integer or out of range"
	ErrOverflow     = "ERR increment or decrement would overflow"
	ErrNaNOrInf     = "ERR increment would produce NaN or Infinity"
	ErrTooLong      = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	ErrOffsetRange  = "ERR offset is out of range"
	ErrNoAuth       = "NOAUTH Authentication required."
	ErrWrongPass    = "WRONGPASS invalid username-password pair or user is disabled."
	ErrOOM          = "OOM command not allowed when used memory > 'maxmemory'."
	ErrArena        = "OOM the memory of this shard is exhausted"
	ErrAppendFile   = "MISCONF Errors writing to the AOF file: " // and the reason
	ErrLoading      = "LOADING Redis is loading the dataset in memory"
	ErrReadOnly     = "READONLY You can't write against a read only replica."
	ErrMasterDown   = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
	ErrShutdown     = "ERR Errors trying to SHUTDOWN. Check logs."
	ErrNoReplicas   = "NOREPLICAS Not enough good replicas to write."
	ErrExecAbort    = "EXECABORT Transaction discarded because of previous errors."
	ErrBusyKey      = "BUSYKEY Target key name already exists."
	ErrBadDump      = "ERR DUMP payload version or checksum are wrong"
	ErrBadFormat    = "ERR Bad data format"
	ErrNestedMulti  = "ERR MULTI calls can not be nested"
	ErrNoMultiExec  = "ERR EXEC without MULTI"
	ErrNoMultiDisc  = "ERR DISCARD without MULTI"
	ErrWatchInMulti = "ERR WATCH inside MULTI is not allowed"
	ErrNotInMulti   = "ERR Command not allowed inside a transaction"
	ErrSampleSize   = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	ErrNotInt32     = "ERR value is out of range, value must between -2147483648 and 2147483647"
)

// Printed gives what of an argument goes into an error: at most n bytes, and none from a zero
// on. It is part of b.
func Printed(b []byte, n int) []byte {
	b = b[:min(len(b), n)]
	if zero := bytes.IndexByte(b, 0); zero >= 0 {
		b = b[:zero]
	}
	return b
}

// PrintedAll is Printed of an argument of any length.
func PrintedAll(b []byte) string { return string(Printed(b, len(b))) }

// PrintedLast is PrintedAll of an argument that an error ends with, where Redis leaves out line
// ends that it has at its end.
func PrintedLast(b []byte) string { return string(bytes.TrimRight(Printed(b, len(b)), "\r\n")) }

// WrongArity is the error of a command that got too few or too many arguments.
func WrongArity(name string) string {
	return "ERR wrong number of arguments for '" + name + "' command"
}
