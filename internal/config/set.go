package config

import (
	"errors"
	"slices"
	"strings"
)

// SetError is why CONFIG SET failed. Error returns the text that the client
// gets, without the leading "ERR ".
type SetError struct {
	Name string // the directive to blame, or empty
	Msg  string

	unknown bool
}

func (e *SetError) Error() string {
	switch {
	case e.unknown:
		name, _, _ := strings.Cut(e.Name, "\x00") // printed as a string of C
		return "Unknown option or number of arguments for CONFIG SET - '" + name + "'"
	case e.Name == "":
		return "CONFIG SET failed - " + e.Msg
	}
	return "CONFIG SET failed (possibly related to argument '" + e.Name + "') - " + e.Msg
}

// Set changes directives as CONFIG SET does, all or none. Every value is
// checked before the first is changed. Then c is changed and apply is called
// with the names of the directives whose values differ, and of those that name a
// file to be read again; of two names for one directive it gets the newer. When apply fails, the old values come back, apply is called
// again to take them up, and its first error is returned: as it is if it is a
// *SetError, which can name the directive to blame, and within one otherwise.
// apply may be nil.
//
// Protected directives are refused unless enable-protected-configs is yes; see
// SetFrom.
func (c *Config) Set(pairs [][2]string, apply func(changed []string) error) error {
	return c.SetFrom(Setter{}, pairs, apply)
}

// Setter is who sets directives, and when.
type Setter struct {
	Local   bool // on this host
	Loading bool // data is being loaded
}

// ErrLoading is the error of a directive that cannot be set while data is being loaded.
var ErrLoading = errors.New("data is being loaded")

// SetFrom is Set for a client.
func (c *Config) SetFrom(who Setter, pairs [][2]string, apply func(changed []string) error) error {
	if err := c.settable(who, pairs); err != nil {
		return err
	}
	old, next := *c, c.clone()
	for _, p := range pairs {
		i, d := lookup(p[0])
		if err := d.parse(next, i, setWords(d, p[1]), false); err != nil {
			return &SetError{Name: strings.ToLower(p[0]), Msg: err.Error()}
		}
	}
	changed := changedNames(&old, next, pairs)
	*c = *next
	if apply == nil || len(changed) == 0 {
		return nil
	}
	err := apply(changed)
	if err == nil {
		return nil
	}
	*c = old
	// The second call restores what the first may have begun. Its error has
	// no one to go to: the client learns of the first.
	_ = apply(changed)
	var set *SetError
	if errors.As(err, &set) {
		return set
	}
	return &SetError{Msg: err.Error()}
}

// setWords splits the value of a directive that takes several words.
func setWords(d *directive, value string) []string {
	if d.typ.multi && value == "" {
		return nil
	}
	return []string{value}
}

// settable checks the names of pairs.
func (c *Config) settable(who Setter, pairs [][2]string) error {
	for n, p := range pairs {
		_, d := lookup(p[0])
		switch {
		case d == nil || d.flags&fileOnly != 0:
			return &SetError{Name: p[0], unknown: true}
		case d.flags&immutable != 0:
			return &SetError{Name: p[0], Msg: "can't set immutable config"}
		case d.flags&protected != 0 && !c.EnableProtectedConfigs.Allows(who.Local):
			return &SetError{Name: p[0], Msg: "can't set protected config"}
		case d.flags&loaded != 0 && who.Loading:
			return ErrLoading
		}
		// An older name beside the newer one is no duplicate: the last wins.
		if slices.ContainsFunc(pairs[:n], func(q [2]string) bool { return strings.EqualFold(p[0], q[0]) }) {
			return &SetError{Name: p[0], Msg: "duplicate parameter"}
		}
	}
	return nil
}

func changedNames(old, next *Config, pairs [][2]string) []string {
	var names []string
	for _, p := range pairs {
		i, d := lookup(p[0])
		if slices.Contains(names, d.name) {
			continue
		}
		if d.flags&reread != 0 || d.value(old, i) != d.value(next, i) {
			names = append(names, d.name)
		}
	}
	return names
}
