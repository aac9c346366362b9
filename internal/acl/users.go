package acl

import (
	"slices"
	"strconv"
	"strings"
)

// Default is the name of the user that new connections have.
const Default = "default"

// Users is all users by name. There is always a default user, and it is always the same
// one: whoever has a pointer to it may keep that.
type Users struct{ byName map[string]*User }

// NewUsers makes a set with the default user only, who may do everything.
func NewUsers() *Users { return &Users{map[string]*User{Default: newDefault()}} }

// Default is the user of new connections.
func (us *Users) Default() *User { return us.byName[Default] }

// Get gives a user by name, or nil.
func (us *Users) Get(name []byte) *User { return us.byName[string(name)] }

// Names gives the names of all users in order.
func (us *Users) Names() []string {
	names := make([]string, 0, len(us.byName))
	for name := range us.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// All gives all users in the order of their names.
func (us *Users) All() []*User {
	list := make([]*User, 0, len(us.byName))
	for _, name := range us.Names() {
		list = append(list, us.byName[name])
	}
	return list
}

// Add adds a user whose name is new.
func (us *Users) Add(u *User) { us.byName[u.name] = u }

// Remove removes a user other than the default user, and gives it; nil if there is none.
func (us *Users) Remove(name string) *User {
	u := us.byName[name]
	if name == Default {
		return nil
	}
	delete(us.byName, name)
	return u
}

// BadName tells whether a name could not stand in a line with rules.
func BadName(name string) bool { return hasSpaces(name) }

// Lines describes all users, as in ACL LIST.
func (us *Users) Lines(cs *Commands) []string {
	lines := make([]string, 0, len(us.byName))
	for _, u := range us.All() {
		lines = append(lines, string(u.Append([]byte("user "+u.name+" "), cs)))
	}
	return lines
}

// Parse reads the text of a file of users, as Lines writes them. The errors, which are
// of all lines together, name the file; empty is success.
func (r Rules) Parse(text, file string) (us *Users, errs string) {
	us = &Users{map[string]*User{}}
	var b strings.Builder
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.Trim(line, " \t\r\n")
		if line == "" {
			continue
		}
		r.parseLine(us, &b, file+":"+strconv.Itoa(n), n, strings.Split(line, " "))
	}
	if b.Len() > 0 {
		return nil, b.String() + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	}
	if us.Default() == nil {
		us.Add(newDefault())
	}
	return us, ""
}

// parseLine reads one line, and appends what is wrong with it to errs.
func (r Rules) parseLine(us *Users, errs *strings.Builder, place string, n int, argv []string) {
	if argv[0] != "user" || len(argv) < 2 {
		errs.WriteString(place + " should start with user keyword followed by the username. ")
		return
	}
	name := argv[1]
	if hasSpaces(name) {
		errs.WriteString("'" + place + ": username '" + name + "' contains invalid characters. ")
		return
	}
	if us.byName[name] != nil {
		errs.WriteString("WARNING: Duplicate user '" + name + "' found on line " + strconv.Itoa(n) + ". ")
		return
	}
	u := r.NewUser(name)
	us.Add(u)
	rules, unmatched := MergeSelectors(argv[2:])
	if unmatched >= 0 {
		errs.WriteString(place + ": Unmatched parenthesis in selector definition.")
		return
	}
	told := false
	for _, rule := range rules {
		rule = strings.Trim(rule, "\t\r\n")
		switch err := r.Apply(u, rule); {
		case err == nil:
		case IsUnknown(err):
			errs.WriteString(place + ": Error in applying operation '" + rule + "': " + err.Error() + ". ")
		case !told:
			told = true
			errs.WriteString(place + ": " + err.Error() + ". ")
		}
	}
}

// Replace makes us what o is: the default user stays the same one with the rules of o's,
// and all others are new. It gives those that are gone. o must not be used any more.
func (us *Users) Replace(o *Users) (gone []*User) {
	def := us.Default()
	for _, u := range us.All() {
		if u != def {
			gone = append(gone, u)
		}
	}
	def.Become(o.Default())
	o.byName[Default] = def
	us.byName = o.byName
	return gone
}
