package glua

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// Globals and what is in libraries cannot be changed by scripts. So a source need not
// look them up, through two proxies, whenever it uses them: the outermost function gets
// what the source names, and the source uses it as a variable of that function.
//
// A name that the source itself declares anywhere, or assigns to, is left alone. So are
// the names beyond the first maxHoisted, as a function can have only so many variables
// of others.

const maxHoisted = 40

// hoistable tells of a global whether it is always there: of a library, by the names in
// it; of a function, by an empty list.
var hoistable = map[string][]string{
	"tonumber": {}, "tostring": {}, "type": {}, "pairs": {}, "ipairs": {}, "unpack": {}, "next": {}, "select": {},
	"error": {}, "assert": {}, "pcall": {},
	"redis":    {"call", "pcall", "status_reply", "error_reply", "sha1hex", "log"},
	"math":     {"abs", "ceil", "floor", "max", "min", "random", "fmod", "sqrt", "huge", "pow", "log", "modf"},
	"string":   {"byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub", "upper"},
	"table":    {"concat", "insert", "remove", "sort"},
	"cjson":    {"encode", "decode"},
	"cmsgpack": {"pack", "unpack"},
	"bit":      {"band", "bor", "bxor", "lshift", "rshift", "bnot"},
	"struct":   {"pack", "unpack"},
}

// names is what a source has to say of the names in it.
type names struct {
	own     map[string]bool // declared, or assigned to
	hoisted []string        // "tonumber", "redis.call": what the outermost function gets
	library bool            // the source is that of a library
	fixed   bool            // nothing may be hoisted
}

func (n *names) declare(list ...string) {
	for _, name := range list {
		n.own[name] = true
	}
}

// hoist gives the variable to be used in place of an expression, or nil. inside is how
// many functions are around it. What runs while a library is loaded sees other globals, and
// never the redis of functions.
func (n *names) hoist(e ast.Expr, inside int) ast.Expr {
	path := pathOf(e)
	if path == "" || n.fixed || n.library && (inside == 0 || strings.HasPrefix(path, "redis.")) {
		return nil
	}
	return n.variable(path, e)
}

// unheard marks the path of a function whose result nobody wants: no value is made of the
// reply to the command.
const unheard = "!"

// hoistUnheard is hoist for what a statement calls.
func (n *names) hoistUnheard(e ast.Expr) ast.Expr {
	path := pathOf(e)
	if path != "redis.call" && path != "redis.pcall" || n.fixed || n.library {
		return nil
	}
	return n.variable(path+unheard, e)
}

// variable gives the variable for a path in place of an expression, or nil.
func (n *names) variable(path string, e ast.Expr) ast.Expr {
	global, _, _ := strings.Cut(path, ".")
	if n.own[global] {
		return nil
	}
	if !slices.Contains(n.hoisted, path) {
		if len(n.hoisted) == maxHoisted {
			return nil
		}
		n.hoisted = append(n.hoisted, path)
	}
	v := &ast.IdentExpr{Value: "(" + path + ")"}
	v.SetLine(e.Line())
	return v
}

// pathOf gives the path of what an expression names, if that can be hoisted.
func pathOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if fields, ok := hoistable[e.Value]; ok && len(fields) == 0 {
			return e.Value
		}
	case *ast.AttrGetExpr:
		lib, ok := e.Object.(*ast.IdentExpr)
		field, isName := e.Key.(*ast.StringExpr)
		if ok && isName && slices.Contains(hoistable[lib.Value], field.Value) {
			return lib.Value + "." + field.Value
		}
	}
	return ""
}
