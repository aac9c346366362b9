package peer

import (
	"io"
	"os"
	"testing"
)

func TestReferenceTalks(t *testing.T) {
	s := Start(t, Options{Args: []string{"--maxclients", "100"}})
	c := s.Dial(t)
	if r := c.Must(t, "SET", "k", "a\r\nb"); string(r.Raw) != "+OK\r\n" {
		t.Errorf("SET: %q", r.Raw)
	}
	if err := c.SendRaw([]byte("GET k\r\nGET none\r\nECHO x\r\n")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"$4\r\na\r\nb\r\n", "$-1\r\n", "$1\r\nx\r\n"} {
		r, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Raw) != want {
			t.Errorf("got %q, want %q", r.Raw, want)
		}
	}
	if r, err := c.Do("NOSUCH"); err != nil || !r.IsError() {
		t.Errorf("NOSUCH: %v, %v", r, err)
	}
	c.Must(t, "QUIT")
	if _, err := c.Read(); err != io.EOF {
		t.Errorf("after QUIT: %v", err)
	}
}

func TestStopEndsTheProcess(t *testing.T) {
	s := Start(t, Options{})
	s.Stop()
	if _, err := Dial(s.Addr); err == nil {
		t.Error("it still listens")
	}
	if _, err := os.Stat(s.Dir); err == nil {
		t.Error("its folder is still there")
	}
	s.Stop()
}

func TestLaunchTellsWhatWentWrong(t *testing.T) {
	Reference(t)
	if s, err := Launch("redis-server", Options{Args: []string{"--nosuch", "1"}}); err == nil {
		s.Stop()
		t.Error("started with a bad directive")
	}
}
