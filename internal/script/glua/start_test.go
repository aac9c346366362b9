package glua

import (
	"runtime"
	"testing"
)

// TestStartBytes compares what an interpreter is counted with and what it takes.
func TestStartBytes(t *testing.T) {
	measure := func() uint64 {
		runtime.GC() // twice, as what is pooled outlives the first
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := measure()
	const n = 20
	var kept [n]*machine
	for i := range kept {
		kept[i] = newMachine(new(limiter), Options{Version: "7.0.15"}, false)
	}
	each := int64(measure()-before) / n
	runtime.KeepAlive(kept)
	t.Logf("an interpreter takes %d bytes", each)
	if each > 2*startBytes || each < startBytes/2 {
		t.Errorf("an interpreter takes %d bytes, and is counted with %d", each, startBytes)
	}
}
