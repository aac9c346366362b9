package aof

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/vfs"
)

// loadOne loads an increment with the given contents; it gives the data, what is left
// of the file, and the error.
func loadOne(t *testing.T, contents string, change func(*Settings)) (map[string]string, string, error) {
	t.Helper()
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "aof"), 0o755)
	put(t, filepath.Join(dir, "aof"), map[string]string{
		"appendonly.aof.1.incr.aof": contents,
		"appendonly.aof.manifest":   "file appendonly.aof.1.incr.aof seq 1 type i\n",
	})
	in := open(t, vfs.OS{}, dir, No, change)
	defer in.a.Close()
	err := in.a.ReadManifest()
	if err == nil {
		_, err = in.a.Load(&in.data, new(stats.Progress))
	}
	left, _ := os.ReadFile(filepath.Join(dir, "aof", "appendonly.aof.1.incr.aof"))
	return in.data.keys, string(left), err
}

func TestCutTailIsRepaired(t *testing.T) {
	whole := cmd("SET", "a", "1") + cmd("SET", "b", "2")
	multi := cmd("MULTI") + cmd("SET", "c", "3") + cmd("EXEC")
	for cut := range len(multi) {
		keys, left, err := loadOne(t, whole+multi[:cut], nil)
		if err != nil || left != whole || len(keys) != 2 && cut < len(cmd("MULTI")+cmd("SET", "c", "3")) {
			t.Errorf("cut at %d: %v, %d bytes left, %v", cut, err, len(left), keys)
		}
		if cut == 0 {
			continue
		}
		_, left, err = loadOne(t, whole+multi[:cut], func(s *Settings) { s.LoadCut = false })
		if err == nil || !strings.Contains(err.Error(), "Unexpected end of file") || left != whole+multi[:cut] {
			t.Errorf("cut at %d, not to be repaired: %v, %d bytes left", cut, err, len(left))
		}
	}
	if keys, left, err := loadOne(t, whole+multi, nil); err != nil || left != whole+multi || len(keys) != 3 {
		t.Errorf("whole: %v, %d bytes left, %v", err, len(left), keys)
	}
}

func TestDamagedMiddleStopsTheStart(t *testing.T) {
	set := cmd("SET", "a", "12345")
	tail := strings.Repeat(cmd("SET", "b", "2"), 5)
	for _, damaged := range []string{
		"!!!",
		strings.Replace(set, "$5", "$500", 1),
		strings.Replace(set, "$5", "$5000000", 1),
		strings.Replace(set, "*3", "*30", 1),
		strings.Replace(set, "*3", "*3000000", 1),
		strings.Replace(set, "$5", "$", 1),
		strings.Replace(set, "*3", "*-1", 1),
		"*0\r\n",
		"SET a b\r\n",
		cmd("WHAT"),
	} {
		contents := set + damaged + tail
		_, left, err := loadOne(t, contents, nil)
		if err == nil || left != contents {
			t.Errorf("%q: %v, %d of %d bytes left", damaged, err, len(left), len(contents))
		}
	}
}

func TestAnnotations(t *testing.T) {
	contents := "#TS:1628217470\r\n" + cmd("SET", "a", "1") + "#what else\r\n" + cmd("SET", "b", "2") + "#TS:1628217472\r\n"
	if keys, _, err := loadOne(t, contents, nil); err != nil || len(keys) != 2 {
		t.Errorf("%v, %v", keys, err)
	}
}

func TestManifestText(t *testing.T) {
	text := "file appendonly.aof.2.base.rdb seq 2 type b\nfile \"a b\\n.aof\" seq 1 type h\nfile appendonly.aof.3.incr.aof seq 3 type i\n"
	m, err := ParseManifest([]byte("# a comment\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(m.Append(nil)); got != text {
		t.Errorf("got %q", got)
	}
	if name := m.nextIncr("x"); name != "x.4.incr.aof" {
		t.Errorf("the next increment is %s", name)
	}
	if name := m.nextBase("x", true); name != "x.3.base.rdb" {
		t.Errorf("the next base is %s", name)
	}
	for bad, want := range map[string]error{
		"":                         errEmpty,
		"\n":                       errFormat,
		"x\n":                      errFormat,
		"file a seq 0 type b\n":    errFormat,
		"file a seq x type b\n":    errFormat,
		"file a seq 1 type b x\n":  errFormat,
		"file ../a seq 1 type b\n": errPath,
		"file .. seq 1 type b\n":   errPath,
		"file a seq 1 type x\n":    errKind,
		"file a seq 1 type b\nfile b seq 2 type b\n":              errTwoBases,
		"file a seq 2 type i\nfile b seq 2 type i\n":              errMonotonic,
		"file " + strings.Repeat("a", 2000) + " seq 1":            errLong,
		"file " + strings.Repeat("\xb6", 300) + " seq 1 type b\n": errLong, // when it is written
	} {
		if _, err := ParseManifest([]byte(bad)); !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", bad, err, want)
		}
	}
}

// FuzzManifest wants what is taken to be written and read again as it is.
func FuzzManifest(f *testing.F) {
	f.Add([]byte("file appendonly.aof.1.base.rdb seq 1 type b\nfile \"x\\x00y\" seq 1 type i\n"))
	f.Add([]byte("file " + strings.Repeat("\xb6", 300) + " seq 1 type b\n"))
	f.Add([]byte("#\nfile a seq 9223372036854775806 type i k v\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		text := m.Append(nil)
		if len(text) == 0 {
			return // comments alone
		}
		again, err := ParseManifest(text)
		if err != nil {
			t.Fatalf("%q became %q: %v", b, text, err)
		}
		if string(again.Append(nil)) != string(text) {
			t.Fatalf("%q became %q", text, again.Append(nil))
		}
	})
}

// FuzzScanner wants the same commands however a file is read, and those that were
// read whole to be in it as they are.
func FuzzScanner(f *testing.F) {
	f.Add([]byte(cmd("SET", "a", "1")+"#TS:1\r\n"+cmd("MULTI")), uint16(3))
	f.Add([]byte("*1\r\n$1000000000\r\nx"), uint16(1))
	f.Add([]byte("*1000000000\r\n$1\r\nx\r\n"), uint16(7))
	f.Fuzz(func(t *testing.T, b []byte, step uint16) {
		a, ends, err1 := scanAll(strings.NewReader(string(b)))
		c, _, err2 := scanAll(&slow{b: b, n: int(step)%64 + 1})
		if strings.Join(a, "|") != strings.Join(c, "|") || !errors.Is(err1, err2) {
			t.Fatalf("%q, %v and %q, %v", a, err1, c, err2)
		}
		if len(ends) > 0 && ends[len(ends)-1] > int64(len(b)) {
			t.Fatalf("a command ends at %d of %d", ends[len(ends)-1], len(b))
		}
	})
}

func scanAll(r io.Reader) (all []string, ends []int64, err error) {
	s := NewScanner(r, 0)
	var p Piece
	for {
		err := s.Next(&p)
		for _, c := range p.Cmds {
			var words []string
			for _, w := range c {
				words = append(words, string(w))
			}
			all = append(all, strings.Join(words, "\x00"))
		}
		ends = append(ends, p.Ends...)
		if err != nil {
			return all, ends, err
		}
		if len(all) > math.MaxInt16 {
			return all, ends, nil
		}
	}
}

// slow gives a few bytes at a time.
type slow struct {
	b []byte
	n int
}

func (s *slow) Read(b []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.b[:min(s.n, len(s.b))])
	s.b = s.b[n:]
	return n, nil
}
