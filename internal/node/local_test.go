package node

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/exec"
)

func words(args ...string) (list [][]byte) {
	for _, a := range args {
		list = append(list, []byte(a))
	}
	return list
}

func newLocal(t *testing.T) (*Node, *Local) {
	t.Helper()
	cfg := inTemp(t)
	cfg.RedstartShards = 2
	cfg.RequirePass = "secret" // which those inside the process need not know
	n, err := Open(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	l, err := n.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	return n, l
}

// await waits until a condition that another goroutine brings about holds.
func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: does not happen", what)
		}
	}
}

// pause does what CLIENT PAUSE and UNPAUSE do.
func pause(n *Node, on bool) {
	n.Exec.World.Stop()
	defer n.Exec.World.Go()
	n.store.Lock(n.store.All())
	defer n.store.Unlock(n.store.All())
	if on {
		n.Exec.PauseClients(time.Now().Add(time.Hour).UnixMilli(), false, false)
	} else {
		n.Exec.UnpauseClients()
	}
}

func TestLocalWaits(t *testing.T) {
	n, l := newLocal(t)
	pause(n, true)
	done := make(chan string)
	go func() {
		v, err := l.Do(t.Context(), words("SET", "k", "v")...)
		if err != nil {
			done <- err.Error()
		} else {
			done <- string(v.Str)
		}
	}()
	await(t, "pause", func() bool { return n.Exec.Paused() == 1 })
	select {
	case got := <-done:
		t.Fatalf("a paused command replied %q", got)
	default:
	}
	pause(n, false)
	if got := <-done; got != "OK" {
		t.Errorf("got %q", got)
	}
	if !l.Reusable() {
		t.Error("not reusable after SET")
	}
}

func TestLocalContext(t *testing.T) {
	n, l := newLocal(t)
	pause(n, true)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := l.Do(ctx, words("GET", "k")...); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	pause(n, false)
	if _, err := l.Do(t.Context(), words("GET", "k")...); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end of a wait: %v", err)
	}
	if l.Reusable() {
		t.Error("reusable after its end")
	}
	if got := n.Exec.ClientCount(); got != 0 {
		t.Errorf("%d clients are left", got)
	}
}

func TestLocalClosedWhileWaiting(t *testing.T) {
	for name, end := range map[string]func(*Node, *Local){
		"Stop":  func(_ *Node, l *Local) { l.Stop() },
		"Close": func(n *Node, _ *Local) { n.Close() },
		"killed": func(n *Node, l *Local) {
			// CLIENT KILL does it with all locks held.
			n.Exec.World.Stop()
			n.Exec.Clients(func(cl *exec.Client) { cl.Sess.Conn.Close(nil) })
			n.Exec.World.Go()
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, l := newLocal(t)
			pause(n, true)
			done := make(chan error)
			go func() {
				_, err := l.Do(t.Context(), words("GET", "k")...)
				done <- err
			}()
			await(t, "pause", func() bool { return n.Exec.Paused() == 1 })
			end(n, l)
			want := ErrClosed
			if name == "killed" {
				want = ErrKilled
			}
			if err := <-done; err != want {
				t.Errorf("got %v", err)
			}
			await(t, "end", func() bool { return n.Exec.ClientCount() == 0 })
		})
	}
}

func TestLocalQuit(t *testing.T) {
	n, l := newLocal(t)
	if v, err := l.Do(t.Context(), words("QUIT")...); err != nil || string(v.Str) != "OK" {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := l.Do(t.Context(), words("PING")...); !errors.Is(err, ErrClosed) {
		t.Errorf("after QUIT: %v", err)
	}
	await(t, "end", func() bool { return n.Exec.ClientCount() == 0 })
}

func TestLocalState(t *testing.T) {
	_, l := newLocal(t)
	for _, c := range [][]string{{"SELECT", "1"}, {"HELLO", "2"}, {"MULTI"}, {"AUTH", "secret"}, {"WATCH", "k"}, {"CLIENT", "SETNAME", "x"}, {"CLIENT", "REPLY", "OFF"}} {
		v, err := l.Do(t.Context(), words(c...)...)
		if err != nil || v.IsError() {
			t.Errorf("%v: %v, %v", c, v, err)
			continue
		}
		if l.Reusable() {
			t.Errorf("reusable after %v", c)
		}
		if c[0] == "CLIENT" && c[1] == "REPLY" {
			break
		}
		if v, err := l.Do(t.Context(), words("RESET")...); err != nil || v.IsError() {
			t.Errorf("RESET: %v, %v", v, err)
		}
		if v, err := l.Do(t.Context(), words("HELLO", "3")...); err != nil || v.IsError() {
			t.Errorf("HELLO: %v, %v", v, err)
		}
		if !l.Reusable() {
			t.Errorf("not reusable after RESET of %v", c)
		}
	}
}
