package acl

import (
	"errors"
	"slices"
	"strings"

	"github.com/redstart-db/redstart/internal/words"
)

// Access is what may be done to a key, or what a command does to it.
type Access uint8

// The kinds of access.
const (
	Read  Access = 1 << iota // its value, or something of it, is shown or copied
	Write                    // it is changed, made or removed
)

// selector is rules of which one alone has to allow all of a call.
//
// With allKeys there are no key patterns, with allChannels none of channels. firstArgs
// has entries only of commands whose bit is not set. allCommands says that the whole
// bitset is set.
type selector struct {
	allCommands, allKeys, allChannels bool

	commands  bitset
	firstArgs map[int][]string // by command: the first arguments it may be called with
	keys      []keyPattern
	channels  []string
}

type keyPattern struct {
	pattern string
	access  Access
}

// Errors of rules, with the texts of Redis.
var (
	errUnknown  = errors.New("Unknown command or category name in ACL")
	errSyntax   = errors.New("Syntax error")
	errAllKeys  = errors.New("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns")
	errAllChans = errors.New("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels")
	errNoSuchPw = errors.New("The password you are trying to remove from the user does not exist")
	errHash     = errors.New("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")
	errFirstArg = errors.New("Allowing first-arg of a subcommand is not supported")
)

// IsUnknown tells whether a rule failed because it names no command or category.
func IsUnknown(err error) bool { return err == errUnknown }

// newSelector makes one that allows nothing, but for all channels if these are allowed
// by default.
func newSelector(allChannels bool) *selector { return &selector{allChannels: allChannels} }

func (s *selector) clone() *selector {
	n := *s
	n.keys, n.channels = slices.Clone(s.keys), slices.Clone(s.channels)
	if s.firstArgs != nil {
		n.firstArgs = make(map[int][]string, len(s.firstArgs))
		for id, args := range s.firstArgs {
			n.firstArgs[id] = slices.Clone(args)
		}
	}
	return &n
}

// parseSelector makes a selector of rules in parentheses. What is between them is split
// as a line of the configuration is; where quotes do not match there are no rules.
func parseSelector(cs *Commands, text string, allChannels bool) (*selector, error) {
	s := newSelector(allChannels)
	list, ok := words.Split([]byte(text[1 : len(text)-1]))
	if !ok {
		return s, nil
	}
	for _, rule := range list {
		if err := s.apply(cs, string(rule)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// apply changes the selector by one rule; after an error it is as it was.
func (s *selector) apply(cs *Commands, rule string) error {
	switch strings.ToLower(rule) {
	case "":
		return errSyntax
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
		return nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
		return nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
		return nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
		return nil
	case "allcommands", "+@all":
		s.setAll(true)
		return nil
	case "nocommands", "-@all":
		s.setAll(false)
		return nil
	}
	switch rule[0] {
	case '~', '%':
		return s.addKeys(rule)
	case '&':
		return s.addChannels(rule[1:])
	case '+', '-':
		return s.changeCommands(cs, rule)
	}
	return errSyntax
}

// addKeys adds a pattern of keys. Without a tilde after the kinds of access the pattern
// is empty: Redis takes that.
func (s *selector) addKeys(rule string) error {
	if s.allKeys {
		return errAllKeys
	}
	access, at := Read|Write, 1
	if rule[0] == '%' {
		access = 0
	kinds:
		for ; at < len(rule); at++ {
			switch c := rule[at] | 0x20; {
			case c == 'r' && access&Read == 0:
				access |= Read
			case c == 'w' && access&Write == 0:
				access |= Write
			case rule[at] == '~':
				at++
				break kinds
			default:
				return errSyntax
			}
		}
		if access == 0 {
			return errSyntax
		}
	}
	pattern := rule[at:]
	if hasSpaces(pattern) {
		return errSyntax
	}
	i := slices.IndexFunc(s.keys, func(p keyPattern) bool { return p.pattern == pattern })
	if i >= 0 {
		s.keys[i].access |= access
		return nil
	}
	s.keys = append(s.keys, keyPattern{pattern, access})
	return nil
}

func (s *selector) addChannels(pattern string) error {
	switch {
	case s.allChannels:
		return errAllChans
	case hasSpaces(pattern):
		return errSyntax
	case !slices.Contains(s.channels, pattern):
		s.channels = append(s.channels, pattern)
	}
	return nil
}

// hasSpaces tells whether a text could not be part of a line with others.
func hasSpaces(s string) bool { return strings.ContainsAny(s, " \t\n\v\f\r\x00") }

// setAll allows or forbids all commands, also those of later versions.
func (s *selector) setAll(on bool) {
	s.allCommands, s.firstArgs = on, nil
	s.commands = bitset{}
	if on {
		for i := range s.commands {
			s.commands[i] = ^uint64(0)
		}
	}
}

func (s *selector) changeCommands(cs *Commands, rule string) error {
	on, name := rule[0] == '+', rule[1:]
	if cat, ok := strings.CutPrefix(name, "@"); ok {
		c := CategoryNamed(cat)
		if c == 0 {
			return errUnknown
		}
		s.changeCategory(cs, c, on)
		return nil
	}
	bar := strings.LastIndexByte(name, '|')
	if !on || bar < 0 {
		c := cs.lookup(name)
		if c == nil {
			return errUnknown
		}
		s.change(c, on)
		return nil
	}
	c, sub := cs.lookup(name[:bar]), name[bar+1:]
	switch {
	case c == nil:
		return errUnknown
	case c.parent != nil:
		return errFirstArg
	case sub == "" || hasSpaces(sub): // which would be read as rules, or users, from a file
		return errSyntax
	case len(c.subs) == 0:
		s.allowFirstArg(c.ID, sub)
		return nil
	}
	if c = cs.lookup(name); c == nil {
		return errUnknown
	}
	s.change(c, true)
	return nil
}

// changeCategory does so for the commands of a category; those of a container go with it.
func (s *selector) changeCategory(cs *Commands, cat Category, on bool) {
	for i := range cs.all {
		if c := &cs.all[i]; c.Categories&cat != 0 {
			s.change(c, on)
		}
	}
}

// change allows or forbids a command with its subcommands.
func (s *selector) change(c *command, on bool) {
	s.commands.set(c.ID, on)
	s.allCommands = s.allCommands && on
	delete(s.firstArgs, c.ID)
	for _, sub := range c.subs {
		s.change(sub, on)
	}
}

func (s *selector) allowFirstArg(id int, arg string) {
	if s.commands.has(id) {
		return // with any
	}
	if slices.ContainsFunc(s.firstArgs[id], func(a string) bool { return strings.EqualFold(a, arg) }) {
		return
	}
	if s.firstArgs == nil {
		s.firstArgs = make(map[int][]string)
	}
	s.firstArgs[id] = append(s.firstArgs[id], arg)
}
