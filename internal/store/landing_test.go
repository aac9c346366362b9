package store

import (
	"bytes"
	"testing"
)

// TestLanding stores what has arrived in the shard of its key: the block becomes the value.
func TestLanding(t *testing.T) {
	s := newStore(t, Options{Shards: 1})
	sh := s.Shard(0)
	ks, k := sh.DB(0), s.Key([]byte("k"))
	used := func() uint64 { return sh.Arena().Live() - sh.Landing() }
	before := used()
	first, second := sh.Land(100_000), sh.Land(100_000)
	for _, l := range []*Landing{first, second} {
		for i := range l.Bytes() {
			l.Bytes()[i] = byte(i * 7)
		}
	}
	if used() != before {
		t.Errorf("%d bytes count before they are a value", used()-before)
	}
	e := ks.SetString(k, ks.Find(k), second.Bytes(), 0)
	if !second.Taken() || first.Taken() {
		t.Fatal("the block was not taken, or the other one was")
	}
	var scratch Scratch
	if got := e.Bytes(&scratch); &got[0] != &second.Bytes()[0] || len(got) != 100_000 {
		t.Error("the value is not what has arrived")
	}
	second.End()
	e = ks.SetString(k, ks.Find(k), first.Bytes()[:99_999], 0)
	if got := e.Bytes(&scratch); first.Taken() || !bytes.Equal(got, first.Bytes()[:99_999]) {
		t.Error("a part of what has arrived was not copied")
	}
	s.Flush(0)
	if got := first.Bytes()[99_999]; got != byte(99_999*7%256) {
		t.Error("what arrives was freed when the shard was emptied")
	}
	first.End()
	for sh.Reclaim(1000) {
	}
	if sh.Landing() != 0 || sh.unfinished != 0 || used() > before+4096 {
		t.Errorf("%d bytes are left, %d of them of landings", used(), sh.Landing())
	}
}
