package glua

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The interpreter says that something was called or indexed that cannot be, but not what:
// "attempt to index a nil value". The C one names it, which is most of what helps:
// "attempt to index field 'user' (a nil value)". So
//
//   - a compiled function is given, beside the names of what it calls, names of what it
//     indexes and computes with, by place in the code (nameOperands);
//   - nil, booleans, numbers and functions have metamethods that raise the error with the name of the
//     place that they are called from (openNameless). Scripts do not see them.

// nameOperands gives the operands in a function, and in those in it, their names.
func nameOperands(p *lua.FunctionProto) {
	n := namer{p: p, known: make(map[string]string), takes: make([]bool, len(p.Code))}
	for pc := 0; pc < len(p.Code); pc++ {
		if inst := p.Code[pc]; int(inst>>26) == lua.OP_CLOSURE {
			for range p.FunctionPrototypes[inst&0x3ffff].NumUpvalues {
				pc++
				n.takes[pc] = true
			}
		}
	}
	for i := range p.DbgCalls {
		call := &p.DbgCalls[i]
		inst := p.Code[call.Pc]
		switch call.Name {
		case concatName, lengthName:
			n.b = n.b[:0]
			for reg := 1; reg < int(inst&0x1ff); reg++ {
				n.add(call.Pc, dest(inst)+reg)
			}
			if name := n.intern(); name != "" {
				call.Name = name
			}
			continue
		}
		n.b = n.b[:0]
		if n.add(call.Pc, dest(inst)); len(n.b) > 1 {
			call.Name = n.intern()
		}
	}
	for pc, inst := range p.Code {
		n.b = n.b[:0]
		switch b, c := int(inst&0x1ff), int(inst>>9&0x1ff); int(inst >> 26) {
		case lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_SELF, lua.OP_UNM:
			n.add(pc, b)
		case lua.OP_SETTABLE, lua.OP_SETTABLEKS:
			n.add(pc, dest(inst))
		case lua.OP_ADD, lua.OP_SUB, lua.OP_MUL, lua.OP_DIV, lua.OP_MOD, lua.OP_POW:
			n.add(pc, b)
			n.add(pc, c)
		}
		if name := n.intern(); name != "" {
			p.DbgCalls = append(p.DbgCalls, lua.DbgCall{Pc: pc, Name: name})
		}
	}
	for _, inner := range p.FunctionPrototypes {
		nameOperands(inner)
	}
}

// dest gives the register of an instruction's result.
func dest(inst uint32) int { return int(inst >> 18 & 0xff) }

// namer makes names: each operand's kind and quoted name, ended by a zero byte.
type namer struct {
	p     *lua.FunctionProto
	takes []bool // by place: whether it only says what a closure takes with it
	b     []byte
	known map[string]string // so that equal names are in memory once
}

// intern gives the names that were added, or nothing if there are none.
func (n *namer) intern() string {
	if len(strings.Trim(string(n.b), "\x00")) == 0 {
		return ""
	}
	name, ok := n.known[string(n.b)]
	if !ok {
		name = string(n.b)
		n.known[name] = name
	}
	return name
}

// add adds the name of what is in a register when an instruction begins.
func (n *namer) add(pc, reg int) {
	kind, name := n.find(pc, reg)
	if name != "" && name[0] != '(' {
		n.b = append(append(append(append(n.b, kind...), " '"...), name...), '\'')
	}
	n.b = append(n.b, 0)
}

func (n *namer) find(pc, reg int) (kind, name string) {
	if reg >= 0x100 {
		return "", "" // a constant
	}
	if name := n.local(pc, reg); name != "" {
		return "local", name
	}
	// What was last put there, if that is near: not beyond a jump.
	for pc--; pc >= 0; pc-- {
		inst := n.p.Code[pc]
		if n.takes[pc] {
			continue
		}
		switch op := int(inst >> 26); op {
		case lua.OP_JMP, lua.OP_FORLOOP, lua.OP_TFORLOOP, lua.OP_TEST, lua.OP_TESTSET:
			return "", ""
		case lua.OP_CALL, lua.OP_VARARG, lua.OP_LOADNIL:
			if dest(inst) <= reg {
				return "", ""
			}
		case lua.OP_SELF:
			if dest(inst) == reg {
				return "method", n.constant(int(inst >> 9 & 0x1ff))
			}
			if dest(inst)+1 == reg {
				return "", ""
			}
		case lua.OP_SETGLOBAL, lua.OP_SETUPVAL, lua.OP_SETTABLE, lua.OP_SETTABLEKS, lua.OP_SETLIST:
		default:
			if dest(inst) == reg {
				return n.made(pc, inst)
			}
		}
	}
	return "", ""
}

// made names the result of an instruction.
func (n *namer) made(pc int, inst uint32) (kind, name string) {
	b := int(inst & 0x1ff)
	switch int(inst >> 26) {
	case lua.OP_MOVE, lua.OP_MOVEN:
		return "local", n.local(pc, b)
	case lua.OP_GETUPVAL:
		if b < len(n.p.DbgUpvalues) {
			return "upvalue", n.p.DbgUpvalues[b]
		}
	case lua.OP_GETGLOBAL:
		if s, ok := n.p.Constants[inst&0x3ffff].(lua.LString); ok {
			return "global", string(s)
		}
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS:
		return "field", n.constant(int(inst >> 9 & 0x1ff))
	}
	return "", ""
}

