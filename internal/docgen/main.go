// Command docgen writes the references in docs/ from the tables in the code:
// what every command and every directive is called, takes and does.
//
//go:generate go run . ../../docs
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/cmddocs"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/node"
)

func main() {
	dir := "docs"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := run(dir); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	pages, err := Pages()
	if err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Pages gives the generated pages by file name.
func Pages() (map[string][]byte, error) {
	n, err := node.Open(config.Default(), nil)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	return map[string][]byte{
		"commands.md": commands(n.Exec.Table),
		"config.md":   directives(config.Reference()),
	}, nil
}

const note = "<!-- Generated from the tables in the code by `make docs`; not to be edited. -->\n\n"

func commands(table *command.Table) []byte {
	groups := map[string][]*cmddocs.Command{}
	for _, s := range table.Specs() {
		if d, ok := cmddocs.Lookup(s.Name); ok && len(s.Subs) == 0 {
			groups[d.Group] = append(groups[d.Group], d)
		}
	}
	names := make([]string, 0, len(groups))
	total := 0
	for name, list := range groups {
		names = append(names, name)
		total += len(list)
		slices.SortFunc(list, func(a, b *cmddocs.Command) int { return strings.Compare(a.Name, b.Name) })
	}
	slices.Sort(names)
	var b bytes.Buffer
	b.WriteString("# Commands\n\n" + note)
	fmt.Fprintf(&b, "%d commands and subcommands, with the version of Redis they first appeared in. "+
		"`COMMAND DOCS` gives the same with every argument.\n", total)
	for _, name := range names {
		fmt.Fprintf(&b, "\n## %s\n\n| command | since | complexity | |\n|---|---|---|---|\n", name)
		for _, d := range groups[name] {
			shown := strings.ToUpper(strings.ReplaceAll(d.Name, "|", " "))
			summary := d.Summary
			if d.DeprecatedSince != "" {
				summary += fmt.Sprintf(" (deprecated since %s)", d.DeprecatedSince)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", shown, d.Since, cell(d.Complexity), cell(summary))
		}
	}
	return b.Bytes()
}

func directives(rows []config.Row) []byte {
	var b bytes.Buffer
	b.WriteString("# Directives\n\n" + note)
	b.WriteString("Every directive of the configuration file is also an option of the command line " +
		"(`--name value`). Those marked *live* can be changed with `CONFIG SET` while the server runs.\n\n" +
		"| directive | type | default | live | |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		if r.Hidden && !strings.HasPrefix(r.Name, "redstart-") {
			continue
		}
		name := "`" + r.Name + "`"
		if r.Alias != "" {
			name += " (`" + r.Alias + "`)"
		}
		live := ""
		if r.Mutable {
			live = "live"
		}
		value := ""
		if r.Default != "" {
			value = "`" + r.Default + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, cell(r.Type), cell(value), live, cell(r.Doc))
	}
	return b.Bytes()
}

// cell makes text fit for a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
