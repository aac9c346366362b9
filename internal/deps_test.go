package internal

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/redstart-db/redstart"

// layers says which packages of this module a package may import. A row holds
// for the package and for those below it; of several rows the longest counts, and
// "x/*" is any package right below x.
// "x/..." allows x and what is below it. Tests of other packages (package x_test)
// may import anything.
//
// To add an edge is to change the design: docs/ARCHITECTURE.md gives its reasons.
var layers = map[string]string{
	// Nothing internal: to be understood, and tested, alone.
	"internal/acl":        "internal/glob internal/words",
	"internal/clock":      "",
	"internal/config":     "internal/words internal/errno",
	"internal/errno":      "",
	"internal/geo":        "",
	"internal/glob":       "",
	"internal/invariants": "",
	"internal/num":        "",
	"internal/proctitle":  "",
	"internal/resp":       "internal/num internal/words",
	"internal/stats":      "",
	"internal/tracking":   "",
	"internal/version":    "",
	"internal/vfs":        "",
	"internal/words":      "",

	// Bytes of connections.
	"internal/loop": "internal/invariants",

	"internal/tlsconf": "internal/config",

	// The data.
	"internal/mem":    "internal/invariants",
	"internal/ds":     "internal/mem internal/ds/... internal/invariants internal/num",
	"internal/store":  "internal/mem internal/ds/... internal/invariants internal/num internal/glob internal/clock",
	"internal/rdb":    "internal/ds/... internal/num",
	"internal/oplog":  "internal/resp internal/clock",
	"internal/serial": "internal/resp internal/store internal/rdb internal/ds/... internal/num internal/mem internal/config",

	// The commands.
	"internal/session": "internal/resp internal/acl",
	"internal/command": "internal/store internal/session internal/oplog internal/resp internal/clock internal/config " +
		"internal/stats internal/num internal/glob internal/acl internal/command/cmddocs",
	"internal/command/cmddocs":     "",
	"internal/command/commandtest": "internal/... .",
	// A family, unless it has a row of its own.
	"internal/command/*": "internal/bulks internal/command internal/command/cmddocs internal/store internal/session internal/oplog internal/resp " +
		"internal/ds/... internal/clock internal/config internal/stats internal/num internal/glob internal/acl internal/rdb " +
		"internal/version internal/mem internal/serial",
	// Places are in sorted sets: GEOADD is a ZADD.
	"internal/command/geo": "internal/command internal/command/zset internal/store internal/ds/... internal/num internal/geo",
	"internal/command/keys": "internal/command internal/store internal/resp internal/num internal/glob internal/rdb internal/serial " +
		"internal/session internal/ds/... internal/clock internal/config internal/mem internal/migrate",
	"internal/command/pubsub":    "internal/acl internal/command internal/pubsub internal/session",
	"internal/command/scripting": "internal/command internal/script internal/rdb internal/num internal/glob internal/session internal/words",
	"internal/script/glua":       "internal/script internal/resp internal/num",
	"internal/exec": "internal/command internal/store internal/session internal/oplog internal/resp internal/loop internal/clock " +
		"internal/config internal/stats internal/acl internal/mem internal/glob internal/num internal/tracking internal/errno",

	// What is packed, as it is replied.
	"internal/bulks": "internal/ds/listpack internal/resp",

	// What stands beside the commands.
	"internal/pubsub":    "internal/resp internal/glob internal/session internal/stats",
	"internal/script":    "internal/resp internal/num",
	"internal/aof":       "internal/oplog internal/resp internal/vfs internal/clock internal/stats internal/words",
	"internal/persist":   "internal/mem internal/store internal/snapshot internal/rdb internal/serial internal/oplog internal/resp internal/vfs internal/clock internal/config internal/stats internal/ds/... internal/num",
	"internal/migrate":   "internal/resp",
	"internal/snapshot":  "internal/clock internal/store internal/serial internal/rdb internal/ds/kept",
	"internal/repl":      "internal/oplog internal/resp internal/clock internal/config internal/rdb internal/num",
	"internal/cluster":   "internal/resp internal/clock internal/config internal/num",
	"internal/dashboard": "internal/stats internal/version",

	// Whoever knows every part.
	"internal/node":   "internal/...",
	"internal/docgen": "internal/node internal/config internal/command internal/command/cmddocs",
	".":               "internal/node internal/config internal/resp",
	"cmd":             "internal/node internal/config internal/version internal/errno",

	"patterns": "",
	"tests":    "internal/... tests/... .",
	"internal": "",
}

