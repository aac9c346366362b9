// Package tlsconf makes configurations of crypto/tls from the tls-* directives.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/config"
)

// maxFile bounds a certificate or key file, in bytes.
const maxFile = 1 << 20

// Server makes what a server listens with. It reads every file anew, and gives all or
// nothing: a certificate always comes with the key that belongs to it. Errors are for
// the log.
func Server(cfg *config.Config) (*tls.Config, error) {
	switch {
	case cfg.TLSCertFile == "":
		return nil, errors.New("No tls-cert-file configured!")
	case cfg.TLSKeyFile == "":
		return nil, errors.New("No tls-key-file configured!")
	case cfg.TLSCACertFile == "" && cfg.TLSCACertDir == "" &&
		(cfg.TLSAuthClients != config.TLSAuthNo || cfg.TLSCluster || cfg.TLSReplication):
		return nil, errors.New("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, " +
			"tls-replication or tls-auth-clients are enabled!")
	}
	cert, err := pair(cfg, cfg.TLSCertFile, cfg.TLSKeyFile, cfg.TLSKeyFilePass)
	if err != nil {
		return nil, err
	}
	if cfg.TLSClientCertFile != "" && cfg.TLSClientKeyFile != "" { // for outgoing connections: it is to be good before it is needed
		if _, err := pair(cfg, cfg.TLSClientCertFile, cfg.TLSClientKeyFile, cfg.TLSClientKeyFilePass); err != nil {
			return nil, err
		}
	}
	t := &tls.Config{
		Certificates:           []tls.Certificate{cert},
		SessionTicketsDisabled: !cfg.TLSSessionCaching,
	}
	if t.MinVersion, t.MaxVersion, err = versions(cfg.TLSProtocols); err != nil {
		return nil, err
	}
	if t.CipherSuites, err = suites(cfg.TLSCiphers); err != nil {
		return nil, err
	}
	if err := newestSuites(cfg.TLSCiphersuites); err != nil {
		return nil, err
	}
	if err := exchange(cfg); err != nil {
		return nil, err
	}
	if t.ClientCAs, err = authorities(cfg); err != nil {
		return nil, err
	}
	switch cfg.TLSAuthClients {
	case config.TLSAuthYes:
		t.ClientAuth = tls.RequireAndVerifyClientCert
	case config.TLSAuthOptional:
		t.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return t, nil
}

// pair reads a certificate, with those that lead to its authority, and its key.
func pair(cfg *config.Config, certFile, keyFile, pass string) (cert tls.Certificate, err error) {
	certPEM, err := read(cfg, certFile)
	if err != nil {
		return cert, fmt.Errorf("Failed to load certificate: %s: %w", certFile, err)
	}
	keyPEM, err := read(cfg, keyFile)
	if err == nil {
		keyPEM, err = decryptPEM(keyPEM, pass)
	}
	if err != nil {
		return cert, fmt.Errorf("Failed to load private key: %s: %w", keyFile, err)
	}
	cert, err = tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return cert, fmt.Errorf("Failed to load certificate %s with private key %s: %w", certFile, keyFile, err)
	}
	return cert, nil
}

// exchange checks that tls-dh-params-file is what it is to be, although crypto/tls has no
// use for it.
func exchange(cfg *config.Config) error {
	if cfg.TLSDHParamsFile == "" {
		return nil
	}
	b, err := read(cfg, cfg.TLSDHParamsFile)
	if block, _ := pem.Decode(b); err == nil && (block == nil || !strings.HasSuffix(block.Type, "DH PARAMETERS")) {
		err = errors.New("there are no DH parameters in it")
	}
	if err != nil {
		return fmt.Errorf("Failed to load DH params file: %s: %w", cfg.TLSDHParamsFile, err)
	}
	return nil
}

func read(cfg *config.Config, path string) ([]byte, error) {
	path = cfg.Path(path)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case info.Size() > maxFile:
		return nil, errors.New("it is too large")
	}
	return os.ReadFile(path)
}

// authorities reads those that certificates of clients are checked against; nil if
// there are none.
func authorities(cfg *config.Config) (*x509.CertPool, error) {
	if cfg.TLSCACertFile == "" && cfg.TLSCACertDir == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if file := cfg.TLSCACertFile; file != "" {
		b, err := read(cfg, file)
		if err == nil && !pool.AppendCertsFromPEM(b) {
			err = errors.New("there is no certificate in it")
		}
		if err != nil {
			return nil, fmt.Errorf("Failed to configure CA certificate(s) file: %s: %w", file, err)
		}
	}
	if dir := cfg.TLSCACertDir; dir != "" {
		entries, err := os.ReadDir(cfg.Path(dir))
		if err != nil {
			return nil, fmt.Errorf("Failed to configure CA certificate(s) directory: %s: %w", dir, err)
		}
		for _, e := range entries {
			if b, err := read(cfg, filepath.Join(dir, e.Name())); err == nil {
				pool.AppendCertsFromPEM(b) // other files may be there too
			}
		}
	}
	return pool, nil
}

// versions reads tls-protocols. What crypto/tls can do is a range without gaps.
func versions(list string) (least, most uint16, err error) {
	if strings.TrimSpace(list) == "" {
		return tls.VersionTLS12, tls.VersionTLS13, nil
	}
	known := [...]struct {
		name    string
		version uint16
	}{
		{"TLSv1", tls.VersionTLS10}, {"TLSv1.1", tls.VersionTLS11}, {"TLSv1.2", tls.VersionTLS12}, {"TLSv1.3", tls.VersionTLS13},
	}
	var on [len(known)]bool
	for _, word := range strings.Fields(list) {
		found := false
		for i, k := range known {
			if strings.EqualFold(word, k.name) {
				on[i], found = true, true
			}
		}
		if !found {
			return 0, 0, errors.New("Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.")
		}
	}
	n := 0
	for i, k := range known {
		if on[i] {
			if least == 0 {
				least = k.version
			}
			most = k.version
			n++
		}
	}
	if int(most-least)+1 != n {
		return 0, 0, errors.New("Invalid tls-protocols specified: versions between two others cannot be left out")
	}
	return least, most, nil
}

// Stamp tells whether any of the files has changed since: it is the same as long as
// none has.
func Stamp(cfg *config.Config) string {
	var b strings.Builder
	for _, path := range []string{
		cfg.TLSCertFile, cfg.TLSKeyFile, cfg.TLSClientCertFile, cfg.TLSClientKeyFile, cfg.TLSCACertFile, cfg.TLSCACertDir,
	} {
		if path == "" {
			continue
		}
		info, err := os.Stat(cfg.Path(path))
		if err != nil {
			fmt.Fprintf(&b, "%q is missing\n", path)
			continue
		}
		fmt.Fprintf(&b, "%q %d %s\n", path, info.Size(), info.ModTime().Format(time.RFC3339Nano))
	}
	return b.String()
}
