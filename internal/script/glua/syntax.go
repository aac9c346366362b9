package glua

import (
	"slices"
	"strconv"
)

const (
	// syntaxDepth is how deep blocks and expressions may lie in each other.
	syntaxDepth = 200
	// localsMost and upvaluesMost are how many a function may have at a place.
	localsMost   = 200
	upvaluesMost = 60
	// constantWork is how many constants the compiler may look at to find those that are
	// used: it goes through all of the function for each.
	constantWork = 1 << 26
)

// checkSyntax refuses a source that the C compiler refuses, with its words. The parser of
// this interpreter takes some of those, and says little of the others; it sees a source
// only when this has passed it.
func checkSyntax(src, name string) (err error) {
	p := checker{lexer: lexer{src: src, name: name, line: 1}}
	defer func() {
		if s, ok := recover().(malformed); ok {
			err = s
		}
	}()
	p.fn = &scope{dots: true}
	p.advance()
	p.chunk()
	p.expect(tEOF)
	return nil
}

func (m malformed) Error() string { return string(m) }

// scope is a function whose body is read.
type scope struct {
	up       *scope
	line     int      // where it begins; 0 for the source itself
	locals   []string // of all blocks around the place that is read
	upvalues []string
	words    map[string]int // names, numbers and strings: its constants, in their order
	loops    int            // around the place that is read
	dots     bool           // it takes any arguments
}

// checker goes down the grammar of Lua 5.1, and keeps nothing but names.
type checker struct {
	lexer
	token kind
	last  int // line of the token before
	seen  int // last line that followedBy has looked at: the C compiler takes it for that
	depth int
	work  int // constants that the compiler will look at
	fn    *scope
}

func (p *checker) advance() {
	p.last = max(p.line, p.seen)
	p.token = p.next()
	if p.token != tName && p.token != tString && p.token != tNumber {
		return
	}
	n, known := p.fn.words[string(p.text)]
	if !known {
		if p.fn.words == nil {
			p.fn.words = make(map[string]int)
		}
		n = len(p.fn.words) + 1
		p.fn.words[string(p.text)] = n
	}
	if p.work += n; p.work > constantWork {
		p.fail("constant table overflow", 0)
	}
}

// followedBy tells what is behind the token that is next.
func (p *checker) followedBy(k kind) bool {
	ahead := p.lexer
	ahead.text = nil
	next := ahead.next()
	p.seen = ahead.line
	return next == k
}

func (p *checker) wrong(text string) { p.fail(text, p.token) }

// take passes a token if it is the next.
func (p *checker) take(k kind) bool {
	if p.token != k {
		return false
	}
	p.advance()
	return true
}

func (p *checker) expect(k kind) {
	if p.token != k {
		p.wrong("'" + k.String() + "' expected")
	}
}

func (p *checker) must(k kind) {
	p.expect(k)
	p.advance()
}

// closing passes the token that closes what another began.
func (p *checker) closing(k, opener kind, line int) {
	if p.token != k && line != p.line {
		p.wrong("'" + k.String() + "' expected (to close '" + opener.String() + "' at line " + strconv.Itoa(line) + ")")
	}
	p.must(k)
}

func (p *checker) identifier() string {
	p.expect(tName)
	name := string(p.text)
	p.advance()
	return name
}

func (p *checker) enter() {
	if p.depth++; p.depth > syntaxDepth {
		p.fail("chunk has too many syntax levels", 0)
	}
}

// limit refuses what a function has too many of.
func (p *checker) limit(f *scope, n, most int, what string) {
	if n <= most {
		return
	}
	where := "main function"
	if f.line > 0 {
		where = "function at line " + strconv.Itoa(f.line)
	}
	p.fail(where+" has more than "+strconv.Itoa(most)+" "+what, 0)
}

// local notes names that are seen from here to the end of the block.
func (p *checker) local(names ...string) {
	p.fn.locals = append(p.fn.locals, names...)
}

// roomFor refuses names that are about to be local ones.
func (p *checker) roomFor(n int) { p.limit(p.fn, len(p.fn.locals)+n, localsMost, "local variables") }

