package hostile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstart-db/redstart/tests/peer"
)

// halves is how many connections each case of half-closed TLS makes.
const halves = 40

// TestHalfClosedTLS has peers end their side of a connection, or of the TLS on it, at every point of its life, and keep
// the other side open. Nobody else waits, and nothing of them is kept.
func TestHalfClosedTLS(t *testing.T) {
	s := newTLSTarget(t)
	before := s.census()
	for _, c := range []struct {
		name string
		do   func(*tlsTarget)
	}{
		{"a handshake that stops", (*tlsTarget).stopInHandshake},
		{"close_notify, and reading on", (*tlsTarget).notifyAndRead},
		{"close_notify, and never reading", (*tlsTarget).notifyAndLeave},
		{"close_notify with replies that are not read", (*tlsTarget).notifyWithReplies},
		{"the end of TCP without close_notify", (*tlsTarget).endOfTCP},
		{"the end of TCP while it waits", (*tlsTarget).endWhileWaiting},
		{"records cut off", (*tlsTarget).cutRecords},
		{"records that are none", (*tlsTarget).falseRecords},
	} {
		c.do(s)
		s.settled(c.name, before)
	}
	// Those who neither go on nor end get ten seconds for their handshake.
	hello := s.hello()
	for i := range halves {
		s.tcp().Write(hello[:len(hello)*i/halves])
	}
	s.settled("silence in a handshake", before)
}

// stopInHandshake ends the sending side after each part of the first message, and after all of it.
func (s *tlsTarget) stopInHandshake() {
	hello := s.hello()
	for i := range halves {
		nc := s.tcp()
		nc.Write(hello[:len(hello)*i/(halves-1)])
		nc.CloseWrite()
		if i%2 == 0 {
			s.ended(nc)
		}
	}
}

func (s *tlsTarget) notifyAndRead() {
	for range halves {
		nc := s.dial()
		io.WriteString(nc, "SET k v\r\nGET k\r\nPI")
		nc.CloseWrite()
		if got := s.ended(nc); got != "+OK\r\n$1\r\nv\r\n" {
			s.t.Errorf("after close_notify: %q", got)
		}
	}
}

func (s *tlsTarget) notifyAndLeave() {
	for i := range halves {
		nc := s.dial()
		if i%2 == 0 {
			io.WriteString(nc, "PING\r\n")
		}
		nc.CloseWrite()
	}
}

// notifyWithReplies: who has more to read than the sockets hold is a client like any other that does not read, until it
// is closed, by whoever wants to.
func (s *tlsTarget) notifyWithReplies() {
	s.expect(s.plain, "SETRANGE big 999999 x", "1000000")
	var all []*tls.Conn
	for i := range 6 {
		nc := s.dial()
		io.WriteString(nc, "CLIENT SETNAME half\r\n"+strings.Repeat("GET big\r\n", 10))
		if i%2 == 0 {
			nc.CloseWrite()
		} else {
			nc.NetConn().(*net.TCPConn).CloseWrite()
		}
		all = append(all, nc)
	}
	for _, nc := range all[:2] {
		if n, err := io.Copy(io.Discard, nc); err != nil || n < 10e6 {
			s.t.Errorf("%d bytes of replies after the end of requests, %v", n, err)
		}
	}
	all[2].NetConn().Close()
	listed := func() int { return strings.Count(string(s.plain.Must(s.t, "CLIENT", "LIST").Str), " name=half ") }
	s.until("those that read, and one that closes, are gone", func() bool { return listed() == len(all)-3 })
	for line := range strings.Lines(string(s.plain.Must(s.t, "CLIENT", "LIST").Str)) {
		if strings.Contains(line, " name=half ") {
			id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
			s.expect(s.plain, "CLIENT KILL ID "+id, "1")
		}
	}
	s.expect(s.plain, "DEL big", "1")
}

// endOfTCP is a goodbye without a word, as many say it. What came whole before is done, and answered.
func (s *tlsTarget) endOfTCP() {
	for i := range halves {
		nc := s.dial()
		io.WriteString(nc, "SET k v\r\nGET k\r\nPI")
		nc.NetConn().(*net.TCPConn).CloseWrite()
		if i%2 == 0 {
			continue
		}
		if got := s.ended(nc); got != "+OK\r\n$1\r\nv\r\n" {
			s.t.Errorf("after the end of TCP: %q", got)
		}
	}
}

func (s *tlsTarget) endWhileWaiting() {
	for i := range halves {
		nc := s.dial()
		io.WriteString(nc, []string{"BLPOP none 0\r\n", "SUBSCRIBE c\r\n", "MONITOR\r\n", "MULTI\r\nSET half 1\r\n"}[i/2%4])
		if i%2 == 0 {
			nc.CloseWrite()
		} else {
			nc.NetConn().(*net.TCPConn).CloseWrite()
		}
	}
}

// cutRecords ends within a record that has begun as one should.
func (s *tlsTarget) cutRecords() {
	for i := range halves {
		nc, sent := s.recorded()
		io.WriteString(nc, "SET cut 1\r\n")
		record := *sent
		tcp := nc.NetConn().(*holder).TCPConn
		tcp.Write(record[:len(record)*i/halves])
		tcp.CloseWrite()
		if i%2 == 0 {
			s.ended(tcp)
		}
	}
	s.expect(s.plain, "EXISTS cut", "0", "EXISTS half", "0")
}

