// Package script says what an interpreter of scripts is, and what it asks of the
// server. The interpreters are in the packages below.
package script

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
)

// Host is the server as a running script sees it. All calls come from the goroutine
// that runs the script.
type Host interface {
	// Call runs a command and gives its reply in RESP, which is valid until the
	// next call. The arguments are borrowed until it returns. An error reply comes
	// with its text in full, "ERR ..." and so on.
	Call(args [][]byte) (reply []byte)
	// Poll is called now and then. A text ends the script with that error, and
	// with the same at every step from then on, whatever the script catches.
	Poll() string
	// SetProto chooses the protocol, 2 or 3, of the replies that Call gives.
	SetProto(proto int)
	// CheckACL tells whether the user may run a command; ok is false when there
	// is no such command.
	CheckACL(args [][]byte) (allowed, ok bool)
	// Log writes to the server's log; level is 0 (debug) to 3 (warning).
	Log(level int, msg string)
}

// Engine runs scripts, one at a time. None of its methods may be called while
// another runs, but for Used.
type Engine interface {
	// Compile makes a script of its source. name is what errors call the source.
	// The error is the text for the client.
	Compile(src string, name string) (Script, error)
	// Eval runs a script and appends its reply to dst.
	Eval(dst []byte, s Script, c *Call) ([]byte, *Error)
	// Load runs the source of a library and gives the functions that it
	// registers.
	Load(src string, h Host) ([]Function, error)
	// Invoke runs a function of a library and appends its reply to dst.
	Invoke(dst []byte, f Func, c *Call) ([]byte, *Error)
	// Flush forgets everything that scripts, or functions, have left.
	Flush()
	// Used is an estimate of the memory of the interpreter in bytes.
	Used() int64
	Close()
}

// Script is a compiled script of an engine, and Func a function of a library.
type (
	Script any
	Func   any
)

// Function is what a library registers.
type Function struct {
	Name, Description string
	Flags             Flags
	Func              Func
}

// Call is one run of a script.
type Call struct {
	Host       Host
	Keys, Args [][]byte // borrowed until it ends
	Proto      int      // of the client that gets the reply
	// Counted is set when the reply is an error that a command has given, which has been
	// counted already.
	Counted bool
}

// Error ends a script.
type Error struct {
	Text   string // for the client: code and message, without line ends
	Source string // where it was raised
	Line   int    // 0: unknown
	// Counted tells that the error was a reply to a command, which has been
	// counted already.
	Counted bool
}

// Flags of a script or function.
type Flags uint8

// The flags, as the shebang line names them.
const (
	NoWrites Flags = 1 << iota
	AllowOOM
	AllowStale
	NoCluster
	AllowCrossSlot
	// Plain marks a script without shebang line: nothing is known of it.
	Plain
)

// FlagNames are the names of the flags, in the order of their bits.
func FlagNames() []string {
	return []string{"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"}
}

// FlagNamed gives the flag with a name, in any case.
func FlagNamed(name string) (Flags, bool) {
	for i, n := range FlagNames() {
		if strings.EqualFold(n, name) {
			return 1 << i, true
		}
	}
	return 0, false
}

// SHA is the name of a script: the SHA-1 of its source in hexadecimal.
func SHA(src []byte) string {
	sum := sha1.Sum(src)
	return hex.EncodeToString(sum[:])
}

// BadName is the error of a name of a library or function that is none.
const BadName = "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"

// ValidName tells whether a library or function may be called so.
func ValidName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != ""
}