// use looks up a name: each function between it and the one that has it needs an upvalue.
func (p *checker) use(name string) {
	owner := p.fn
	for owner != nil && !slices.Contains(owner.locals, name) {
		owner = owner.up
	}
	if owner == nil {
		return // a global
	}
	p.capture(p.fn, owner, name)
}

func (p *checker) capture(f, owner *scope, name string) {
	if f == owner || slices.Contains(f.upvalues, name) {
		return
	}
	p.capture(f.up, owner, name)
	p.limit(f, len(f.upvalues)+1, upvaluesMost, "upvalues")
	f.upvalues = append(f.upvalues, name)
}

// chunk reads statements up to the end of a block.
func (p *checker) chunk() {
	p.enter()
	for last := false; !last && !p.ends(); {
		last = p.statement()
		p.take(';')
	}
	p.depth--
}

func (p *checker) ends() bool {
	switch p.token {
	case tElse, tElseif, tEnd, tUntil, tEOF:
		return true
	}
	return false
}

func (p *checker) block() {
	n := len(p.fn.locals)
	p.chunk()
	p.fn.locals = p.fn.locals[:n]
}

// statement tells whether none may follow.
func (p *checker) statement() (last bool) {
	line, opener := p.line, p.token
	switch opener {
	case tIf:
		p.conditional(line)
	case tWhile:
		p.advance()
		p.expr()
		p.must(tDo)
		p.loop()
		p.closing(tEnd, opener, line)
	case tDo:
		p.advance()
		p.block()
		p.closing(tEnd, opener, line)
	case tFor:
		p.counting(line)
	case tRepeat:
		p.advance()
		n := len(p.fn.locals)
		p.fn.loops++
		p.chunk()
		p.closing(tUntil, opener, line)
		p.expr()
		p.fn.loops--
		p.fn.locals = p.fn.locals[:n]
	case tFunction:
		p.advance()
		p.use(p.identifier())
		method := false
		for !method && (p.token == '.' || p.token == ':') {
			method = p.token == ':'
			p.advance()
			p.identifier()
		}
		p.function(method, line)
	case tLocal:
		p.advance()
		p.locals()
	case tReturn:
		if p.advance(); !p.ends() && p.token != ';' {
			p.exprs()
		}
		return true
	case tBreak:
		if p.advance(); p.fn.loops == 0 {
			p.wrong("no loop to break")
		}
		return true
	default:
		if k := p.primary(); k != aCall {
			p.assignment(k)
		}
	}
	return false
}

func (p *checker) loop() {
	p.fn.loops++
	p.block()
	p.fn.loops--
}

func (p *checker) conditional(line int) {
	for more := true; more; more = p.token == tElseif {
		p.advance()
		p.expr()
		p.must(tThen)
		p.block()
	}
	if p.take(tElse) {
		p.block()
	}
	p.closing(tEnd, tIf, line)
}

func (p *checker) counting(line int) {
	p.advance()
	n := len(p.fn.locals)
	names := []string{"(1)", "(2)", "(3)", p.identifier()}
	p.roomFor(1)
	switch p.token {
	case '=':
		p.roomFor(len(names))
		p.advance()
		p.expr()
		p.must(',')
		p.expr()
		if p.take(',') {
			p.expr()
		}
	case ',', tIn:
		p.roomFor(len(names))
		for p.take(',') {
			names = append(names, p.identifier())
			p.roomFor(len(names))
		}
		p.must(tIn)
		p.exprs()
	default:
		p.wrong("'=' or 'in' expected")
	}
	p.must(tDo)
	p.local(names...)
	p.loop()
	p.fn.locals = p.fn.locals[:n]
	p.closing(tEnd, tFor, line)
}

func (p *checker) locals() {
	line := p.line
	if p.take(tFunction) {
		name := p.identifier()
		p.roomFor(1)
		p.local(name)
		p.function(false, line)
		return
	}
	var names []string
	for more := true; more; more = p.take(',') {
		names = append(names, p.identifier())
		p.roomFor(len(names))
	}
	if p.take('=') {
		p.exprs()
	}
	p.local(names...) // which its own values do not see
}

// assignment goes on behind the first target of one.
func (p *checker) assignment(k shape) {
	for n := 1; ; n++ {
		if k != aTarget {
			p.wrong("syntax error")
		}
		if !p.take(',') {
			break
		}
		k = p.primary()
		p.limit(p.fn, n, syntaxDepth-p.depth, "variables in assignment")
	}
	p.must('=')
	p.exprs()
}

