// Package errno words errors of the system as C programs print them, which is how Redis
// does.
package errno

import (
	"errors"
	"strings"
	"syscall"
)

// Text gives the system's words for err, such as "No space left on device", without what
// was done to which file; the whole text if err is none of the system's.
func Text(err error) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	s := no.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}
