package acl

import (
	"slices"
	"strings"

	"github.com/redstart-db/redstart/internal/glob"
)

// Reason is why a call is denied. Of two selectors that deny, the one with the greater
// reason came further.
type Reason uint8

// The reasons.
const (
	Allowed Reason = iota
	DeniedCommand
	DeniedKey
	DeniedLogin // of a log entry; no check gives it
	DeniedChannel
)

// String is how ACL LOG names the reason.
func (r Reason) String() string {
	return [...]string{"allowed", "command", "key", "auth", "channel"}[r]
}

// Key is an argument that is a key, and what the command does to it.
type Key struct {
	At     int
	Access Access
}

// Channels is which arguments are channels.
type Channels uint8

// The ways in which commands use channels.
const (
	NoChannels    Channels = iota
	FirstChannel           // the first argument
	AllChannels            // all arguments
	AllPatterns            // all arguments, which are patterns
	FreeToChannel          // channels that need no permission, as of UNSUBSCRIBE
)

// Request is a call to be checked. All of it is borrowed.
type Request struct {
	Command  int
	Free     bool // everybody may run the command (no_auth)
	Args     [][]byte
	Keys     []Key // needed only if the user NeedsKeys
	Channels Channels
}

// Unrestricted tells whether a user may do everything, so that no call need be checked.
func (u *User) Unrestricted() bool {
	return slices.ContainsFunc(u.selectors, func(s *selector) bool { return s.allCommands && s.allKeys && s.allChannels })
}

// NeedsKeys tells whether it matters which keys a call of a command names.
func (u *User) NeedsKeys() bool {
	return slices.ContainsFunc(u.selectors, func(s *selector) bool { return !s.allKeys })
}

// Check tells whether a user may make a call. at is the argument that is denied. When
// several selectors deny, the error is that of the one that came furthest.
func (u *User) Check(r *Request) (reason Reason, at int) {
	reason = DeniedCommand
	for _, s := range u.selectors {
		got, i := s.check(r)
		if got == Allowed {
			return Allowed, 0
		}
		if got > reason || got == reason && i > at {
			reason, at = got, i
		}
	}
	return reason, at
}

// AnyKey tells whether a user may make a call by a selector that allows some access to
// every key: what the command reads is known only when it runs.
func (u *User) AnyKey(r *Request, access Access) bool {
	for _, s := range u.selectors {
		if got, _ := s.check(r); got == Allowed && s.anyKey(access) {
			return true
		}
	}
	return false
}

func (s *selector) anyKey(access Access) bool {
	return s.allKeys || slices.ContainsFunc(s.keys, func(p keyPattern) bool {
		return p.pattern == "*" && p.access&access == access
	})
}

func (s *selector) check(r *Request) (Reason, int) {
	if !s.allCommands && !r.Free && !s.commands.has(r.Command) && !s.allowsFirstArg(r) {
		return DeniedCommand, 0
	}
	if !s.allKeys {
		for _, k := range r.Keys {
			if !s.allowsKey(r.Args[k.At], k.Access) {
				return DeniedKey, k.At
			}
		}
	}
	if !s.allChannels && (r.Channels == FirstChannel || r.Channels == AllChannels || r.Channels == AllPatterns) {
		args := r.Args
		if r.Channels == FirstChannel {
			args = args[:min(2, len(args))]
		}
		for i := 1; i < len(args); i++ {
			if !allowsChannel(s.channels, args[i], r.Channels == AllPatterns) {
				return DeniedChannel, i
			}
		}
	}
	return Allowed, 0
}

func (s *selector) allowsFirstArg(r *Request) bool {
	if len(s.firstArgs) == 0 || len(r.Args) < 2 {
		return false
	}
	for _, a := range s.firstArgs[r.Command] {
		if equalFold(r.Args[1], a) {
			return true
		}
	}
	return false
}

func (s *selector) allowsKey(key []byte, access Access) bool {
	for i := range s.keys {
		if p := &s.keys[i]; p.access&access == access && match(p.pattern, key) {
			return true
		}
	}
	return false
}

// match is that of KEYS: as there, a star alone does not match the empty name. A selector
// for all keys has no patterns.
func match(pattern string, name []byte) bool {
	var buf [128]byte
	return glob.Match(append(buf[:0], pattern...), name, false)
}

// allowsChannel tells whether one of the allowed patterns matches a channel. A pattern
// has to be one of them itself: which channels it matches nobody can tell.
func allowsChannel(allowed []string, name []byte, pattern bool) bool {
	for _, p := range allowed {
		if pattern && p == string(name) || !pattern && match(p, name) {
			return true
		}
	}
	return false
}

// equalFold compares ASCII text in any case.
func equalFold(b []byte, s string) bool {
	return len(b) == len(s) && (string(b) == s || strings.EqualFold(s, string(b)))
}

// Keeps tells whether whoever has subscribed as the user u may go on when u becomes o:
// names of channels (also of shards) and of patterns are as they were asked for.
func (o *User) Keeps(channels, patterns []string) bool {
	allowed, all := o.channels()
	if all {
		return true
	}
	for _, c := range channels {
		if !allowsChannel(allowed, []byte(c), false) {
			return false
		}
	}
	for _, p := range patterns {
		if !allowsChannel(allowed, []byte(p), true) {
			return false
		}
	}
	return true
}

// channels gives the patterns of channels of all selectors together.
func (u *User) channels() (patterns []string, all bool) {
	for _, s := range u.selectors {
		if s.allChannels {
			return nil, true
		}
		patterns = append(patterns, s.channels...)
	}
	return patterns, false
}

// LosesChannels tells whether there is something that a user might listen to but o may
// not; if not nobody's subscriptions need be looked at.
func (u *User) LosesChannels(o *User) bool {
	has, all := u.channels()
	keeps, any := o.channels()
	if any {
		return false
	}
	return all || slices.ContainsFunc(has, func(p string) bool { return !slices.Contains(keeps, p) })
}
