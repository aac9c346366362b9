package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The pages in docs/ must say what the code says.
func TestPagesAreCurrent(t *testing.T) {
	pages, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("docs/%s is out of date: run make docs", name)
		}
	}
}
