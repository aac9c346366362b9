package loop

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestPipeBuffers(t *testing.T) {
	a, b := Pipe()
	defer a.Close()
	defer b.Close()
	for range 1000 {
		send1(t, a, "request\n")
	}
	want(t, b, strings.Repeat("request\n", 1000))
	send1(t, b, "reply")
	want(t, a, "reply")
}

func TestPipeBackpressure(t *testing.T) {
	a, b := Pipe()
	defer a.Close()
	defer b.Close()
	all := bytes.Repeat([]byte("0123456789"), pipeCap/4)
	background(t, func() { a.Write(all) })
	got := make([]byte, len(all))
	if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, all) {
		t.Fatal("other bytes", err)
	}
}

func TestPipeDeadlines(t *testing.T) {
	a, b := Pipe()
	defer b.Close()
	a.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read: %v", err)
	}
	a.SetReadDeadline(time.Now().Add(-time.Second))
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read after a past deadline: %v", err)
	}
	a.SetReadDeadline(time.Time{})
	send1(t, b, "x")
	want(t, a, "x")
	a.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if n, err := a.Write(make([]byte, 2*pipeCap)); n != pipeCap || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("write: %d, %v", n, err)
	}
	a.SetDeadline(time.Now().Add(time.Hour)) // its timer must not outlive the pipe
	a.Close()
	if err := a.SetDeadline(time.Now()); err == nil {
		t.Error("deadline on a closed pipe")
	}
}

func TestPipeClose(t *testing.T) {
	a, b := Pipe()
	send1(t, a, "last")
	a.Close()
	want(t, b, "last")
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v", err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write to a closed peer: %v", err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("read from a closed end: %v", err)
	}
	b.Close()
	b.Close()
}
