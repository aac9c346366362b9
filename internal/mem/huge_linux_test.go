//go:build linux && !heaparena

package mem

import "testing"

func TestCollapseKeepsContents(t *testing.T) {
	a, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.NextRegion() != nil {
		t.Fatal("an empty arena has a region")
	}
	var refs []Ref
	for i := range 100_000 {
		r := a.Alloc(88)
		b := a.Bytes(r, 88)
		for j := range b {
			b[j] = byte(i + j)
		}
		refs = append(refs, r)
	}
	regions, collapsed := 0, 0
	for {
		r := a.NextRegion()
		if r == nil {
			break
		}
		regions++
		if err := r.Collapse(); err != nil {
			t.Logf("collapse: %v", err)
		} else {
			collapsed++
		}
	}
	if regions < 3 {
		t.Errorf("%d regions in 8.8 MB", regions)
	}
	t.Logf("%d of %d regions collapsed", collapsed, regions)
	for i, r := range refs {
		for j, x := range a.Bytes(r, 88) {
			if x != byte(i+j) {
				t.Fatalf("block %d changed", i)
			}
		}
		if i%2 == 0 {
			a.Free(r)
		}
	}
	for a.Trim(1<<20) > 0 {
	}
	for i, r := range refs {
		if i%2 == 1 && a.Bytes(r, 88)[5] != byte(i+5) {
			t.Fatalf("block %d changed", i)
		}
	}
}
