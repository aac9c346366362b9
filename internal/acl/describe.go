package acl

import "strings"

// append appends the rules of the selector that make it anew.
func (s *selector) append(b []byte, cs *Commands) []byte {
	if s.allKeys || len(s.keys) > 0 {
		b = append(s.appendKeys(b), ' ')
	}
	if s.allChannels {
		b = append(b, "&* "...)
	} else {
		b = append(b, "resetchannels "...)
		if len(s.channels) > 0 {
			b = append(s.appendChannels(b), ' ')
		}
	}
	return s.appendCommands(b, cs)
}

func (s *selector) appendKeys(b []byte) []byte {
	if s.allKeys {
		return append(b, "~*"...)
	}
	for i, p := range s.keys {
		if i > 0 {
			b = append(b, ' ')
		}
		switch p.access {
		case Read:
			b = append(b, "%R"...)
		case Write:
			b = append(b, "%W"...)
		}
		b = append(b, '~')
		b = append(b, p.pattern...)
	}
	return b
}

func (s *selector) appendChannels(b []byte) []byte {
	if s.allChannels {
		return append(b, "&*"...)
	}
	for i, p := range s.channels {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, '&')
		b = append(b, p...)
	}
	return b
}

// appendCommands appends rules that lead to the same set of commands. What was said to
// get there is not kept: as long as there is a category of which more commands are as
// wanted than not, the one with the fewest exceptions is taken; then single commands
// make up for the rest.
func (s *selector) appendCommands(b []byte, cs *Commands) []byte {
	additive := !s.commands.has(future)
	sign, made := "+@", new(selector) // what the rules so far lead to
	if additive {
		b = append(b, "-@all"...)
	} else {
		sign = "-@"
		made.setAll(true)
		b = append(b, "+@all"...)
	}
	if cs == nil || s.allCommands {
		return b // no rule has named a command yet
	}
	left := s.clone() // without what categories have taken care of
	var applied [len(categories)]bool
	for {
		best := left.bestCategory(cs, &applied, additive)
		if best < 0 {
			break
		}
		applied[best] = true
		b = append(append(append(b, ' '), sign...), categories[best]...)
		made.changeCategory(cs, 1<<best, additive)
		left.changeCategory(cs, 1<<best, !additive)
	}
	for i := range cs.all {
		b = s.appendCommand(b, &cs.all[i], made)
	}
	return b
}

// bestCategory gives the category that fits best, -1 if none does.
func (s *selector) bestCategory(cs *Commands, applied *[len(categories)]bool, additive bool) int {
	best, fewest, most := -1, MaxCommands, 0
	var whole bitset
	for i := range whole {
		whole[i] = ^uint64(0)
	}
	for i := range categories {
		if applied[i] {
			continue
		}
		same := cs.own[i].common(&s.commands)
		diff := cs.own[i].common(&whole) - same
		if !additive {
			same, diff = diff, same
		}
		if same > diff && (diff < fewest || diff == fewest && same > most) {
			best, fewest, most = i, diff, same
		}
	}
	return best
}

// appendCommand appends what made has to be changed by for one command.
func (s *selector) appendCommand(b []byte, c *command, made *selector) []byte {
	on := s.commands.has(c.ID)
	if on != made.commands.has(c.ID) {
		sign := byte('-')
		if on {
			sign = '+'
		}
		b = append(append(append(b, ' '), sign), c.Name...)
		made.change(c, on)
	}
	for _, arg := range s.firstArgs[c.ID] {
		b = append(append(append(append(b, " +"...), c.Name...), '|'), arg...)
	}
	return b
}

// Append appends the description of a user, as in ACL LIST, without "user" and its name.
func (u *User) Append(b []byte, cs *Commands) []byte {
	for _, f := range u.Flags() {
		b = append(append(b, f...), ' ')
	}
	for _, h := range u.Hashes() {
		b = append(append(append(b, '#'), h...), ' ')
	}
	b = u.root().append(b, cs)
	for _, s := range u.selectors[1:] {
		b = append(s.append(append(b, " ("...), cs), ')')
	}
	return b
}

// Selector is what ACL GETUSER shows of a selector, in the words of rules.
type Selector struct{ Commands, Keys, Channels string }

// Selectors describes all selectors, the root first.
func (u *User) Selectors(cs *Commands) []Selector {
	list := make([]Selector, len(u.selectors))
	for i, s := range u.selectors {
		list[i] = Selector{
			Commands: string(s.appendCommands(nil, cs)),
			Keys:     string(s.appendKeys(nil)),
			Channels: string(s.appendChannels(nil)),
		}
	}
	return list
}

// MergeSelectors joins the rules of a selector that were split at spaces. unmatched is
// the index of the rule that opens a selector which never closes, or -1.
func MergeSelectors(rules []string) (merged []string, unmatched int) {
	merged = make([]string, 0, len(rules))
	open := -1
	for i, r := range rules {
		opens, closes := strings.HasPrefix(r, "("), strings.HasSuffix(r, ")")
		switch {
		case open < 0 && opens && !closes:
			open = i
		case open < 0:
			merged = append(merged, r)
		case closes:
			merged = append(merged, strings.Join(rules[open:i+1], " "))
			open = -1
		}
	}
	return merged, open
}
