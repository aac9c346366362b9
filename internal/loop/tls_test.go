package loop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"
)

// tlsListen puts TLS over a listener, with a certificate made for the occasion.
func tlsListen(t *testing.T, ln net.Listener) (net.Listener, func() (net.Conn, error)) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	server := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	dial := func() (net.Conn, error) {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return nil, err
		}
		c := tls.Client(nc, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
		nc.SetDeadline(time.Now().Add(patience))
		if err := c.Handshake(); err != nil {
			nc.Close()
			return nil, err
		}
		return c, nil
	}
	return tls.NewListener(ln, server), dial
}

func TestTLSHandshakeIsBounded(t *testing.T) {
	g, err := New(Config{Loops: 1, HandshakeTimeout: 50 * time.Millisecond, Handler: HandlerFunc(func(*Conn) (Client, []byte) {
		t.Error("a peer that never spoke TLS was accepted")
		return nil, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ln, _ := listen(t, "tls")
	if err := g.Serve(ln); err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	wantEnd(t, nc)
}

func TestTLSState(t *testing.T) {
	f := serve(t, "tls", Config{})
	_, e := f.connect()
	if st := e.c.TLSState(); st == nil || !st.HandshakeComplete {
		t.Fatalf("state %v", st)
	}
	if e.c.Network() != "tls" || e.c.FD() < 0 {
		t.Fatalf("network %q, fd %d", e.c.Network(), e.c.FD())
	}
}
