package glua

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// The interpreter joins strings, and makes room in tables, in one instruction, whatever
// the size. So that such sizes are bounded, the source is changed before it is compiled:
//
//	a .. b      becomes  concat(a, b)
//	#a          becomes  length(a)
//
// So are numbers of loops that may be strings, which the interpreter refuses:
//
//	for i = 1, ARGV[1]  becomes  for i = 1, number(ARGV[1])
//
// with names that no source can contain. They are parameters of a function around the
// whole source, which gives the source's own function.
const (
	concatName  = "(concat)"
	lengthName  = "(length)"
	numberName  = "(number)"
	helperCount = 3
	// sourceDepth is how deep a source may be nested: the compiler goes down as deep.
	sourceDepth = 2000
	// concatArgs is the most arguments of one call, as they take registers.
	concatArgs = 30
)

var errDepth = errors.New("chunk has too many syntax levels")

// code is a compiled source: a function that takes the helpers and the values of hoisted
// names, and gives the source's own.
//
// KEYS and ARGV are its parameters, rather than globals, if nothing in the source could
// tell the difference.
type code struct {
	proto      *lua.FunctionProto
	hoisted    []string
	parameters bool // the function takes KEYS and ARGV,
	keys, args bool // if it has a use for them
}

// compile makes code of a source. The error is what the client is told.
func compile(src, name string, library bool) (c code, err error) {
	defer func() {
		if r := recover(); r != nil {
			c, err = code{}, fmt.Errorf("%s: %v", name, r)
		}
	}()
	if strings.HasPrefix(src, "\x1b") {
		return code{}, fmt.Errorf("%s:1: unexpected symbol near '\\27'", name)
	}
	if err := checkSyntax(src, name); err != nil {
		return code{}, err
	}
	chunk, err := parse.Parse(strings.NewReader(src), name)
	if err != nil {
		return code{}, compilerError(err, name)
	}
	r := rewriter{names: names{own: make(map[string]bool), library: library}, reading: true}
	if strings.Contains(src, "setfenv") { // names may come to mean other things
		r.fixed = true
	}
	r.stmts(chunk, 0)
	r.reading = false
	r.stmts(chunk, 0)
	// Taking any arguments costs a table at each call.
	body := &ast.FunctionExpr{ParList: &ast.ParList{HasVargs: r.dots}, Stmts: chunk}
	c = code{keys: strings.Contains(src, "KEYS"), args: strings.Contains(src, "ARGV")}
	c.parameters = !library && !r.dots && !r.own["KEYS"] && !r.own["ARGV"] && !seesGlobals(src)
	if c.parameters {
		body.ParList.Names = []string{"KEYS", "ARGV"}
	}
	body.SetLine(1)
	body.SetLastLine(1 << 20)
	give := &ast.ReturnStmt{Exprs: []ast.Expr{body}}
	give.SetLine(1)
	dots := &ast.Comma3Expr{}
	dots.SetLine(1)
	bind := &ast.LocalAssignStmt{Names: []string{concatName, lengthName, numberName}, Exprs: []ast.Expr{dots}}
	for _, path := range r.hoisted {
		bind.Names = append(bind.Names, "("+path+")")
	}
	bind.SetLine(1)
	proto, err := lua.Compile([]ast.Stmt{bind, give}, name)
	if err != nil {
		return code{}, compilerError(err, name)
	}
	nameOperands(proto)
	trim(proto)
	c.proto, c.hoisted = proto, r.hoisted
	return c, nil
}

// trim gives back the room that the compiler has made for long functions, which is 20 KiB
// for each.
func trim(p *lua.FunctionProto) {
	p.Code = slices.Clone(p.Code)
	p.DbgSourcePositions = slices.Clone(p.DbgSourcePositions)
	p.Constants = slices.Clone(p.Constants)
	p.DbgLocals = slices.Clone(p.DbgLocals)
	p.DbgCalls = slices.Clone(p.DbgCalls)
	p.DbgUpvalues = slices.Clone(p.DbgUpvalues)
	p.FunctionPrototypes = slices.Clone(p.FunctionPrototypes)
	for _, inner := range p.FunctionPrototypes {
		trim(inner)
	}
}

// seesGlobals tells whether a source may look at globals by other ways than their names.
func seesGlobals(src string) bool {
	return strings.Contains(src, "_G") || strings.Contains(src, "load") || strings.Contains(src, "fenv")
}

// compilerError gives an error of the compiler the form of the C one. Its syntax has been
// checked: what it may still say is that a function needs more registers than there are.
func compilerError(err error, name string) error {
	line := 1
	var pe *parse.Error
	var ce *lua.CompileError
	text := "function or expression too complex"
	switch {
	case errors.As(err, &pe):
		line, text = pe.Pos.Line, pe.Message+" near '"+pe.Token+"'"
	case errors.As(err, &ce):
		if line = ce.Line; !strings.Contains(ce.Message, "register") && !strings.Contains(ce.Message, "local variables") {
			text = ce.Message
		}
	}
	return fmt.Errorf("%s:%d: %s", name, max(line, 1), text)
}

