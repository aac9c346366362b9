package words

import (
	"fmt"
	"testing"
)

func TestSplit(t *testing.T) {
	words, ok := Split([]byte("  save \"900 1\"\t'x y' \x00 rest"))
	if got := fmt.Sprintf("%q", words); !ok || got != `["save" "900 1" "x y"]` {
		t.Errorf("%s %v", got, ok)
	}
	if _, ok := Split([]byte(`"open`)); ok {
		t.Error("an open quote was accepted")
	}
}
