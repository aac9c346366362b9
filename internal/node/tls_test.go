package node

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redstart-db/redstart/internal/config"
)

// authority makes certificates for a test.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	last int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: fmt.Sprint("CA ", time.Now().UnixNano())},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	return a
}

// issue gives a certificate and its key, PEM.
func (a *authority) issue(name string) (cert, key []byte) {
	a.last++
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(a.last + 1), NotAfter: time.Now().Add(time.Hour), Subject: pkix.Name{CommonName: name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, a.cert, &k.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	b, _ := x509.MarshalPKCS8PrivateKey(k)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})
}

// write puts files for a server into a folder.
func (a *authority) write(dir, name string) {
	cert, key := a.issue(name)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	for file, b := range map[string][]byte{name + ".crt": cert, name + ".key": key, "ca.crt": ca} {
		if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

// client is a configuration of a client, with a certificate unless name is empty.
func (a *authority) client(name string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c := &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
	if name != "" {
		cert, err := tls.X509KeyPair(a.issue(name))
		if err != nil {
			a.t.Fatal(err)
		}
		// Shown whatever authorities the server says it knows.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	return c
}

// ping gives the name in the certificate of a server that answers PING.
func ping(port int, c *tls.Config) (string, error) {
	nc, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", local(port), c)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(nc, "PING\r\n")
	line, err := bufio.NewReader(nc).ReadString('\n')
	if err != nil || line != "+PONG\r\n" {
		return "", fmt.Errorf("%q: %w", line, err)
	}
	return nc.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

// tlsNode is an instance with a TLS port, and a connection to set it up by.
func tlsNode(t *testing.T, a *authority) (n *Node, dir string, port int, set func(want string, args ...string)) {
	port = freePort(t)
	dir = t.TempDir()
	a.write(dir, "one")
	n, out := openNode(t, func(c *config.Config) {
		c.Port, c.TLSPort = 0, port
		c.TLSCertFile, c.TLSKeyFile = filepath.Join(dir, "one.crt"), filepath.Join(dir, "one.key")
		c.TLSCACertFile = filepath.Join(dir, "ca.crt")
		c.Bind = []string{"127.0.0.1"}
	})
	if err := n.Listen(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	inside, err := n.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inside.Close() })
	w := &wire{t, inside, bufio.NewReader(inside)}
	return n, dir, port, func(want string, args ...string) {
		t.Helper()
		line := "CONFIG SET"
		for _, a := range args {
			line += fmt.Sprintf(" %q", a)
		}
		if got := w.ask(line).String(); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestTLSAuthClients(t *testing.T) {
	a := newAuthority(t)
	_, _, port, set := tlsNode(t, a)
	stranger := newAuthority(t).client("stranger")
	stranger.RootCAs = a.client("").RootCAs
	for _, mode := range []struct {
		name             string
		none, bad, known bool
	}{{"yes", false, false, true}, {"optional", true, false, true}, {"no", true, true, true}} {
		set("+OK", "tls-auth-clients", mode.name)
		for who, c := range map[string]struct {
			*tls.Config
			may bool
		}{"none": {a.client(""), mode.none}, "stranger": {stranger, mode.bad}, "known": {a.client("friend"), mode.known}} {
			if _, err := ping(port, c.Config); (err == nil) != c.may {
				t.Errorf("tls-auth-clients %s, certificate %s: %v", mode.name, who, err)
			}
		}
	}
}

// TestTLSAllOrNothing changes certificates by CONFIG SET.
func TestTLSAllOrNothing(t *testing.T) {
	a := newAuthority(t)
	_, dir, port, set := tlsNode(t, a)
	a.write(dir, "two")
	c := a.client("me")
	is := func(want string) {
		t.Helper()
		if got, err := ping(port, c); err != nil || got != want {
			t.Errorf("the server is %q, %v, not %q", got, err, want)
		}
	}
	failed := func(name string) string {
		return "-ERR CONFIG SET failed (possibly related to argument '" + name + "') - Unable to update TLS configuration. Check server logs."
	}
	is("one")
	cert, key := filepath.Join(dir, "two.crt"), filepath.Join(dir, "two.key")
	set(failed("tls-cert-file"), "tls-cert-file", cert) // without its key
	is("one")
	set(failed("tls-cert-file"), "tls-cert-file", cert, "tls-key-file", filepath.Join(dir, "none.key"))
	is("one")
	set("+OK", "tls-cert-file", cert, "tls-key-file", key)
	is("two")
	set(failed("tls-protocols"), "tls-protocols", "TLSv7")
	set(failed("tls-ca-cert-file"), "tls-ca-cert-file", "")
	set(failed("tls-ciphers"), "tls-ciphers", "none of them")
	set(failed("tls-ciphersuites"), "tls-ciphersuites", "none:of_them")
	set("+OK", "tls-ciphersuites", "none:TLS_AES_256_GCM_SHA384")
	set(failed("tls-dh-params-file"), "tls-dh-params-file", filepath.Join(dir, "none"))
	set(failed("tls-dh-params-file"), "tls-dh-params-file", cert)
	// For outgoing connections: of no use before there are both.
	set("+OK", "tls-client-cert-file", cert)
	set(failed("tls-client-key-file"), "tls-client-key-file", filepath.Join(dir, "one.key"))
	set("+OK", "tls-client-key-file", key)
	is("two")
	set("+OK", "tls-protocols", "TLSv1.2")
	old := a.client("me")
	old.MaxVersion = tls.VersionTLS12
	if _, err := ping(port, old); err != nil {
		t.Error(err)
	}
	old.MinVersion, old.MaxVersion = tls.VersionTLS13, 0
	if _, err := ping(port, old); err == nil {
		t.Error("TLS 1.3 is spoken although it is not among tls-protocols")
	}
}

// TestTLSFilesChange replaces the files of certificates, one by one as people do.
func TestTLSFilesChange(t *testing.T) {
	a := newAuthority(t)
	_, dir, port, _ := tlsNode(t, a)
	c := a.client("me")
	cert, key := a.issue("renewed")
	if err := os.WriteFile(filepath.Join(dir, "one.crt"), cert, 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(tlsEvery) + 200*time.Millisecond)
	if got, err := ping(port, c); err != nil || got != "one" {
		t.Errorf("with half of the files the server is %q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "one.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the new certificate is used", func() bool {
		got, err := ping(port, c)
		return err == nil && got == "renewed"
	})
}

// TestTLSHalfClosed sends requests and says goodbye: the replies come all the same.
func TestTLSHalfClosed(t *testing.T) {
	a := newAuthority(t)
	n, _, port, _ := tlsNode(t, a)
	nc, err := tls.Dial("tcp", local(port), a.client("me"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(nc, "SET k v\r\nGET k\r\nPING\r\n")
	if err := nc.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(nc); err != nil || string(b) != "+OK\r\n$1\r\nv\r\n+PONG\r\n" {
		t.Errorf("%q, %v", b, err)
	}
	until(t, "the client is gone", func() bool { return n.Exec.ClientCount() == 1 })

	// And a peer that is waited for goes at once.
	if nc, err = tls.Dial("tcp", local(port), a.client("me")); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(nc, "BLPOP none 0\r\n")
	until(t, "it waits", func() bool { return n.Exec.ClientCount() == 2 })
	nc.CloseWrite()
	until(t, "it is gone", func() bool { return n.Exec.ClientCount() == 1 })
	nc.Close()
}

// TestTLSNeverFinished has more peers in their handshakes than there may be clients:
// they take the places of clients, and no more.
func TestTLSNeverFinished(t *testing.T) {
	a := newAuthority(t)
	n, _, port, set := tlsNode(t, a)
	set("+OK", "maxclients", "20")
	var silent []net.Conn
	defer func() {
		for _, nc := range silent {
			nc.Close()
		}
	}()
	for range 40 {
		nc, err := net.Dial("tcp", local(port))
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, nc)
		nc.Write([]byte{22, 3, 1, 2, 0, 1}) // the beginning of a ClientHello
	}
	closed := func() (count int) {
		for _, nc := range silent {
			nc.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err := nc.Read(make([]byte, 1)); err == io.EOF {
				count++
			}
		}
		return count
	}
	until(t, "those beyond maxclients are refused", func() bool { return closed() >= 20 })
	if got := closed(); got > 22 {
		t.Errorf("%d of 40 are refused where 20 may be clients", got)
	}
	for _, nc := range silent {
		nc.Close()
	}
	until(t, "there is room again", func() bool {
		_, err := ping(port, a.client("me"))
		return err == nil
	})
	if n.Exec.ClientCount() > 2 {
		t.Errorf("%d clients", n.Exec.ClientCount())
	}
}