// falseRecords sends what is no record, and keeps the connection open.
func (s *tlsTarget) falseRecords() {
	for i := range halves {
		nc, sent := s.recorded()
		tcp := nc.NetConn().(*holder).TCPConn
		switch i % 4 {
		case 0: // longer than a record may be
			tcp.Write([]byte{23, 3, 3, 0xff, 0xff})
		case 1: // damaged on the way
			io.WriteString(nc, "SET cut 1\r\n")
			record := *sent
			record[len(record)-1-i/4] ^= 1
			tcp.Write(record)
		case 2: // in the clear
			io.WriteString(tcp, "*3\r\n$3\r\nSET\r\n$3\r\ncut\r\n$1\r\n1\r\n")
		case 3: // many without any content
			tcp.Write(bytes.Repeat([]byte{20, 3, 3, 0, 1, 1}, 1000))
		}
		s.ended(tcp)
	}
	s.expect(s.plain, "EXISTS cut", "0")
}

// tlsTarget is a server under attack by its TLS port.
type tlsTarget struct {
	*target
	plain *peer.Conn // without TLS
	addr  string
	cfg   *tls.Config
}

func newTLSTarget(t *testing.T) *tlsTarget {
	dir := t.TempDir()
	s := &tlsTarget{cfg: &tls.Config{RootCAs: selfSigned(t, dir), ServerName: "127.0.0.1"}}
	cert := filepath.Join(dir, "cert")
	s.target = start(t, "--tls-cert-file", cert, "--tls-key-file", filepath.Join(dir, "key"), "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	s.plain = s.Dial(t)
	for range 10 {
		port, err := peer.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.plain.Do("CONFIG", "SET", "tls-port", strconv.Itoa(port))
		if err == nil && !r.IsError() {
			s.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
			s.dial().Close() // what is made for the first one only is there now
			return s
		}
	}
	t.Fatalf("no TLS port\n%s", s.Log())
	return nil
}

// selfSigned writes a certificate and its key, and gives what trusts it.
func selfSigned(t *testing.T, dir string) *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, b := range map[string][]byte{"cert": public, "key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return pool
}

// tcp is a connection to the TLS port without TLS. It is closed when the test ends.
func (s *tlsTarget) tcp() *net.TCPConn {
	s.t.Helper()
	nc, err := net.DialTimeout("tcp", s.addr, replyLimit)
	if err != nil {
		s.t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(6 * replyLimit))
	s.t.Cleanup(func() { nc.Close() })
	return nc.(*net.TCPConn)
}

// dial is a connection that has shaken hands.
func (s *tlsTarget) dial() *tls.Conn { return s.over(s.tcp()) }

func (s *tlsTarget) over(nc net.Conn) *tls.Conn {
	s.t.Helper()
	c := tls.Client(nc, s.cfg)
	if err := c.Handshake(); err != nil {
		s.t.Fatalf("handshake: %v\n%s", err, s.Log())
	}
	return c
}

// holder keeps back what is written to it, once it is told to.
type holder struct {
	*net.TCPConn
	holds bool
	held  []byte
}

func (h *holder) Write(b []byte) (int, error) {
	if h.holds {
		h.held = append(h.held, b...)
		return len(b), nil
	}
	return h.TCPConn.Write(b)
}

// recorded is a connection that has shaken hands, whose records are not sent from now on but given here.
func (s *tlsTarget) recorded() (*tls.Conn, *[]byte) {
	h := &holder{TCPConn: s.tcp()}
	c := s.over(h)
	h.holds = true
	return c, &h.held
}

// hello is the first message of a handshake.
func (s *tlsTarget) hello() []byte {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		tls.Client(far, s.cfg).Handshake()
		far.Close()
	}()
	b := make([]byte, 16<<10)
	near.SetDeadline(time.Now().Add(replyLimit))
	n, err := near.Read(b)
	if err != nil {
		s.t.Fatal(err)
	}
	return b[:n]
}

// ended is target.ended for a connection of which the peer may say that it ends it in any way there is.
func (s *tlsTarget) ended(nc net.Conn) string {
	s.t.Helper()
	nc.SetReadDeadline(time.Now().Add(2 * replyLimit))
	said, err := io.ReadAll(nc)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Errorf("the connection is still open; the server said %.200q", said)
	}
	return string(said)
}

// census is what a server has of its connections.
type census struct{ clients, goroutines, files int }

func (s *tlsTarget) census() (c census) {
	info := string(s.plain.Must(s.t, "INFO", "everything").Str)
	for line := range strings.Lines(info) {
		fmt.Sscanf(line, "connected_clients:%d", &c.clients)
		fmt.Sscanf(line, "goroutines:%d", &c.goroutines)
	}
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Pid)) // elsewhere there are none to count
	c.files = len(files)
	return c
}

// settled waits until the server has no more than before, though the peers have not closed anything.
func (s *tlsTarget) settled(name string, before census) {
	s.t.Helper()
	s.until(name+": nothing is kept", func() bool {
		now := s.census()
		return now.clients <= before.clients && now.goroutines <= before.goroutines && now.files <= before.files
	})
}

func (s *tlsTarget) until(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(3 * replyLimit); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: not so: %+v\n%s", what, s.census(), s.Log())
		}
	}
}
