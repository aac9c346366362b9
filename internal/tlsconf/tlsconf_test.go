package tlsconf

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func key(t *testing.T, file, pass string) (*ecdsa.PrivateKey, error) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = decryptPEM(b, pass); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return k.(*ecdsa.PrivateKey), nil
}

// TestEncryptedKeys reads a key in all forms that OpenSSL encrypts it in.
func TestEncryptedKeys(t *testing.T) {
	plain, err := key(t, "plain.pem", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"aes256.pem", "des3.pem", "old.pem"} {
		if k, err := key(t, file, "1234"); err != nil || !k.Equal(plain) {
			t.Errorf("%s: another key, %v", file, err)
		}
		for _, pass := range []string{"", "12345"} {
			if _, err := key(t, file, pass); err == nil {
				t.Errorf("%s was read with the passphrase %q", file, pass)
			}
		}
	}
}

// FuzzDecrypt shows that no file makes the server fail or compute for long.
func FuzzDecrypt(f *testing.F) {
	for _, file := range []string{"aes256.pem", "des3.pem", "old.pem", "plain.pem"} {
		b, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		if block, _ := pem.Decode(b); block != nil {
			f.Add(block.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decryptPEM(b, "1234")
		decryptPKCS8(b, "1234")
	})
}

func TestVersions(t *testing.T) {
	for list, want := range map[string][2]uint16{
		"":                        {tls.VersionTLS12, tls.VersionTLS13},
		"TLSv1.2":                 {tls.VersionTLS12, tls.VersionTLS12},
		"tlsv1.3 TLSv1.2":         {tls.VersionTLS12, tls.VersionTLS13},
		"TLSv1 TLSv1.1 TLSv1.2":   {tls.VersionTLS10, tls.VersionTLS12},
		"TLSv1.3  TLSv1.3":        {tls.VersionTLS13, tls.VersionTLS13},
		"TLSv1.1 TLSv1.3":         {},
		"SSLv3":                   {},
		"TLSv1.2 TLSv1.3 TLSv1.4": {},
	} {
		least, most, err := versions(list)
		if got := [2]uint16{least, most}; got != want || (err == nil) != (want != [2]uint16{}) {
			t.Errorf("%q: %x, %v, want %x", list, got, err, want)
		}
	}
}

func TestSuites(t *testing.T) {
	const (
		rsa128 = tls.TLS_RSA_WITH_AES_128_CBC_SHA256
		best   = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
	)
	for list, want := range map[string][2]bool{ // whether rsa128 and best are there
		"DEFAULT":                       {true, true},
		"DEFAULT:-AES128-SHA256":        {false, true},
		"AES128-SHA256:AES256-SHA256":   {true, false},
		"HIGH:!aRSA":                    {false, true},
		"!kRSA:ALL":                     {false, true},
		"-kRSA:ALL":                     {true, true},
		"ECDHE+AESGCM":                  {false, true},
		"EECDH+AESGCM,kRSA @STRENGTH":   {true, true},
		"ALL:!ECDHE":                    {true, false},
		"ECDHE-ECDSA-AES256-GCM-SHA384": {false, true},
	} {
		ids, err := suites(list)
		if got := [2]bool{slices.Contains(ids, rsa128), slices.Contains(ids, best)}; err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", list, got, err, want)
		}
	}
	for _, list := range []string{"bogus", "-ALL", "ALL:-ALL", "!ALL:DEFAULT"} {
		if ids, err := suites(list); err == nil {
			t.Errorf("%q gives %v", list, ids)
		}
	}
	if ids, err := suites(" "); ids != nil || err != nil {
		t.Errorf("nothing gives %v, %v", ids, err)
	}
}