// onlyUnsafe may import unsafe: the memory of the data, and the system calls of the
// loops and for syncs, which would otherwise go by way of the scheduler.
var onlyUnsafe = []string{"internal/mem", "internal/ds/", "internal/loop", "internal/proctitle", "internal/vfs"}

// TestImports fails on every import that the table does not allow.
func TestImports(t *testing.T) {
	found := 0
	eachFile(t, func(dir, name string, external bool, imports []string) {
		found++
		if external {
			return
		}
		allowed, ok := allowedFor(dir)
		if !ok {
			t.Errorf("%s has no row in the table of layers", dir)
			return
		}
		for _, imp := range imports {
			if imp == "unsafe" && !mayUnsafe(dir) && !strings.HasSuffix(name, "_test.go") {
				t.Errorf("%s/%s imports unsafe", dir, name)
			}
			target, ours := own(imp)
			if !ours || target == dir || strings.HasSuffix(name, "_test.go") && forTests(target) {
				continue
			}
			if !matches(allowed, target) {
				t.Errorf("%s/%s imports %s, which its layer may not", dir, name, target)
			}
		}
	})
	if found < 50 {
		t.Errorf("only %d files were looked at", found)
	}
}

// own gives the folder of a package of this module.
func own(imp string) (dir string, ok bool) {
	if imp == module {
		return ".", true
	}
	return strings.CutPrefix(imp, module+"/")
}

// forTests tells whether a package exists for tests only.
func forTests(dir string) bool {
	return strings.HasPrefix(dir, "tests/") || strings.HasSuffix(path.Base(dir), "test")
}

func mayUnsafe(dir string) bool {
	return slices.ContainsFunc(onlyUnsafe, func(p string) bool {
		return dir == p || strings.HasSuffix(p, "/") && strings.HasPrefix(dir, p)
	})
}

// allowedFor finds the row of a package.
func allowedFor(dir string) (row string, ok bool) {
	for d := dir; ; d = path.Dir(d) {
		if row, ok = layers[d]; ok && (d != "internal" || dir == d) {
			return row, true
		}
		if row, ok = layers[path.Dir(d)+"/*"]; ok {
			return row, true
		}
		if path.Dir(d) == "." {
			return "", false // the root's row is for the root alone
		}
	}
}

func matches(row, target string) bool {
	return slices.ContainsFunc(strings.Fields(row), func(p string) bool {
		if below, ok := strings.CutSuffix(p, "/..."); ok {
			return target == below || strings.HasPrefix(target, below+"/")
		}
		return target == p
	})
}

// eachFile calls f for every Go file of the module with what it imports; external
// says that it belongs to a package x_test.
func eachFile(t *testing.T, f func(dir, name string, external bool, imports []string)) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := d.Name()
			if file != root && (base == "testdata" || base[0] == '.' || base[0] == '_' || isModule(file)) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		var imports []string
		for _, spec := range parsed.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imp)
		}
		f(filepath.ToSlash(dir), d.Name(), strings.HasSuffix(parsed.Name.Name, "_test"), imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// TestMatches makes sure that a wrong edge would be found.
func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		row, target string
		want        bool
	}{
		{"", "internal/mem", false},
		{"internal/mem", "internal/mem", true},
		{"internal/mem", "internal/memory", false},
		{"internal/ds/...", "internal/ds/htable", true},
		{"internal/ds/...", "internal/dsx", false},
		{"internal/command", "internal/command/strings", false},
	} {
		if got := matches(tc.row, tc.target); got != tc.want {
			t.Errorf("matches(%q, %q) = %v", tc.row, tc.target, got)
		}
	}
	if row, _ := allowedFor("internal/command/strings"); matches(row, "internal/exec") || !matches(row, "internal/store") {
		t.Errorf("the row of a family is %q", row)
	}
	if row, _ := allowedFor("internal/ds/htable"); matches(row, "internal/store") || !matches(row, "internal/mem") {
		t.Errorf("the row of a data structure is %q", row)
	}
}