// rewriter puts calls of helpers into a source.
type rewriter struct {
	names
	reading bool // nothing is changed yet: only names are noted
	inside  int  // functions around what is looked at
	dots    bool // the source uses "..." outside of its functions
}

// function rewrites the body of a function.
func (r *rewriter) function(f *ast.FunctionExpr, d int) {
	r.inside++
	r.declare(f.ParList.Names...)
	r.stmts(f.Stmts, d)
	r.inside--
}

func (r *rewriter) stmts(list []ast.Stmt, d int) {
	if d > sourceDepth {
		panic(errDepth)
	}
	for _, s := range list {
		r.stmt(s, d+1)
	}
}

func (r *rewriter) stmt(s ast.Stmt, d int) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		for i := range s.Lhs {
			r.target(s.Lhs[i], d)
		}
		r.exprs(s.Rhs, d)
	case *ast.LocalAssignStmt:
		r.declare(s.Names...)
		r.exprs(s.Exprs, d)
	case *ast.FuncCallStmt:
		if call, ok := s.Expr.(*ast.FuncCallExpr); ok && !r.reading && call.Receiver == nil {
			if v := r.hoistUnheard(call.Func); v != nil {
				call.Func = v
			}
		}
		r.expr(&s.Expr, d)
	case *ast.DoBlockStmt:
		r.stmts(s.Stmts, d)
	case *ast.WhileStmt:
		r.expr(&s.Condition, d)
		r.stmts(s.Stmts, d)
	case *ast.RepeatStmt:
		r.expr(&s.Condition, d)
		r.stmts(s.Stmts, d)
	case *ast.IfStmt:
		r.expr(&s.Condition, d)
		r.stmts(s.Then, d)
		r.stmts(s.Else, d)
	case *ast.NumberForStmt:
		r.declare(s.Name)
		r.number(&s.Init, d)
		r.number(&s.Limit, d)
		r.number(&s.Step, d)
		r.stmts(s.Stmts, d)
	case *ast.GenericForStmt:
		r.declare(s.Names...)
		r.exprs(s.Exprs, d)
		r.stmts(s.Stmts, d)
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			r.target(s.Name.Func, d)
		}
		if s.Name.Receiver != nil {
			r.expr(&s.Name.Receiver, d)
		}
		r.function(s.Func, d)
	case *ast.ReturnStmt:
		r.exprs(s.Exprs, d)
	}
}

// number rewrites an expression whose value is to be a number.
func (r *rewriter) number(at *ast.Expr, d int) {
	r.expr(at, d)
	if r.reading {
		return
	}
	switch e := (*at).(type) {
	case nil, *ast.NumberExpr, *ast.ArithmeticOpExpr, *ast.UnaryMinusOpExpr:
		return
	case *ast.FuncCallExpr:
		if fn, ok := e.Func.(*ast.IdentExpr); ok && fn.Value == lengthName {
			return
		}
	}
	*at = helperCall(*at, numberName, []ast.Expr{*at})
}

// target is what is assigned to: it is no value.
func (r *rewriter) target(e ast.Expr, d int) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		r.declare(e.Value)
	case *ast.AttrGetExpr:
		r.expr(&e.Object, d)
		r.expr(&e.Key, d)
	}
}

func (r *rewriter) exprs(list []ast.Expr, d int) {
	for i := range list {
		r.expr(&list[i], d)
	}
}

func (r *rewriter) expr(at *ast.Expr, d int) {
	if d++; d > sourceDepth {
		panic(errDepth)
	}
	if !r.reading {
		if v := r.hoist(*at, r.inside); v != nil {
			*at = v
			return
		}
	}
	switch e := (*at).(type) {
	case *ast.AttrGetExpr:
		r.expr(&e.Object, d)
		r.expr(&e.Key, d)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				r.expr(&f.Key, d)
			}
			r.expr(&f.Value, d)
		}
	case *ast.FuncCallExpr:
		if e.Func != nil {
			r.expr(&e.Func, d)
		}
		if e.Receiver != nil {
			r.expr(&e.Receiver, d)
		}
		r.exprs(e.Args, d)
	case *ast.LogicalOpExpr:
		r.expr(&e.Lhs, d)
		r.expr(&e.Rhs, d)
	case *ast.RelationalOpExpr:
		r.expr(&e.Lhs, d)
		r.expr(&e.Rhs, d)
	case *ast.ArithmeticOpExpr:
		r.expr(&e.Lhs, d)
		r.expr(&e.Rhs, d)
	case *ast.UnaryMinusOpExpr:
		r.expr(&e.Expr, d)
	case *ast.UnaryNotOpExpr:
		r.expr(&e.Expr, d)
	case *ast.UnaryLenOpExpr:
		r.expr(&e.Expr, d)
		if !r.reading {
			*at = helperCall(e, lengthName, []ast.Expr{e.Expr})
		}
	case *ast.FunctionExpr:
		r.function(e, d)
	case *ast.Comma3Expr:
		r.dots = r.dots || r.inside == 0
	case *ast.StringConcatOpExpr:
		if v := r.concat(e, d); !r.reading {
			*at = v
		}
	}
}

