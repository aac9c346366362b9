package crash

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// saver starts a server with save points whose saves of 40 keys take two seconds, after
// it has saved them once. A further key is not saved yet.
func saver(t *testing.T, dir string) (*peer.Server, *peer.Conn) {
	t.Helper()
	if testing.Short() {
		t.Skip("kills servers")
	}
	bin, err := peer.Redstart()
	if err != nil {
		t.Fatal(err)
	}
	s, err := peer.Launch(bin, peer.Options{Dir: dir, Args: []string{"--save", "900 1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Log(s.Log())
		}
	})
	c := s.Dial(t)
	for i := range 40 {
		c.Must(t, "SET", "k"+strconv.Itoa(i), "old")
	}
	c.Must(t, "SAVE")
	c.Must(t, "CONFIG", "SET", "rdb-key-save-delay", "50000")
	c.Must(t, "SET", "more", "new")
	return s, c
}

// ended waits for the end of a server.
func ended(t *testing.T, s *peer.Server, within time.Duration) {
	t.Helper()
	select {
	case <-s.Exited():
	case <-time.After(within):
		t.Fatal("it does not end")
	}
}

func temps(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "temp*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// begun waits for the file of a save that goes on.
func begun(t *testing.T, dir string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); len(temps(t, dir)) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no file is being written")
		}
	}
}

// holds starts a server in the folder and wants what it has.
func holds(t *testing.T, dir, more string) {
	t.Helper()
	bin, err := peer.Redstart()
	if err != nil {
		t.Fatal(err)
	}
	s, err := peer.Launch(bin, peer.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c := s.Dial(t)
	if got := string(c.Must(t, "GET", "more").Str); got != more {
		t.Errorf("more is %q, want %q", got, more)
	}
	if got := c.Must(t, "EXISTS", "k0", "k39").Int; got != 2 {
		t.Errorf("%d of two old keys are there", got)
	}
}

// A signal during BGSAVE: that is given up, and everything is saved once more.
func TestSignalDuringSave(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		dir := t.TempDir()
		s, c := saver(t, dir)
		c.Must(t, "BGSAVE")
		begun(t, dir)
		c.Must(t, "CONFIG", "SET", "rdb-key-save-delay", "0")
		c.Must(t, "SET", "more", "newest")
		if err := syscall.Kill(s.Pid, sig); err != nil {
			t.Fatal(err)
		}
		ended(t, s, 10*time.Second)
		if left := temps(t, dir); len(left) > 0 {
			t.Errorf("%v: left %v", sig, left)
		}
		holds(t, dir, "newest")
	}
}

// SHUTDOWN NOSAVE during BGSAVE leaves the old file and no other.
func TestShutdownWithoutSaveDuringSave(t *testing.T) {
	dir := t.TempDir()
	s, c := saver(t, dir)
	c.Must(t, "BGSAVE")
	begun(t, dir)
	if err := c.Send("SHUTDOWN", "NOSAVE"); err != nil {
		t.Fatal(err)
	}
	ended(t, s, 2*time.Second)
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	holds(t, dir, "")
}

// Who is killed while it saves for the last time leaves the old file.
func TestKillDuringShutdownSave(t *testing.T) {
	dir := t.TempDir()
	s, c := saver(t, dir)
	c.Must(t, "CONFIG", "SET", "rdb-key-save-delay", "1000000") // it cannot be over before it is killed
	if err := c.Send("SHUTDOWN", "SAVE"); err != nil {
		t.Fatal(err)
	}
	begun(t, dir)
	s.Kill()
	if len(temps(t, dir)) == 0 {
		t.Error("it was over before it was killed")
	}
	holds(t, dir, "")
}

// A second SIGINT ends the last save, and removes what it has written.
func TestInsist(t *testing.T) {
	dir := t.TempDir()
	s, _ := saver(t, dir)
	if err := syscall.Kill(s.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	begun(t, dir)
	if err := syscall.Kill(s.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended(t, s, time.Second)
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if !strings.Contains(s.Log(), "You insist... exiting now.") {
		t.Error("it does not say why")
	}
	holds(t, dir, "")
}
