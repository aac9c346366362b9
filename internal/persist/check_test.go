package persist

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/vfs"
)

// soundFile has a bit of everything, and no checksum yet.
func soundFile() []byte {
	b := rdb.AppendFileHeader(nil, 10)
	b = rdb.AppendAux(b, "redis-ver", "7.0.15")
	b = rdb.AppendAux(b, "ctime", "1700000000")
	b = rdb.AppendFunction(b, []byte("#!lua name=lib\nredis.register_function('f', function() return 1 end)"), false)
	b = rdb.AppendResizeDB(rdb.AppendSelectDB(b, 0), 3, 1)
	b = append(rdb.AppendExpire(b, 1<<43), "\x00\x01k\x05value"...)
	b = append(rdb.AppendExpire(b, 1<<33), "\x00\x03old\xc0\x07"...)
	b = append(b, "\x01\x04list\x02\x01a\x01b"...)
	b = append(rdb.AppendSelectDB(b, 9), "\x02\x03set\x02\x01a\x01b"...)
	return append(b, byte(rdb.OpEOF))
}

func summed(b []byte) []byte { return rdb.AppendFileEnd(bytes.Clone(b), rdb.CRC64(0, b)) }

// checkFiles are files with and without faults.
func checkFiles() map[string][]byte {
	b := soundFile()
	head := string(rdb.AppendSelectDB(rdb.AppendFileHeader(nil, 10), 0))
	end := "\xff" + strings.Repeat("\x00", 8)
	sum := summed(b)
	return map[string][]byte{
		"sound":       sum,
		"no sum":      rdb.AppendFileEnd(bytes.Clone(b), 0),
		"wrong sum":   rdb.AppendFileEnd(bytes.Clone(b), 12345),
		"old":         []byte("REDIS0003\xfe\x00\x00\x01a\x01b\xff"),
		"more behind": append(bytes.Clone(sum), "*1\r\n$4\r\nPING\r\n"...),
		"empty":       nil,
		"cut header":  []byte("REDIS"),
		"header":      []byte("REDIS0010"),
		"cut":         sum[:22],
		"cut sum":     sum[:len(sum)-3],
		"no magic":    []byte("RODIS0010" + end),
		"version 0":   []byte("REDIS0000" + end),
		"version 99":  []byte("REDIS0099" + end),
		"type 8":      []byte(head + "\x08\x01a\x01b" + end),
		"type 99":     []byte(head + "\x63\x01a\x01b" + end),
		"twice":       []byte(head + "\x00\x01a\x01b\x00\x01a\x01b" + end),
		"module":      []byte(head + "\x07\x01a\x81\x01\x02\x03\x04\x05\x06\x07\x08\x02\x03\x00" + end),
		"functions":   []byte(head + "\xf6\x01a\x03LUA\x00\x04code" + end),
	}
}

func TestCheckTellsWhatIsWrong(t *testing.T) {
	for name, want := range map[string]string{
		"sound":      "[offset 181] Checksum OK\n[offset 181] \\o/ RDB looks OK! \\o/\n[info] 4 keys read\n[info] 2 expires\n[info] 1 already expired\n",
		"wrong sum":  "--- RDB ERROR DETECTED ---\n[offset 181] RDB CRC error\n[additional info] While doing: check-sum\n",
		"version 99": "[offset 9] Can't handle RDB format version 99\n",
		"type 8":     "[offset 12] Invalid object type: 8\n[additional info] While doing: read-type\n",
	} {
		file := filepath.Join(t.TempDir(), "f.rdb")
		if err := os.WriteFile(file, checkFiles()[name], 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		c := Checker{FS: vfs.OS{}, Out: &out}
		if _, ok := c.File(file); ok != (name == "sound") || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v\n%s", name, ok, &out)
		}
	}
}

// TestCheckAsReference compares what is said with what redis-check-rdb says.
func TestCheckAsReference(t *testing.T) {
	reference, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		t.Skip("redis-check-rdb is not installed")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "f.rdb")
	for name, b := range checkFiles() {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		want, err := exec.Command(reference, file).Output()
		var got bytes.Buffer
		c := Checker{FS: vfs.OS{}, Out: &got}
		_, ok := c.File(file)
		if ok != (err == nil) || got.String() != string(want) {
			t.Errorf("%s: %v, %v\n%s\nwant\n%s", name, ok, err, &got, want)
		}
	}
}