func (n *namer) constant(c int) string {
	if c >= 0x100 {
		if s, ok := n.p.Constants[c&0xff].(lua.LString); ok {
			return string(s)
		}
	}
	return "?"
}

// local gives the name of the variable that is in a register.
func (n *namer) local(pc, reg int) string {
	for _, v := range n.p.DbgLocals {
		if v.StartPc <= pc && pc < v.EndPc {
			if reg--; reg < 0 {
				return v.Name
			}
		}
	}
	return ""
}

// openNameless gives what has no metatable one that raises errors with names.
func (m *machine) openNameless() {
	call := m.l.NewFunction(func(L *lua.LState) int { return mistake(L, "call", 1, 0) })
	index := m.l.NewFunction(func(L *lua.LState) int { return mistake(L, "index", 1, 0) })
	compute := m.l.NewFunction(func(L *lua.LState) int {
		bad := 1
		if _, ok := toNumber(L.Get(1)); ok {
			bad = 2
		}
		return mistake(L, "perform arithmetic on", bad, bad-1)
	})
	mt := func(events ...string) *lua.LTable {
		t := m.l.CreateTable(0, len(events)+2)
		t.RawSetString("__index", index)
		t.RawSetString("__newindex", index)
		for _, event := range events {
			t.RawSetString(event, compute)
		}
		return t
	}
	nothing := mt("__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm")
	number := mt()
	thing := mt("__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm")
	for _, t := range []*lua.LTable{nothing, number, thing, m.onStrings} {
		t.RawSetString("__call", call)
	}
	m.onStrings.RawSetString("__newindex", index)
	for event, op := range arithmetic() {
		m.onStrings.RawSetString(event, m.l.NewFunction(func(L *lua.LState) int { return computeStrings(L, op) }))
	}
	for k, v := thing.Next(lua.LNil); k != lua.LNil; k, v = thing.Next(k) {
		m.null.Metatable.(*lua.LTable).RawSet(k, v)
	}
	m.l.SetMetatable(m.l, thing)
	m.l.SetMetatable(lua.LNil, nothing)
	m.l.SetMetatable(lua.LTrue, nothing)
	m.l.SetMetatable(lua.LNumber(0), number)
	m.l.SetMetatable(call, mt())
}

// nameCalled gives the error that an error handler is called with. That of a call of what
// cannot be called gets the name of it: the handler is called from the very same place.
func nameCalled(L *lua.LState) lua.LValue {
	const nameless, table = "attempt to call a non-function object", "a table value"
	v := L.Get(1)
	s, ok := v.(lua.LString)
	if !ok || !strings.HasSuffix(string(s), nameless) {
		return v
	}
	text := table
	if kind, name := callee(L); kind != "" {
		text = kind + " '" + name + "' (" + table + ")"
	}
	return s[:len(s)-len(nameless)] + lua.LString("attempt to call "+text)
}

// arithmetic gives the operations that strings take part in, by their events.
func arithmetic() map[string]func(a, b lua.LNumber) lua.LNumber {
	return map[string]func(a, b lua.LNumber) lua.LNumber{
		"__add": func(a, b lua.LNumber) lua.LNumber { return a + b },
		"__sub": func(a, b lua.LNumber) lua.LNumber { return a - b },
		"__mul": func(a, b lua.LNumber) lua.LNumber { return a * b },
		"__div": func(a, b lua.LNumber) lua.LNumber { return a / b },
		"__mod": func(a, b lua.LNumber) lua.LNumber {
			return a - lua.LNumber(math.Floor(float64(a/b)))*b
		},
		"__pow": func(a, b lua.LNumber) lua.LNumber { return lua.LNumber(math.Pow(float64(a), float64(b))) },
		"__unm": func(a, _ lua.LNumber) lua.LNumber { return -a },
	}
}

// computeStrings computes with strings that are numbers. The interpreter would do so itself,
// but takes 010 for 8.
func computeStrings(L *lua.LState, op func(a, b lua.LNumber) lua.LNumber) int {
	second := min(2, L.GetTop())
	a, ok := toNumber(L.Get(1))
	if !ok {
		return mistake(L, "perform arithmetic on", 1, 0)
	}
	b, ok := toNumber(L.Get(second))
	if !ok {
		return mistake(L, "perform arithmetic on", second, second-1)
	}
	L.Push(op(a, b))
	return 1
}

// nameless tells whether a value's metatable is there for errors alone.
func nameless(v lua.LValue) bool {
	switch v.Type() {
	case lua.LTNil, lua.LTBool, lua.LTNumber, lua.LTFunction, lua.LTThread:
		return true
	}
	return false
}

// mistake raises the error of a value that cannot be used so: argument i of a metamethod or
// helper, which is operand at of the instruction that called it.
func mistake(L *lua.LState, what string, i, at int) int {
	kind := L.Get(i).Type().String()
	text := "a " + kind + " value"
	if dbg, ok := L.GetStack(0); ok {
		if _, err := L.GetInfo("n", dbg, lua.LNil); err == nil {
			names := strings.Split(dbg.Name, "\x00")
			if at < len(names)-1 && names[at] != "" {
				text = names[at] + " (" + text + ")"
			}
		}
	}
	L.Error(lua.LString(where(L, 1)+"attempt to "+what+" "+text), 0)
	return 0
}