// function reads what is behind the name of one that begins in a line.
func (p *checker) function(method bool, line int) {
	p.fn = &scope{up: p.fn, line: line}
	if method {
		p.local("self")
	}
	p.must('(')
	var names []string
	for more := p.token != ')'; more; more = !p.fn.dots && p.take(',') {
		switch p.token {
		case tName:
			names = append(names, p.identifier())
			p.roomFor(len(names))
		case tDots:
			p.advance()
			names = append(names, "arg")
			p.fn.dots = true
		default:
			p.wrong("<name> or '...' expected")
		}
	}
	p.local(names...)
	p.must(')')
	p.chunk()
	p.closing(tEnd, tFunction, line)
	p.fn = p.fn.up
}

func (p *checker) exprs() {
	for p.expr(); p.take(','); p.expr() {
	}
}

func (p *checker) expr() { p.operation(0) }

// unaryPower is how closely operators before their only operand bind.
const unaryPower = 8

// powers tells how closely an operator binds what is to the left and to the right of it.
func powers(k kind) (left, right int) {
	switch k {
	case tOr:
		return 1, 1
	case tAnd:
		return 2, 2
	case '<', '>', tAtMost, tAtLeast, tEqual, tUnequal:
		return 3, 3
	case tConcat:
		return 5, 4
	case '+', '-':
		return 6, 6
	case '*', '/', '%':
		return 7, 7
	case '^':
		return 10, 9
	}
	return 0, 0
}

// operation reads operands as long as what is between them binds closer than a limit.
func (p *checker) operation(limit int) {
	p.enter()
	switch p.token {
	case tNot, '-', '#':
		p.advance()
		p.operation(unaryPower)
	default:
		p.operand()
	}
	for {
		left, right := powers(p.token)
		if left <= limit {
			break
		}
		p.advance()
		p.operation(right)
	}
	p.depth--
}

func (p *checker) operand() {
	line := p.line
	switch p.token {
	case tNumber, tString, tNil, tTrue, tFalse:
		p.advance()
	case tDots:
		if !p.fn.dots {
			p.wrong("cannot use '...' outside a vararg function")
		}
		p.advance()
	case '{':
		p.table()
	case tFunction:
		p.advance()
		p.function(false, line)
	default:
		p.primary()
	}
}

// shape is what an expression may be used as.
type shape int

const (
	aValue shape = iota
	aTarget
	aCall
)

// primary reads a name or a bracket, and what is looked up in it or called.
func (p *checker) primary() (s shape) {
	line := p.line
	switch p.token {
	case '(':
		p.advance()
		p.expr()
		p.closing(')', '(', line)
	case tName:
		p.use(p.identifier())
		s = aTarget
	default:
		p.wrong("unexpected symbol")
	}
	for {
		switch p.token {
		case '.':
			p.advance()
			p.identifier()
			s = aTarget
		case '[':
			p.index()
			s = aTarget
		case ':':
			p.advance()
			p.identifier()
			p.arguments()
			s = aCall
		case '(', tString, '{':
			p.arguments()
			s = aCall
		default:
			return s
		}
	}
}

func (p *checker) index() {
	p.advance()
	p.expr()
	p.must(']')
}

func (p *checker) arguments() {
	line := p.line
	switch p.token {
	case '(':
		if line != p.last {
			p.wrong("ambiguous syntax (function call x new statement)")
		}
		if p.advance(); p.token != ')' {
			p.exprs()
		}
		p.closing(')', '(', line)
	case '{':
		p.table()
	case tString:
		p.advance()
	default:
		p.wrong("function arguments expected")
	}
}

func (p *checker) table() {
	line := p.line
	p.advance()
	for more := true; more && p.token != '}'; more = p.take(',') || p.take(';') {
		switch p.token {
		case tName:
			if p.followedBy('=') {
				p.advance()
				p.advance()
			}
			p.expr()
		case '[':
			p.index()
			p.must('=')
			p.expr()
		default:
			p.expr()
		}
	}
	p.closing('}', '{', line)
}
