package server

import (
	"slices"
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
)

// Sections gives the sections of INFO in the order in which they are shown. A
// section is named in lower case by clients.
func Sections() []string {
	return []string{
		"Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules", "Commandstats",
		"Errorstats", "Latencystats", "Cluster", "Keyspace", "Redstart",
	}
}

// onDemand are the sections that are long, and shown only when asked for.
func onDemand(section string) bool { return section == "Commandstats" || section == "Latencystats" }

// wanted tells whether the arguments of INFO ask for a section.
func wanted(c *command.Ctx, section string) bool {
	if len(c.Args) == 1 {
		return !onDemand(section)
	}
	return slices.ContainsFunc(c.Args[1:], func(arg []byte) bool {
		switch {
		case command.EqualFold(arg, "ALL"), command.EqualFold(arg, "EVERYTHING"):
			return true
		case command.EqualFold(arg, "DEFAULT"):
			return !onDemand(section)
		case command.EqualFold(arg, "MODULE_LIST"):
			return section == "Modules"
		}
		return equalFold(arg, section)
	})
}

func (f *family) info(c *command.Ctx) {
	var w InfoWriter
	survey := f.node.Survey(c)
	for _, section := range Sections() {
		if !wanted(c, section) {
			continue
		}
		if len(w.b) > 0 {
			w.b = append(w.b, "\r\n"...)
		}
		w.b = append(w.b, "# "...)
		w.b = append(w.b, section...)
		w.b = append(w.b, "\r\n"...)
		survey.Info(&w, section)
	}
	c.Verbatim("txt", w.b)
}

// InfoWriter collects the fields of INFO.
type InfoWriter struct{ b []byte }

func (w *InfoWriter) name(name string) {
	w.b = append(w.b, name...)
	w.b = append(w.b, ':')
}

func (w *InfoWriter) end() { w.b = append(w.b, "\r\n"...) }

// Str adds a text.
func (w *InfoWriter) Str(name, v string) {
	w.name(name)
	w.b = append(w.b, v...)
	w.end()
}

// Int adds an integer.
func (w *InfoWriter) Int(name string, v int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, v, 10)
	w.end()
}

// Uint adds an integer.
func (w *InfoWriter) Uint(name string, v uint64) {
	w.name(name)
	w.b = strconv.AppendUint(w.b, v, 10)
	w.end()
}

// Flag adds 1 or 0.
func (w *InfoWriter) Flag(name string, v bool) {
	if v {
		w.Int(name, 1)
	} else {
		w.Int(name, 0)
	}
}

// Zeros adds fields that are 0.
func (w *InfoWriter) Zeros(names ...string) {
	for _, name := range names {
		w.Int(name, 0)
	}
}

// Float adds a number with a fixed number of decimals and a unit behind it.
func (w *InfoWriter) Float(name string, v float64, decimals int, unit string) {
	w.name(name)
	w.b = strconv.AppendFloat(w.b, v, 'f', decimals, 64)
	w.b = append(w.b, unit...)
	w.end()
}

// Human adds a number of bytes for people.
func (w *InfoWriter) Human(name string, v uint64) { w.Str(name, humanBytes(v)) }

// Append adds lines that f appends.
func (w *InfoWriter) Append(f func(dst []byte) []byte) { w.b = f(w.b) }

// humanBytes writes a number of bytes in its largest unit.
func humanBytes(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + "B"
	}
	const units = "KMGTP"
	f := float64(n) / 1024
	u := 0
	for u < len(units)-1 && n >= 1<<(10*(u+2)) {
		f /= 1024
		u++
	}
	return strconv.FormatFloat(f, 'f', 2, 64) + units[u:u+1]
}

// equalFold compares without regard to case; word may be in any.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range b {
		if b[i] != word[i] && lower(b[i]) != lower(word[i]) {
			return false
		}
	}
	return true
}

func lower(x byte) byte {
	if 'A' <= x && x <= 'Z' {
		x += 'a' - 'A'
	}
	return x
}
