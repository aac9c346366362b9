package redstart

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// get wants the value of a key, or its absence with nil.
func get(t *testing.T, s *Server, key string, want Reply) {
	t.Helper()
	if got, err := s.Do(t.Context(), "GET", key); err != nil || got != want {
		t.Errorf("GET %s: %v, %v; want %v", key, got, err, want)
	}
}

func set(t *testing.T, s *Server, key, value string) {
	t.Helper()
	if _, err := s.Do(t.Context(), "SET", key, value); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestDirKeepsTheData(t *testing.T) {
	for name, o := range map[string]Options{
		"snapshot":    {},
		"append only": {Directives: map[string]string{"appendonly": "yes", "appendfsync": "always"}},
		"without preamble": {Directives: map[string]string{
			"appendonly": "yes", "aof-use-rdb-preamble": "no", "save": `""`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Dir = filepath.Join(t.TempDir(), "made", "here")
			for i := range 4 {
				s := open(t, o)
				if i > 0 {
					get(t, s, "k", strings.Repeat("x", i-1))
				}
				set(t, s, "k", strings.Repeat("x", i))
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			got := files(t, o.Dir)
			if strings.Contains(got, "temp") || strings.Contains(got, ".lock") {
				t.Errorf("left: %s", got)
			}
			if want := o.Directives["appendonly"] == "yes"; strings.Contains(got, "appendonly.aof.manifest") != want {
				t.Errorf("there are: %s", got)
			}
			if want := o.Directives["save"] == ""; strings.Contains(got, "dump.rdb") != want {
				t.Errorf("there are: %s", got)
			}
		})
	}
}

func TestDirSavesMeanwhile(t *testing.T) {
	o := Options{Dir: t.TempDir(), Directives: map[string]string{"save": "1 1"}}
	s := open(t, o)
	set(t, s, "k", "v")
	end := time.Now().Add(time.Minute)
	for !strings.Contains(files(t, o.Dir), "dump.rdb") {
		if time.Now().After(end) {
			t.Fatal("the save point is passed over")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got, err := s.Do(t.Context(), "BGSAVE"); err != nil {
		t.Errorf("BGSAVE: %v, %v", got, err)
	}
}

func TestDirIsForOne(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Options{Dir: dir})
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Fatalf("a second one: %v", err)
	}
	open(t, Options{Dir: dir, Directives: map[string]string{"dbfilename": "other.rdb"}})
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir})
}

// Two that would write the same RDB file are refused, also if one has an append only file.
func TestDirIsForOneWithAppendOnlyFile(t *testing.T) {
	plain, log := map[string]string{}, map[string]string{"appendonly": "yes"}
	for _, order := range [][2]map[string]string{{plain, log}, {log, plain}} {
		dir := t.TempDir()
		first := open(t, Options{Dir: dir, Directives: order[0]})
		before := files(t, dir)
		_, err := Open(Options{Dir: dir, Directives: order[1]})
		if err == nil || !strings.Contains(err.Error(), "The folder "+dir+" is in use") || !strings.Contains(err.Error(), "dump.rdb") {
			t.Errorf("a second one: %v", err)
		}
		if after := files(t, dir); after != before {
			t.Errorf("there was %s; there is %s", before, after)
		}
		set(t, first, "k", "v")
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		open(t, Options{Dir: dir, Directives: order[1]}).Close()
	}
	// What writes other files may share the folder.
	dir := t.TempDir()
	open(t, Options{Dir: dir})
	open(t, Options{Dir: dir, Directives: map[string]string{"appendonly": "yes", "save": `""`}})
}

// Without a folder nothing is written, whatever is asked for.
func TestNoDirWritesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	s := open(t, Options{Directives: map[string]string{"enable-protected-configs": "yes", "enable-debug-command": "yes"}})
	set(t, s, "k", "v")
	for _, line := range []string{
		"SAVE", "BGSAVE", "BGSAVE SCHEDULE", "CONFIG SET appendonly yes", "BGREWRITEAOF", "DEBUG RELOAD",
	} {
		if got, err := s.Do(t.Context(), anys(line)...); err == nil {
			t.Errorf("%s: %v", line, got)
		}
	}
	for _, line := range []string{"CONFIG SET dir " + dir, "CONFIG SET save 900 1", "FLUSHALL"} {
		s.Do(t.Context(), anys(line)...)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := files(t, dir); got != "" {
		t.Errorf("there are: %s", got)
	}
	for _, o := range []Options{
		{Directives: map[string]string{"appendonly": "yes"}},
		{Directives: map[string]string{"save": "900 1"}},
		{Directives: map[string]string{"dir": dir}},
	} {
		if s, err := Open(o); err == nil {
			s.Close()
			t.Errorf("%v is accepted", o)
		}
	}
}

