package hostile

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// bothStates runs a test against a server that wants a login and one that does
// not.
func bothStates(t *testing.T, test func(t *testing.T, s *target)) {
	t.Run("open", func(t *testing.T) { test(t, start(t)) })
	t.Run("locked", func(t *testing.T) { test(t, start(t, "--requirepass", "secret")) })
}

func TestReaderThatNeverReads(t *testing.T) {
	s := start(t, "--requirepass", "secret")
	for range 4 {
		nc := s.conn()
		request := bytes.Repeat([]byte("*1\r\n$4\r\nPING\r\n"), 5000)
		nc.SetWriteDeadline(time.Now().Add(30 * time.Second))
		sent := 0
		for {
			n, err := nc.Write(request)
			sent += n
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatalf("still connected after %d bytes", sent)
			}
			if err != nil {
				break
			}
		}
		t.Logf("given up after %d bytes", sent)
	}
}

func TestDeclaredCounts(t *testing.T) {
	bothStates(t, func(t *testing.T, s *target) {
		for range 200 {
			nc := s.conn()
			io.WriteString(nc, "*1000000000\r\n")
			io.WriteString(nc, "$3\r\nSET\r\n")
		}
		nc := s.conn()
		io.WriteString(nc, "*3000000000\r\n")
		if got := s.ended(nc); got != "-ERR Protocol error: invalid multibulk length\r\n" {
			t.Errorf("got %q", got)
		}
		time.Sleep(200 * time.Millisecond) // what comes of it would show by now
	})
}

func TestDeclaredLengths(t *testing.T) {
	bothStates(t, func(t *testing.T, s *target) {
		for range 200 {
			nc := s.conn()
			io.WriteString(nc, "*2\r\n$4\r\nECHO\r\n$536870912\r\nsome")
		}
		for _, length := range []string{"536870913", "9223372036854775807", "9223372036854775808", "-1", "-9223372036854775808"} {
			nc := s.conn()
			io.WriteString(nc, "*2\r\n$4\r\nECHO\r\n$"+length+"\r\n")
			if got := s.ended(nc); got != "-ERR Protocol error: invalid bulk length\r\n" {
				t.Errorf("%s: got %q", length, got)
			}
		}
		time.Sleep(200 * time.Millisecond)
	})
}

func TestLimitsBeforeLogin(t *testing.T) {
	s := start(t, "--requirepass", "secret")
	for request, want := range map[string]string{
		"*100\r\n":                       "unauthenticated multibulk length",
		"*11\r\n":                        "unauthenticated multibulk length",
		"*1\r\n$100000000\r\n":           "unauthenticated bulk length",
		"*2\r\n$4\r\nAUTH\r\n$16385\r\n": "unauthenticated bulk length",
		"PING\r\n*1\r\n$4\r\nPING\r\n*2147483647\r\n": "unauthenticated multibulk length",
	} {
		nc := s.conn()
		io.WriteString(nc, request)
		if got := s.ended(nc); !strings.HasSuffix(got, "-ERR Protocol error: "+want+"\r\n") {
			t.Errorf("%q: got %q", request, got)
		}
	}
	// Many at once that hold as much as they may.
	for range 300 {
		nc := s.conn()
		io.WriteString(nc, "*10\r\n"+strings.Repeat("$16384\r\n"+strings.Repeat("x", 16384)+"\r\n", 1)+"$16384\r\n")
	}
	time.Sleep(200 * time.Millisecond)
}

func TestEndlessLines(t *testing.T) {
	bothStates(t, func(t *testing.T, s *target) {
		for start, want := range map[string]string{
			"":                        "too big inline request",
			"*":                       "too big mbulk count string",
			"*1\r\n$":                 "too big bulk count string",
			"*1\r\n":                  "too big bulk count string",
			"\x00":                    "too big inline request",
			"GET " + "\"":             "too big inline request",
			"\r\n\n\r\n*0\r\n*-5\r\n": "too big inline request",
		} {
			nc := s.conn()
			said := make(chan string)
			go func() { said <- s.ended(nc) }()
			io.WriteString(nc, start)
			chunk := bytes.Repeat([]byte("1"), 32<<10)
			for range 3200 { // 100 MB
				if _, err := nc.Write(chunk); err != nil {
					break
				}
			}
			if got := <-said; got != "-ERR Protocol error: "+want+"\r\n" {
				t.Errorf("%q…: got %q", start, got)
			}
		}
	})
}

// TestRequestsOfBrowsers: a page can have a browser send what it likes behind a line of
// HTTP, so such a connection ends before that is read.
func TestRequestsOfBrowsers(t *testing.T) {
	bothStates(t, func(t *testing.T, s *target) {
		for _, start := range []string{
			"POST / HTTP/1.1\r\n", "GET /\r\nHost: localhost\r\n", "*2\r\n$5\r\nhOST:\r\n$1\r\nx\r\n", "MULTI\r\npost\r\n",
			"SUBSCRIBE c\r\nPost /\r\n", "CLIENT REPLY OFF\r\nPOST /\r\n",
		} {
			nc := s.conn()
			io.WriteString(nc, "AUTH secret\r\n"+start+"EXEC\r\nSET evil 1\r\n")
			if got := s.ended(nc); strings.Contains(got, "'POST'") || strings.Contains(got, "EXEC") {
				t.Errorf("%q: got %q", start, got)
			}
		}
		nc := s.conn()
		io.WriteString(nc, "AUTH secret\r\nEXISTS evil\r\nQUIT\r\n")
		if got := s.ended(nc); !strings.HasSuffix(got, ":0\r\n+OK\r\n") {
			t.Errorf("afterwards: %q", got)
		}
		if n := strings.Count(s.Log(), "SECURITY ATTACK"); n != 1 {
			t.Errorf("the log tells of it %d times", n)
		}
	})
}

func TestEmptyRequests(t *testing.T) {
	bothStates(t, func(t *testing.T, s *target) {
		want := "+PONG\r\n"
		if strings.HasSuffix(t.Name(), "locked") {
			want = "-NOAUTH Authentication required.\r\n"
		}
		nc := s.conn()
		go io.WriteString(nc, strings.Repeat("*0\r\n\r\n*-1\r\n\n", 100000)+"*1\r\n$4\r\nPING\r\n")
		got := make([]byte, len(want))
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestHalfRequestsFromMany(t *testing.T) {
	bothStates(t, func(t *testing.T, s *target) {
		for i := range 1000 {
			nc := s.conn()
			io.WriteString(nc, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000\r\n"[:i%28])
			if i%3 == 0 {
				nc.Close()
			}
		}
	})
}
