package tlsconf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"hash"
)

var errPass = errors.New("the passphrase is wrong or missing")

// decryptPEM gives the file of a private key without its encryption, if it has any.
func decryptPEM(file []byte, pass string) ([]byte, error) {
	var out bytes.Buffer
	for rest := file; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return out.Bytes(), nil
		}
		switch {
		case b.Type == "ENCRYPTED PRIVATE KEY":
			der, err := decryptPKCS8(b.Bytes, pass)
			if err != nil {
				return nil, err
			}
			b = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
		case b.Headers["DEK-Info"] != "":
			// Such files are out of date, but there are still some.
			//lint:ignore SA1019 nothing takes its place
			der, err := x509.DecryptPEMBlock(b, []byte(pass))
			if err != nil {
				return nil, errPass
			}
			b = &pem.Block{Type: b.Type, Bytes: der}
		}
		if err := pem.Encode(&out, b); err != nil {
			return nil, err
		}
	}
}

// An encrypted key of PKCS #8, with PBES2 of PKCS #5 (RFC 8018).
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct{ KDF, Cipher pkix.AlgorithmIdentifier }

type kdf struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// maxIterations bounds what a file can make the server compute.
const maxIterations = 10_000_000

func decryptPKCS8(der []byte, pass string) ([]byte, error) {
	unknown := errors.New("its encryption is not known")
	var key encryptedKey
	var params pbes2
	var k kdf
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return nil, err
	}
	if key.Algorithm.Algorithm.String() != "1.2.840.113549.1.5.13" {
		return nil, unknown
	}
	if _, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &params); err != nil {
		return nil, err
	}
	if params.KDF.Algorithm.String() != "1.2.840.113549.1.5.12" {
		return nil, unknown
	}
	if _, err := asn1.Unmarshal(params.KDF.Parameters.FullBytes, &k); err != nil {
		return nil, err
	}
	var iv []byte
	if _, err := asn1.Unmarshal(params.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	size, block := 0, aes.NewCipher
	switch params.Cipher.Algorithm.String() {
	case "2.16.840.1.101.3.4.1.2":
		size = 16
	case "2.16.840.1.101.3.4.1.22":
		size = 24
	case "2.16.840.1.101.3.4.1.42":
		size = 32
	case "1.2.840.113549.3.7":
		size, block = 24, des.NewTripleDESCipher
	}
	prf := map[string]func() hash.Hash{
		"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.9": sha256.New, "1.2.840.113549.2.11": sha512.New,
	}[k.PRF.Algorithm.String()]
	if size == 0 || prf == nil || k.Iterations < 1 || k.Iterations > maxIterations {
		return nil, unknown
	}
	secret, err := pbkdf2.Key(prf, pass, k.Salt, k.Iterations, size)
	if err != nil {
		return nil, err
	}
	c, err := block(secret)
	if err != nil {
		return nil, err
	}
	return decryptCBC(c, iv, key.Data)
}

// decryptCBC takes the padding off, which tells whether the key was right.
func decryptCBC(c cipher.Block, iv, data []byte) ([]byte, error) {
	n := c.BlockSize()
	if len(iv) != n || len(data) == 0 || len(data)%n != 0 {
		return nil, errors.New("it is damaged")
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(c, iv).CryptBlocks(out, data)
	pad := int(out[len(out)-1])
	if pad == 0 || pad > n || !bytes.Equal(out[len(out)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errPass
	}
	return out[:len(out)-pad], nil
}
