package config

import (
	"slices"
	"strings"
)

// directive is one row of the table.
type directive struct {
	name  string
	alias string // the older name, shown by CONFIG GET beside the other
	typ   typ
	def   string // as CONFIG GET shows it
	flags flags
	field func(*Config) any // pointer to the value; nil if it has no field of its own
	doc   string
}

type flags uint8

const (
	immutable flags = 1 << iota // CONFIG SET refuses it
	sensitive                   // its value is kept out of logs
	protected                   // CONFIG SET needs enable-protected-configs
	hidden                      // CONFIG GET shows it only when asked by name
	fileOnly                    // unknown to CONFIG GET and SET
	later                       // not known to Redis 7.0
	reread                      // applied also if set to the same value: names a file, or shows less than it has
	loaded                      // CONFIG SET refuses it while data is being loaded
)

// table has every directive, one row each. It is never written.
var table = slices.Concat(
	networkDirectives,
	tlsDirectives,
	securityDirectives,
	processDirectives,
	limitDirectives,
	memoryDirectives,
	persistenceDirectives,
	encodingDirectives,
	replicationDirectives,
	clusterDirectives,
	otherDirectives,
)

// index finds a row by lower-case name or alias. It is never written.
var index = func() map[string]int {
	m := make(map[string]int, 2*len(table))
	for i := range table {
		m[table[i].name] = i
		if a := table[i].alias; a != "" {
			m[a] = i
		}
	}
	return m
}()

// lookup finds a directive by name or alias, in any case.
func lookup(name string) (int, *directive) {
	i, ok := index[strings.ToLower(name)]
	if !ok {
		return -1, nil
	}
	return i, &table[i]
}

// pointer returns where the value of row i is kept.
func (d *directive) pointer(c *Config, i int) any {
	if d.field != nil {
		return d.field(c)
	}
	cell := &c.rest[i]
	switch d.typ.kind {
	case kindBool:
		return &cell.b
	case kindString:
		return &cell.s
	case kindEnum:
		return &cell.e
	default:
		return &cell.n
	}
}

// Row describes a directive, for documentation.
type Row struct {
	Name      string
	Alias     string // older name, or empty
	Type      string
	Default   string
	Mutable   bool // CONFIG SET may change it
	Sensitive bool // to be kept out of logs
	Protected bool // CONFIG SET needs enable-protected-configs
	Hidden    bool // CONFIG GET shows it only by name
	FileOnly  bool // known in the file and on the command line only
	Newer     bool // not known to Redis 7.0
	Doc       string
}

func (d *directive) row() Row {
	return Row{
		Name:      d.name,
		Alias:     d.alias,
		Type:      d.typ.label(),
		Default:   d.def,
		Mutable:   d.flags&(immutable|fileOnly) == 0,
		Sensitive: d.flags&sensitive != 0,
		Protected: d.flags&protected != 0,
		Hidden:    d.flags&hidden != 0,
		FileOnly:  d.flags&fileOnly != 0,
		Newer:     d.flags&later != 0,
		Doc:       d.doc,
	}
}

// Reference returns every directive, in the order of the table.
func Reference() []Row {
	rows := make([]Row, len(table))
	for i := range table {
		rows[i] = table[i].row()
	}
	return rows
}

// Lookup returns the row of a directive by its name or alias, in any case.
func Lookup(name string) (Row, bool) {
	_, d := lookup(name)
	if d == nil {
		return Row{}, false
	}
	return d.row(), true
}
