package config

import "testing"

func TestDefault(t *testing.T) {
	c := Default()
	if c.Port != 6379 || c.MaxMemoryPolicy != NoEviction {
		t.Fatal(c.Port, c.MaxMemoryPolicy)
	}
	for i := range table {
		d := &table[i]
		if d.typ.kind == kindDir {
			continue
		}
		if got := d.value(c, i); got != d.def {
			t.Errorf("%s is %q at the start, its default is %q", d.name, got, d.def)
		}
	}
}
