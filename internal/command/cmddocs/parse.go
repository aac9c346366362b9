package cmddocs

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The format of text/GROUP.txt. A line that is empty or starts with '#' says
// nothing. A line without indentation opens a command; lines indented by two
// spaces describe it, each a keyword and its value:
//
//	command set                        lower case; a subcommand is config|get
//	  summary     TEXT                 required; no final period
//	  complexity  TEXT
//	  since       2.6.0                required
//	  arity       -3                   required
//	  flags       write denyoom        as COMMAND INFO prints them
//	  acl         write string slow    ACL categories
//	  keys        1 1 1                first, last, step; left out if all are 0
//	  tips        TIP...
//	  docflags    deprecated
//	  deprecated  4.0.0                since when
//	  replaced    TEXT                 by what
//	  keyspec     RW access; index 1; range 0 1 0
//	  note        TEXT                 on the preceding keyspec
//	  history     6.2.0 TEXT           once per version with a change
//	  arg         NAME TYPE [ATTRIBUTE...]
//
// A keyspec has three parts: the flags; "index INDEX", "keyword WORD STARTFROM"
// or "unknown"; "range LASTKEY KEYSTEP LIMIT", "keynum KEYNUMIDX FIRSTKEY
// KEYSTEP" or "unknown".
//
// The attributes of an arg are flags (optional, multiple, multiple_token) and
// token=WORD, since=VERSION, deprecated=VERSION, keyspec=INDEX, in any order.
// An arg that is indented by two more spaces than the one above is a part of it.
//
// Wherever Redis prints a list (flags, categories, tips, keyspecs, args), it is
// written here in Redis's order. For flags, categories and the flags of keyspecs
// and args Redis has fixed orders, which TestOrder states; subcommands it prints
// in an order that changes from run to run.

//go:embed text/*.txt
var texts embed.FS

// loadCatalogue parses all embedded files. They are part of the program, so a
// mistake in them is a mistake in the program: it panics, and the tests notice.
func loadCatalogue() *catalogue {
	cat := &catalogue{byName: make(map[string]*Command, 400)}
	entries, err := texts.ReadDir("text")
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		data, err := texts.ReadFile(path.Join("text", entry.Name()))
		if err != nil {
			panic(err)
		}
		group := strings.TrimSuffix(entry.Name(), ".txt")
		commands, err := parseGroup(group, string(data))
		if err != nil {
			panic(fmt.Sprintf("cmddocs: %s: %v", entry.Name(), err))
		}
		if err := cat.add(group, commands); err != nil {
			panic(fmt.Sprintf("cmddocs: %s: %v", entry.Name(), err))
		}
	}
	slices.Sort(cat.names)
	for _, name := range cat.names {
		if parent := cat.byName[name].Parent(); parent != "" {
			p, ok := cat.byName[parent]
			if !ok {
				panic(fmt.Sprintf("cmddocs: %s has no parent", name))
			}
			p.Subcommands = append(p.Subcommands, name)
		}
	}
	return cat
}