// concat makes one call of a chain of strings to be joined.
func (r *rewriter) concat(e *ast.StringConcatOpExpr, d int) ast.Expr {
	var args []ast.Expr
	var rest ast.Expr = e
	for {
		c, ok := rest.(*ast.StringConcatOpExpr)
		if !ok || len(args) == concatArgs {
			break
		}
		args = append(args, c.Lhs)
		rest = c.Rhs
	}
	args = append(args, rest)
	r.exprs(args, d)
	if r.reading {
		return nil
	}
	// A call as the last argument would give all its values.
	last := len(args) - 1
	switch v := args[last].(type) {
	case *ast.FuncCallExpr:
		v.AdjustRet = true
	case *ast.Comma3Expr:
		v.AdjustRet = true
	}
	return helperCall(e, concatName, args)
}

func helperCall(at ast.Expr, name string, args []ast.Expr) ast.Expr {
	if name != concatName {
		switch v := args[0].(type) {
		case *ast.FuncCallExpr:
			v.AdjustRet = true
		case *ast.Comma3Expr:
			v.AdjustRet = true
		}
	}
	fn := &ast.IdentExpr{Value: name}
	fn.SetLine(at.Line())
	call := &ast.FuncCallExpr{Func: fn, Args: args, AdjustRet: true}
	call.SetLine(at.Line())
	call.SetLastLine(at.Line())
	return call
}

// helpers are the functions behind the names that rewriting puts in.
func (m *machine) helpers() []lua.LValue {
	return []lua.LValue{m.l.NewFunction(m.concat), m.l.NewFunction(m.length), m.l.NewFunction(loopNumber)}
}

// concat joins its arguments from the right, as the operator does.
func (m *machine) concat(L *lua.LState) int {
	n := L.GetTop()
	size := 0
	for i := 1; i <= n; i++ {
		switch v := L.Get(i).(type) {
		case lua.LString:
			size += len(v)
		case lua.LNumber:
			size += 24
		default:
			return m.concatMixed(L, n)
		}
	}
	m.limit.grow(size)
	if size > pieceSize {
		args := make([]lua.LValue, n)
		for i := range args {
			args[i] = L.Get(i + 1)
		}
		L.Push(joined(size, args...))
		return 1
	}
	b := make([]byte, 0, size)
	for i := 1; i <= n; i++ {
		b = appendString(b, L.Get(i))
	}
	L.Push(lua.LString(b))
	return 1
}

// concatMixed joins what are not all strings: metamethods say how, or there is none.
func (m *machine) concatMixed(L *lua.LState, n int) int {
	right := L.Get(n)
	for i := n - 1; i >= 1; i-- {
		left := L.Get(i)
		if isText(left) && isText(right) {
			size := len(left.String()) + len(right.String())
			m.limit.grow(size)
			right = joined(size, left, right)
			continue
		}
		op := L.GetMetaField(left, "__concat")
		if op == lua.LNil {
			op = L.GetMetaField(right, "__concat")
		}
		if op == lua.LNil {
			bad := i
			if isText(left) {
				bad++
			}
			return mistake(L, "concatenate", bad, bad-1)
		}
		L.Push(op)
		L.Push(left)
		L.Push(right)
		L.Call(2, 1)
		right = L.Get(-1)
		L.Pop(1)
	}
	L.Push(right)
	return 1
}

func isText(v lua.LValue) bool { return v.Type() == lua.LTString || v.Type() == lua.LTNumber }

// length is the operator #.
func (m *machine) length(L *lua.LState) int {
	switch v := L.Get(1).(type) {
	case lua.LString:
		L.Push(lua.LNumber(len(v)))
	case *lua.LTable:
		L.Push(lua.LNumber(m.border(v)))
	default:
		if op := L.GetMetaField(v, "__len"); op != lua.LNil {
			L.Push(op)
			L.Push(v)
			L.Call(1, 1)
			return 1
		}
		return mistake(L, "get length of", 1, 0)
	}
	return 1
}

// loopNumber gives a string that is a number as one, and else its argument.
func loopNumber(L *lua.LState) int {
	v := L.Get(1)
	if n, ok := toNumber(v); ok {
		v = n
	}
	L.Push(v)
	return 1
}

// border is the length of a table. Its array ends at maxArray, so the rest is in the
// hash, where it is searched for as Lua does.
func (m *machine) border(t *lua.LTable) int {
	n := t.Len()
	if n < maxArray-1 {
		return n
	}
	i, j := n, n+1
	for t.RawGet(lua.LNumber(j)) != lua.LNil {
		i, j = j, 2*j
		if j > 1<<40 {
			return i
		}
	}
	for j-i > 1 {
		if k := (i + j) / 2; t.RawGet(lua.LNumber(k)) == lua.LNil {
			j = k
		} else {
			i = k
		}
	}
	return i
}
