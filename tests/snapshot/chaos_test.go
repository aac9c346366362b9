package snapshot

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// templates are commands: K is a key that has most commands of one type, V a value, M one
// of many members, N a number, D a database, I an ID.
var templates = []string{
	"SET K V", "SET K V EX 5000", "SET K N", "APPEND K V", "SETRANGE K 90 V", "INCR K", "GETDEL K", "DEL K", "UNLINK K", "EXPIRE K 5000", "PERSIST K",
	"RENAME K K", "COPY K K REPLACE", "COPY K K DB D REPLACE", "MOVE K D", "SELECT D", "SELECT D", "SWAPDB D D", "FLUSHDB ASYNC", "FLUSHDB", "BITOP XOR K K K",
	"HSET K M V M V M N M V", "HSET K M V M V M N M V", "HDEL K M M", "HINCRBY K M 3", "HPEXPIRE K 5000000 FIELDS 2 M M", "HPERSIST K FIELDS 1 M",
	"RPUSH K V M M N M V", "LPUSH K M V M N", "LPOP K 3", "RPOP K", "LTRIM K 3 -3", "LSET K 30 V", "LINSERT K BEFORE M V", "LREM K 3 M", "LMOVE K K LEFT RIGHT",
	"SADD K M M M M M N", "SADD K M M M M M N", "SREM K M M", "SPOP K 2", "SMOVE K K M", "SUNIONSTORE K K K", "SDIFFSTORE K K K",
	"ZADD K N M N M N M N M", "ZADD K N M N M N M N M", "ZINCRBY K 3 M", "ZREM K M M", "ZPOPMIN K 2", "ZREMRANGEBYRANK K 5 9", "ZUNIONSTORE K 2 K K",
	"XADD K * M V", "XADD K * M V M V", "XADD K MAXLEN ~ 3000 * M V", "XTRIM K MAXLEN 2000", "XGROUP CREATE K g 0 MKSTREAM",
	"XREADGROUP GROUP g M COUNT 5 STREAMS K >", "XAUTOCLAIM K g c 0 0 COUNT 3", "XGROUP DESTROY K g",
	"PFADD K M M", "PFCOUNT K", "PFMERGE K K",
}

// rare are the first words of commands after which there is much less.
var rare = map[string]int{"FLUSHDB": 3000, "SWAPDB": 20, "DEL": 40, "UNLINK": 40, "RENAME": 40, "COPY": 20, "MOVE": 20, "SDIFFSTORE": 30, "SUNIONSTORE": 30, "ZUNIONSTORE": 30, "LTRIM": 5, "XTRIM": 10}

func command(rnd *rand.Rand) []string {
	line := templates[rnd.IntN(len(templates))]
	words := strings.Fields(line)
	if n := rare[words[0]]; n > 0 && rnd.IntN(n) > 0 {
		return command(rnd)
	}
	kind := words[0][:1]
	for i, w := range words[1:] {
		switch w {
		case "K":
			if rnd.IntN(200) == 0 {
				kind = string("HLRSZX"[rnd.IntN(6)])
			}
			n := rnd.IntN(6)
			if kind == "S" && rnd.IntN(2) == 0 {
				n = rnd.IntN(20000) // mostly strings
			}
			w = fmt.Sprintf("%s:%d", kind, n)
		case "V":
			w = strings.Repeat(string(rune('a'+rnd.IntN(26))), 1+rnd.IntN(10)*rnd.IntN(20))
			if rnd.IntN(300) == 0 {
				w = strings.Repeat(w, 300)
			}
		case "M":
			w = "member:" + strconv.Itoa(rnd.IntN(30000))
		case "N":
			w = strconv.Itoa(rnd.IntN(100000))
		case "D":
			w = strconv.Itoa(rnd.IntN(3))
		}
		words[i+1] = w
	}
	return words
}

// write sends random commands until stop is closed.
func write(srv *peer.Server, rnd *rand.Rand, stop chan struct{}) error {
	c, err := peer.Dial(srv.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		const batch = 20
		for range batch {
			if err := c.Send(command(rnd)...); err != nil {
				return err
			}
		}
		for range batch {
			if _, err := c.Read(); err != nil {
				return err
			}
		}
	}
}

// What a background save writes is what there was when BGSAVE was executed, whatever
// others write meanwhile. For the digest of that moment they are paused, as BGSAVE within a
// transaction begins only later; they go on as soon as the save has begun.
func TestSaveIsOfOneMoment(t *testing.T) {
	seed := peer.Seed(t)
	srv := peer.StartRedstart(t, peer.Options{Args: []string{"--enable-debug-command", "yes", "--redstart-loops", "2"}})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := write(srv, rand.New(rand.NewPCG(seed, uint64(n))), stop); err != nil && err != io.EOF {
				t.Error(err)
			}
		}()
	}
	admin := srv.Dial(t)
	admin.SetWait(time.Minute)
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		time.Sleep(500 * time.Millisecond)
		admin.Must(t, "CLIENT", "PAUSE", "60000", "WRITE")
		want := string(admin.Must(t, "DEBUG", "DIGEST").Str)
		admin.Must(t, "BGSAVE")
		admin.Must(t, "CLIENT", "UNPAUSE")
		awaitSave(t, admin)
		compare(t, filepath.Join(srv.Dir, "dump.rdb"), want)
	}
	close(stop)
	wg.Wait()
}

func awaitSave(t *testing.T, c *peer.Conn) {
	t.Helper()
	for {
		info := string(c.Must(t, "INFO", "persistence").Str)
		if strings.Contains(info, "rdb_bgsave_in_progress:0") {
			if !strings.Contains(info, "rdb_last_bgsave_status:ok") {
				t.Fatal("the save has failed")
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// compare loads a file into another instance, and compares its digest.
func compare(t *testing.T, file, want string) {
	t.Helper()
	dir := t.TempDir()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	second := peer.StartRedstart(t, peer.Options{Dir: dir, Args: []string{"--enable-debug-command", "yes"}})
	c := second.Dial(t)
	c.SetWait(time.Minute)
	got := string(c.Must(t, "DEBUG", "DIGEST").Str)
	t.Logf("%d bytes, %v keys", len(b), c.Must(t, "DBSIZE"))
	if got != want {
		t.Fatalf("a file of %d bytes has the digest %s, the data had %s", len(b), got, want)
	}
	second.Stop()
}