func (cat *catalogue) add(group string, commands []*Command) error {
	g := Group{Name: group}
	for _, c := range commands {
		if _, dup := cat.byName[c.Name]; dup {
			return fmt.Errorf("%s is described twice", c.Name)
		}
		cat.byName[c.Name] = c
		cat.names = append(cat.names, c.Name)
		if c.Parent() == "" {
			g.Commands = append(g.Commands, c)
		}
	}
	slices.SortFunc(g.Commands, func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	cat.groups = append(cat.groups, g)
	return nil
}

// parseGroup parses one file.
func parseGroup(group, text string) ([]*Command, error) {
	var commands []*Command
	var c *Command
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \n")
		body := strings.TrimLeft(line, " ")
		if body == "" || body[0] == '#' {
			continue
		}
		keyword, value, _ := strings.Cut(body, " ")
		value = strings.TrimLeft(value, " ")
		indent := len(line) - len(body)
		var err error
		switch {
		case indent == 0 && keyword == "command" && value != "":
			c = &Command{Name: value, Group: group}
			commands = append(commands, c)
		case indent == 0 || indent%2 != 0 || c == nil:
			err = fmt.Errorf("misplaced %q", body)
		case keyword == "arg":
			err = addArgument(c, indent/2-1, value)
		case indent != 2:
			err = fmt.Errorf("misplaced %q", body)
		default:
			err = setProperty(c, keyword, value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return commands, nil
}

// setProperty sets what a line other than arg says.
func setProperty(c *Command, keyword, value string) (err error) {
	if value == "" {
		return fmt.Errorf("%s without a value", keyword)
	}
	switch keyword {
	case "summary":
		c.Summary = value
	case "complexity":
		c.Complexity = value
	case "since":
		c.Since = value
	case "arity":
		c.Arity, err = strconv.Atoi(value)
	case "flags":
		c.Flags = strings.Fields(value)
	case "acl":
		c.Categories = strings.Fields(value)
	case "keys":
		err = parseInts(value, &c.First, &c.Last, &c.Step)
	case "tips":
		c.Tips = strings.Fields(value)
	case "docflags":
		c.DocFlags = strings.Fields(value)
	case "deprecated":
		c.DeprecatedSince = value
	case "replaced":
		c.ReplacedBy = value
	case "keyspec":
		var spec KeySpec
		spec, err = parseKeySpec(value)
		c.KeySpecs = append(c.KeySpecs, spec)
	case "note":
		if len(c.KeySpecs) == 0 {
			return fmt.Errorf("note without a keyspec")
		}
		c.KeySpecs[len(c.KeySpecs)-1].Notes = value
	case "history":
		version, text, _ := strings.Cut(value, " ")
		c.History = append(c.History, Change{Version: version, Text: text})
	default:
		err = fmt.Errorf("unknown keyword %q", keyword)
	}
	return err
}

// addArgument appends an argument to the list that is depth levels deep.
func addArgument(c *Command, depth int, value string) error {
	list := &c.Arguments
	for range depth {
		if len(*list) == 0 {
			return fmt.Errorf("argument %q is indented too far", value)
		}
		list = &(*list)[len(*list)-1].Args
	}
	a, err := parseArgument(value)
	if err != nil {
		return err
	}
	*list = append(*list, a)
	return nil
}

func parseArgument(value string) (Argument, error) {
	a := Argument{KeySpecIndex: -1}
	var rest string
	a.Name, rest, _ = strings.Cut(value, " ")
	a.Type, rest, _ = strings.Cut(rest, " ")
	if a.Type == "" {
		return a, fmt.Errorf("argument %q has no type", value)
	}
	for rest != "" {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		name, val, hasValue := strings.Cut(word, "=")
		var err error
		switch {
		case !hasValue && (word == ArgOptional || word == ArgMultiple || word == ArgMultipleToken):
			a.Flags = append(a.Flags, word)
		case !hasValue || val == "":
			err = fmt.Errorf("argument %q: bad attribute %q", a.Name, word)
		case name == "token":
			a.Token = val
		case name == "since":
			a.Since = val
		case name == "deprecated":
			a.DeprecatedSince = val
		case name == "keyspec":
			a.KeySpecIndex, err = strconv.Atoi(val)
		default:
			err = fmt.Errorf("argument %q: bad attribute %q", a.Name, word)
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

func parseKeySpec(value string) (KeySpec, error) {
	var k KeySpec
	parts := strings.Split(value, "; ")
	if len(parts) != 3 {
		return k, fmt.Errorf("keyspec %q does not have three parts", value)
	}
	k.Flags = strings.Fields(parts[0])

	begin := &k.BeginSearch
	var numbers string
	var err error
	begin.Type, numbers, _ = strings.Cut(parts[1], " ")
	switch begin.Type {
	case "index":
		err = parseInts(numbers, &begin.Index)
	case "keyword":
		begin.Keyword, numbers, _ = strings.Cut(numbers, " ")
		err = parseInts(numbers, &begin.StartFrom)
	case "unknown":
		err = parseInts(numbers)
	default:
		err = fmt.Errorf("keyspec %q: unknown search", value)
	}
	if err != nil {
		return k, err
	}

	find := &k.FindKeys
	find.Type, numbers, _ = strings.Cut(parts[2], " ")
	switch find.Type {
	case "range":
		err = parseInts(numbers, &find.LastKey, &find.KeyStep, &find.Limit)
	case "keynum":
		err = parseInts(numbers, &find.KeyNumIdx, &find.FirstKey, &find.KeyStep)
	case "unknown":
		err = parseInts(numbers)
	default:
		err = fmt.Errorf("keyspec %q: unknown way to find keys", value)
	}
	return k, err
}

// parseInts sets the targets to the numbers in text, which must be as many.
func parseInts(text string, targets ...*int) error {
	fields := strings.Fields(text)
	if len(fields) != len(targets) {
		return fmt.Errorf("%q: want %d numbers", text, len(targets))
	}
	for i, field := range fields {
		n, err := strconv.Atoi(field)
		if err != nil {
			return err
		}
		*targets[i] = n
	}
	return nil
}
