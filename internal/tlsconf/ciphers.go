package tlsconf

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
)

// suite is a cipher suite of TLS up to 1.2 as OpenSSL names it, with the words that
// stand for it among others in a list of ciphers.
type suite struct {
	name  string
	id    uint16
	words string
}

// known is the suites that crypto/tls has, the best first.
var known = [...]suite{
	{"ECDHE-ECDSA-AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE ECDSA AES AES256 AESGCM SHA384 HIGH"},
	{"ECDHE-RSA-AES256-GCM-SHA384", tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE aRSA AES AES256 AESGCM SHA384 HIGH"},
	{"ECDHE-ECDSA-CHACHA20-POLY1305", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE ECDSA CHACHA20 HIGH"},
	{"ECDHE-RSA-CHACHA20-POLY1305", tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE aRSA CHACHA20 HIGH"},
	{"ECDHE-ECDSA-AES128-GCM-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE ECDSA AES AES128 AESGCM SHA256 HIGH"},
	{"ECDHE-RSA-AES128-GCM-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE aRSA AES AES128 AESGCM SHA256 HIGH"},
	{"ECDHE-ECDSA-AES128-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE ECDSA AES AES128 SHA256 HIGH"},
	{"ECDHE-RSA-AES128-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE aRSA AES AES128 SHA256 HIGH"},
	{"ECDHE-ECDSA-AES256-SHA", tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE ECDSA AES AES256 SHA1 HIGH"},
	{"ECDHE-RSA-AES256-SHA", tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE aRSA AES AES256 SHA1 HIGH"},
	{"ECDHE-ECDSA-AES128-SHA", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE ECDSA AES AES128 SHA1 HIGH"},
	{"ECDHE-RSA-AES128-SHA", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE aRSA AES AES128 SHA1 HIGH"},
	{"AES256-GCM-SHA384", tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "kRSA aRSA RSA AES AES256 AESGCM SHA384 HIGH"},
	{"AES128-GCM-SHA256", tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "kRSA aRSA RSA AES AES128 AESGCM SHA256 HIGH"},
	{"AES128-SHA256", tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "kRSA aRSA RSA AES AES128 SHA256 HIGH"},
	{"AES256-SHA", tls.TLS_RSA_WITH_AES_256_CBC_SHA, "kRSA aRSA RSA AES AES256 SHA1 HIGH"},
	{"AES128-SHA", tls.TLS_RSA_WITH_AES_128_CBC_SHA, "kRSA aRSA RSA AES AES128 SHA1 HIGH"},
}

// suites reads tls-ciphers, a list as OpenSSL has it: names of suites or words for
// several, "+" between words that all have to hold, "!" or "-" in front of what is
// left out, the first of them for good. What crypto/tls does not have is passed over,
// and the order does not matter to it. An empty list is the choice of crypto/tls.
func suites(list string) ([]uint16, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var on, banned [len(known)]bool
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' || r == ';' }) {
		word, remove, ban := item, false, false
		switch item[0] {
		case '!':
			word, remove, ban = item[1:], true, true
		case '-':
			word, remove = item[1:], true
		case '+': // moves what is there to the end
			continue
		}
		for i := range known {
			if known[i].is(word) {
				on[i] = !remove && !banned[i]
				banned[i] = banned[i] || ban
			}
		}
	}
	var ids []uint16
	for i, s := range known {
		if on[i] {
			ids = append(ids, s.id)
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("Failed to configure ciphers: " + list)
	}
	return ids, nil
}

// is tells whether a word of a list stands for the suite.
func (s *suite) is(word string) bool {
	words := strings.Fields(s.words)
	for _, w := range strings.Split(word, "+") {
		switch w {
		case "EECDH", "kECDHE", "kEECDH":
			w = "ECDHE"
		case "aECDSA":
			w = "ECDSA"
		case "SHA":
			w = "SHA1"
		case "ALL", "DEFAULT":
			continue
		}
		if w != s.name && !slices.Contains(words, w) {
			return false
		}
	}
	return true
}

// newestSuites checks that tls-ciphersuites, a list of those of TLS 1.3, has one that there
// is, as OpenSSL asks for. Which of them are used is the choice of crypto/tls.
func newestSuites(list string) error {
	for _, name := range strings.Split(list, ":") {
		switch name {
		case "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256":
			return nil
		}
	}
	if list != "" {
		return errors.New("Failed to configure ciphersuites: " + list)
	}
	return nil
}
