package scripting

import (
	"bytes"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/script"
)

const (
	runs = command.NoScript | command.SkipMonitor | command.MayReplicate | command.MovableKeys | command.Stale |
		command.Script
	runsRO = runs&^command.MayReplicate | command.ReadOnly
	admin  = command.NoScript
)

// Specs is this family's part of the command table.
func (s *Scripts) Specs() []command.Spec {
	row := func(name string, flags command.Flag, run command.Handler) command.Spec {
		spec := command.Spec{Name: name, Arity: -3, Flags: flags, Keys: keyIndexes, Run: run}
		spec.Call = func(args [][]byte) command.Flag { return s.callFlags(flags, name, args) }
		return spec
	}
	return []command.Spec{
		row("eval", runs, s.eval),
		row("eval_ro", runsRO, s.eval),
		row("evalsha", runs, s.eval),
		row("evalsha_ro", runsRO, s.eval),
		row("fcall", runs, s.fcall),
		row("fcall_ro", runsRO, s.fcall),
		{Name: "script", Arity: -2, Subs: []command.Spec{
			{Name: "script|debug", Arity: 3, Flags: admin, Run: s.scriptDebug},
			{Name: "script|exists", Arity: -3, Flags: admin, Run: s.scriptExists},
			{Name: "script|flush", Arity: -2, Flags: admin | command.Exclusive, Run: s.scriptFlush},
			{Name: "script|help", Arity: 2, Flags: command.Loading | command.Stale, Run: s.scriptHelp},
			{Name: "script|kill", Arity: 2, Flags: admin | command.AllowBusy, Run: s.scriptKill},
			{Name: "script|load", Arity: 3, Flags: admin | command.Stale | command.Exclusive, Run: s.scriptLoad},
		}},
		{Name: "function", Arity: -2, Subs: []command.Spec{
			{Name: "function|delete", Arity: 3, Flags: admin | command.Write | command.Exclusive, Run: s.functionDelete},
			{Name: "function|dump", Arity: 2, Flags: admin, Run: s.functionDump},
			{Name: "function|flush", Arity: -2, Flags: admin | command.Write | command.Exclusive, Run: s.functionFlush},
			{Name: "function|help", Arity: 2, Flags: command.Loading | command.Stale, Run: s.functionHelp},
			{Name: "function|kill", Arity: 2, Flags: admin | command.AllowBusy, Run: s.functionKill},
			{Name: "function|list", Arity: -2, Flags: admin, Run: s.functionList},
			{Name: "function|load", Arity: -3, Flags: admin | command.Write | command.DenyOOM | command.Exclusive, Run: s.functionLoad},
			{Name: "function|restore", Arity: -3, Flags: admin | command.Write | command.DenyOOM | command.Exclusive, Run: s.functionRestore},
			{Name: "function|stats", Arity: 2, Flags: admin | command.AllowBusy, Run: s.functionStats},
		}},
	}
}

func keyIndexes(args [][]byte, dst []int) []int {
	if len(args) < 3 {
		return nil
	}
	n, ok := num.ParseInt(args[2])
	if !ok || n < 0 || n > int64(len(args)-3) {
		return nil
	}
	for i := range int(n) {
		dst = append(dst, 3+i)
	}
	return dst
}

// callFlags gives the flags of a call: those that the script says of itself.
func (s *Scripts) callFlags(flags command.Flag, name string, args [][]byte) command.Flag {
	own := script.Plain
	switch name {
	case "fcall", "fcall_ro":
		f, ok := s.functions[strings.ToLower(string(args[1]))]
		if !ok {
			return flags
		}
		own = f.Flags
	case "evalsha", "evalsha_ro":
		sc := s.find(args[1])
		if sc == nil {
			return flags
		}
		own = sc.flags
	default:
		if !bytes.HasPrefix(args[1], []byte("#!")) {
			return flags
		}
		f, _, text := shebang(args[1])
		if text != "" {
			return flags
		}
		own = f
	}
	if own&script.Plain != 0 {
		return flags
	}
	flags &^= command.Stale | command.DenyOOM | command.Write
	if own&script.NoWrites == 0 {
		flags |= command.Write
	} else {
		flags &^= command.MayReplicate
	}
	if own&(script.AllowOOM|script.NoWrites) == 0 {
		flags |= command.DenyOOM
	}
	if own&script.AllowStale != 0 {
		flags |= command.Stale
	}
	return flags
}
