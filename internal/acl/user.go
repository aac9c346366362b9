package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
)

// hash is the SHA-256 of a password.
type hash [sha256.Size]byte

// User is who a connection is logged in as. See the package for who may change one.
type User struct {
	name      string
	enabled   bool
	noPass    bool
	sanitize  sanitize
	passwords []hash
	selectors []*selector // at least the root
}

// sanitize is what was said of payloads, if anything. Payloads are always checked.
type sanitize uint8

const (
	sanitizeUnsaid sanitize = iota
	sanitizeOn
	sanitizeSkip
)

// Rules is what the meaning of a rule depends on.
type Rules struct {
	// Commands gives all commands. It is asked when a rule names one for the first time.
	Commands func() *Commands
	// AllChannels says that new users may use all channels (acl-pubsub-default).
	AllChannels bool
}

// NewUser makes a user who may do nothing and cannot log in.
func (r Rules) NewUser(name string) *User {
	return &User{name: name, selectors: []*selector{newSelector(r.AllChannels)}}
}

// newDefault makes the default user as it is unless something else is said.
func newDefault() *User {
	s := &selector{allKeys: true, allChannels: true}
	s.setAll(true)
	return &User{name: Default, enabled: true, noPass: true, selectors: []*selector{s}}
}

// Name is the name of the user.
func (u *User) Name() string { return u.name }

// Open tells whether anybody is taken for the user without logging in.
func (u *User) Open() bool { return u.enabled && u.noPass }

// Enabled tells whether anybody can log in as the user.
func (u *User) Enabled() bool { return u.enabled }

// NoPass tells whether any password will do.
func (u *User) NoPass() bool { return u.noPass }

func (u *User) root() *selector { return u.selectors[0] }

// Clone copies a user.
func (u *User) Clone() *User {
	n := *u
	n.passwords = slices.Clone(u.passwords)
	n.selectors = make([]*selector, len(u.selectors))
	for i, s := range u.selectors {
		n.selectors[i] = s.clone()
	}
	return &n
}

// Become makes u what o is, except for its name. o must not be used any more.
func (u *User) Become(o *User) {
	name := u.name
	*u = *o
	u.name = name
}

// Apply changes a user by one rule. After an error the user is as before.
func (r Rules) Apply(u *User, rule string) error {
	switch strings.ToLower(rule) {
	case "":
		return nil
	case "on":
		u.enabled = true
		return nil
	case "off":
		u.enabled = false
		return nil
	case "nopass":
		u.noPass, u.passwords = true, nil
		return nil
	case "resetpass":
		u.noPass, u.passwords = false, nil
		return nil
	case "sanitize-payload":
		u.sanitize = sanitizeOn
		return nil
	case "skip-sanitize-payload":
		u.sanitize = sanitizeSkip
		return nil
	case "clearselectors":
		u.selectors = u.selectors[:1:1]
		return nil
	case "reset":
		*u = *r.NewUser(u.name)
		u.sanitize = sanitizeOn
		return nil
	}
	switch rule[0] {
	case '>', '#', '<', '!':
		return u.changePassword(rule[0], rule[1:])
	case '(':
		if !strings.HasSuffix(rule, ")") {
			break
		}
		s, err := parseSelector(r.Commands(), rule, r.AllChannels)
		if err != nil {
			return err
		}
		u.selectors = append(u.selectors, s)
		return nil
	}
	var cs *Commands
	if rule[0] == '+' || rule[0] == '-' {
		cs = r.Commands()
	}
	return u.root().apply(cs, rule)
}

// changePassword adds a password ('>', or '#' its hash) or takes one away ('<', '!').
func (u *User) changePassword(how byte, text string) error {
	h := hash(sha256.Sum256([]byte(text)))
	if how == '#' || how == '!' {
		var ok bool
		if h, ok = parseHash(text); !ok {
			return errHash
		}
	}
	i := slices.Index(u.passwords, h)
	if how == '<' || how == '!' {
		if i < 0 {
			return errNoSuchPw
		}
		u.passwords = slices.Delete(u.passwords, i, i+1)
		return nil
	}
	if i < 0 {
		u.passwords = append(u.passwords, h)
	}
	u.noPass = false
	return nil
}

// parseHash reads 64 digits in lower case.
func parseHash(text string) (h hash, ok bool) {
	if len(text) != hex.EncodedLen(len(h)) || text != strings.ToLower(text) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(text))
	return h, err == nil
}

// SetPassword makes this the only password; an empty one lets everybody in
// (requirepass).
func (u *User) SetPassword(password string) {
	u.noPass, u.passwords = password == "", nil
	if password != "" {
		u.passwords = []hash{sha256.Sum256([]byte(password))}
	}
}

// Hashes gives the passwords, as digits.
func (u *User) Hashes() []string {
	list := make([]string, len(u.passwords))
	for i, h := range u.passwords {
		list[i] = hex.EncodeToString(h[:])
	}
	return list
}

// Flags gives the flags in the words of rules.
func (u *User) Flags() []string {
	flags := []string{"off"}
	if u.enabled {
		flags[0] = "on"
	}
	if u.noPass {
		flags = append(flags, "nopass")
	}
	switch u.sanitize {
	case sanitizeOn:
		flags = append(flags, "sanitize-payload")
	case sanitizeSkip:
		flags = append(flags, "skip-sanitize-payload")
	}
	return flags
}

// Authenticate tells whether somebody with a password may log in. The time it takes says
// nothing of which passwords there are: all are compared whole.
func (u *User) Authenticate(password []byte) bool {
	if !u.enabled {
		return false
	}
	if u.noPass {
		return true
	}
	h := sha256.Sum256(password)
	found := 0
	for i := range u.passwords {
		found |= subtle.ConstantTimeCompare(h[:], u.passwords[i][:])
	}
	return found == 1
}
