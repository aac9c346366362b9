package store

import (
	"reflect"
	"testing"
	"unsafe"
)

// TestEntryFitsRegisters guards what the compiler's limit for values in registers is:
// four words, and four fields in each structure.
func TestEntryFitsRegisters(t *testing.T) {
	if got := unsafe.Sizeof(Entry{}); got > 4*unsafe.Sizeof(uintptr(0)) {
		t.Errorf("an Entry has %d bytes", got)
	}
	if n := reflect.TypeFor[Entry]().NumField(); n > 4 {
		t.Errorf("an Entry has %d fields", n)
	}
}
