package node

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
)

func TestDefragEffort(t *testing.T) {
	l := defragLimits{lower: 10, upper: 60, ignore: 1000, least: 5, most: 25}
	for _, c := range []struct {
		live, holes uint64
		want        int
	}{
		{0, 5000, 0},       // nothing to move
		{2000, 999, 0},     // fewer bytes than matter
		{100_000, 9000, 0}, // fewer percent
		{10_000, 1000, 5},
		{10_000, 3500, 15},
		{10_000, 6000, 25},
		{1000, 90_000, 25},
	} {
		if got := l.effort(fragmentation{c.live, c.holes}); got != c.want {
			t.Errorf("%d holes beside %d live: effort %d, want %d", c.holes, c.live, got, c.want)
		}
	}
}

func (k *talk) number(field string) int {
	k.t.Helper()
	n, err := strconv.Atoi(k.info(field))
	if err != nil {
		k.t.Fatalf("INFO %s: %v", field, err)
	}
	return n
}

// holed fills the server and leaves a quarter of it, scattered.
func (k *talk) holed() {
	k.t.Helper()
	value := strings.Repeat("v", 200)
	var all, gone []string
	for i := range 40_000 {
		all = append(all, fmt.Sprint("key:", i), value)
		if i%4 != 0 {
			gone = append(gone, fmt.Sprint("key:", i))
		}
	}
	k.want("+OK", append([]string{"MSET"}, all...)...)
	k.want(strconv.Itoa(len(gone)), append([]string{"DEL"}, gone...)...)
	for i := range 20_000 { // one large value of each kind
		m := fmt.Sprint("member:", i)
		k.do("HSET", "hash", m, value[:50])
		k.do("ZADD", "zset", strconv.Itoa(i), m)
		k.do("RPUSH", "list", value[:50])
	}
}

// Defragmentation begins above both thresholds and while it is turned on, and then ends
// with few holes and with all data in place.
func TestActiveDefrag(t *testing.T) {
	k := newTalk(t, func(c *config.Config) { c.ActiveDefragIgnoreBytes = 1 << 30 })
	k.holed()
	digest := k.do("DEBUG", "DIGEST").String()
	before := k.number("allocator_active") - k.number("allocator_allocated")
	idle := func(why string) {
		t.Helper()
		time.Sleep(defragEvery + 5*expireTick)
		k.wantInfo("0", "active_defrag_running", "active_defrag_hits", "active_defrag_key_hits", "total_active_defrag_time")
		if t.Failed() {
			t.Fatal(why)
		}
	}
	idle("turned off")
	k.want("+OK", "CONFIG", "SET", "activedefrag", "yes")
	idle("fewer bytes than matter")
	k.want("+OK", "CONFIG", "SET", "active-defrag-ignore-bytes", "100kb", "active-defrag-threshold-lower", "900", "active-defrag-threshold-upper", "1000")
	idle("fewer percent than matter")
	k.want("+OK", "CONFIG", "SET", "active-defrag-threshold-lower", "10", "active-defrag-cycle-min", "50", "active-defrag-cycle-max", "75", "active-defrag-max-scan-fields", "100")
	end := time.Now().Add(time.Minute)
	for k.number("active_defrag_hits") == 0 || k.number("active_defrag_running") > 0 {
		if e := k.number("active_defrag_running"); e > 75 {
			t.Errorf("it takes %d%% of a processor", e)
		}
		if time.Now().After(end) {
			t.Fatal("it does not end")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if after := k.number("allocator_active") - k.number("allocator_allocated"); after > before/2 {
		t.Errorf("%d bytes of holes before, %d after", before, after)
	}
	for _, f := range []string{"active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses"} {
		if k.number(f) == 0 {
			t.Errorf("%s is 0", f)
		}
	}
	k.wantInfo("0", "current_active_defrag_time")
	k.want(digest, "DEBUG", "DIGEST")
	k.want("+OK", "CONFIG", "RESETSTAT")
	k.wantInfo("0", "active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time")
}
