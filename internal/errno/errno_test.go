package errno

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

func TestText(t *testing.T) {
	full := fmt.Errorf("saving: %w", &fs.PathError{Op: "write", Path: "dump.rdb", Err: syscall.ENOSPC})
	for err, want := range map[error]string{full: "No space left on device", errors.New("other"): "other"} {
		if got := Text(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