func anys(line string) (args []any) {
	for i, w := range strings.Fields(line) {
		if i == 3 && strings.HasPrefix(line, "CONFIG SET save") {
			w = "900 1"
		} else if i > 3 {
			continue
		}
		args = append(args, w)
	}
	return args
}

func TestShutdownOfOneWithDir(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s := open(t, o)
	set(t, s, "k", "saved")
	if _, err := s.Do(t.Context(), "SHUTDOWN"); !errors.Is(err, ErrClosed) {
		t.Errorf("SHUTDOWN: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = open(t, o)
	get(t, s, "k", "saved")
	set(t, s, "k", "not saved")
	if _, err := s.Do(t.Context(), "SHUTDOWN", "NOSAVE"); !errors.Is(err, ErrClosed) {
		t.Errorf("SHUTDOWN NOSAVE: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	get(t, open(t, o), "k", "saved")
}

// Close tells when it could not save, and ends the instance all the same.
func TestCloseThatCannotSave(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	set(t, s, "k", "v")
	if err := os.Mkdir(filepath.Join(dir, "dump.rdb"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err == nil {
		t.Error("nothing is said")
	}
	if _, err := s.Do(t.Context(), "PING"); !errors.Is(err, ErrClosed) {
		t.Errorf("PING after Close: %v", err)
	}
	if got := files(t, dir); got != "" {
		t.Errorf("left: %s", got)
	}
}

// What Do has returned for is in the files, whenever Close is called.
func TestCloseAmongWriters(t *testing.T) {
	for range 10 {
		o := Options{Dir: t.TempDir()}
		s := open(t, o)
		var wg sync.WaitGroup
		var acked [4]int64
		for i := range acked {
			wg.Go(func() {
				for {
					r, err := s.Do(t.Context(), "INCR", i)
					if err != nil {
						return
					}
					acked[i] = r.(int64)
				}
			})
		}
		time.Sleep(3 * time.Millisecond)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		again := open(t, o)
		for i, want := range acked {
			got, err := Int64(again.Do(t.Context(), "INCRBY", i, 0))
			if err != nil || got < want || got > want+1 {
				t.Fatalf("counter %d: %d, %v; %d was acknowledged", i, got, err, want)
			}
		}
	}
}

// A script without end is given up. What it has written is nothing whole.
func TestCloseDuringScript(t *testing.T) {
	for name, body := range map[string]string{
		"reads":  "while true do redis.call('GET', 'k') end",
		"writes": "redis.call('SET', 'k', 'half') while true do end",
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), Directives: map[string]string{"busy-reply-threshold": "20"}}
			s, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			set(t, s, "k", "whole")
			if _, err := s.Do(t.Context(), "SAVE"); err != nil {
				t.Fatal(err)
			}
			set(t, s, "more", "v")
			done := make(chan struct{})
			go func() {
				s.Do(t.Context(), "EVAL", body, 0)
				close(done)
			}()
			for { // until the script runs, and has for 20 ms
				if _, err := s.Do(t.Context(), "PING"); err != nil && strings.HasPrefix(err.Error(), "BUSY") {
					break
				}
			}
			err = s.Close()
			<-done
			if (err != nil) != (name == "writes") {
				t.Errorf("Close: %v", err)
			}
			again := open(t, o)
			get(t, again, "k", "whole")
			if name == "reads" {
				get(t, again, "more", "v")
			}
		})
	}
}

// Close waits for no other server: a MIGRATE under way is given up, and its keys stay.
func TestCloseEndsMigrate(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, port, _ := net.SplitHostPort(silent.Addr().String())
	for _, dir := range []string{"", t.TempDir()} {
		s := open(t, Options{Dir: dir})
		set(t, s, "k", "v")
		done := make(chan error)
		go func() {
			_, err := s.Do(t.Context(), "MIGRATE", "127.0.0.1", port, "k", 0, 3_600_000)
			done <- err
		}()
		there, err := silent.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := there.Read(make([]byte, 1)); err != nil { // it has come as far as to wait for the reply
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err == nil {
			t.Error("MIGRATE has succeeded, with nobody to take the key")
		}
		there.Close()
		if dir != "" {
			get(t, open(t, Options{Dir: dir}), "k", "v")
		}
	}
}
