package scripting

import (
	"bytes"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/script"
)

func (s *Scripts) flushScripts() {
	s.cached, s.bodies, s.bytes = make(map[string]*source), make(map[string]*source), 0
}

// shebang splits the first line off a script that begins with "#!", leaving the line
// empty so that errors have the right line. text is the error.
func shebang(src []byte) (flags script.Flags, body []byte, text string) {
	if !bytes.HasPrefix(src, []byte("#!")) {
		return script.Plain, src, ""
	}
	end := bytes.IndexByte(src, '\n')
	if end < 0 {
		return 0, nil, "ERR Invalid script shebang"
	}
	words := strings.Fields(string(src[:end]))
	if words[0] != "#!lua" {
		return 0, nil, "ERR Unexpected engine in script shebang: " + words[0]
	}
	for _, w := range words[1:] {
		list, ok := strings.CutPrefix(w, "flags=")
		if !ok {
			return 0, nil, "ERR Unknown lua shebang option: " + w
		}
		for _, name := range strings.Split(list, ",") {
			if name == "" {
				continue
			}
			f, ok := script.FlagNamed(name)
			if !ok {
				return 0, nil, "ERR Unexpected flag in script shebang: " + name
			}
			flags |= f
		}
	}
	return flags, src[end:], ""
}

// load compiles a script, unless it is there already. It is nil, and the error is in
// the reply, when that cannot be done.
func (s *Scripts) load(c *command.Ctx, src []byte) *source {
	if have, ok := s.bodies[string(src)]; ok { // quicker than to work out its name
		return have
	}
	sha := script.SHA(src)
	flags, body, text := shebang(src)
	if text != "" {
		c.Err(text)
		return nil
	}
	compiled, err := s.engine.Compile(string(body), "user_script")
	if err != nil {
		c.Err("ERR Error compiling script (new function): " + err.Error())
		return nil
	}
	sc := &source{sha: sha, script: compiled, flags: flags}
	s.cached[sha], s.bodies[string(src)] = sc, sc
	s.bytes += int64(len(src)) + 160
	return sc
}

// shaLength is how long the name of a script is.
const shaLength = 40

func (s *Scripts) eval(c *command.Ctx) {
	if c.Sess.NoDebug { // redis-cli does not look at the refusal, and would show a session
		c.Sess.NoDebug = false
		c.Err(errNoDebugger)
		return
	}
	sha := strings.HasPrefix(c.Spec.Name, "evalsha")
	if sha && len(c.Args[1]) != shaLength {
		c.Err(errNoScript)
		return
	}
	keys, args, ok := keysOf(c, command.ErrNotInteger)
	if !ok {
		return
	}
	var sc *source
	if sha {
		if sc = s.find(c.Args[1]); sc == nil {
			c.Err(errNoScript)
			return
		}
	} else if sc = s.load(c, c.Args[1]); sc == nil {
		return
	}
	s.run(c, sc, keys, args)
}

// find gives the script with a SHA, in any case.
func (s *Scripts) find(sha []byte) *source {
	if len(sha) != shaLength {
		return nil
	}
	if sc, ok := s.cached[string(sha)]; ok {
		return sc
	}
	return s.cached[strings.ToLower(string(sha))]
}

func (s *Scripts) run(c *command.Ctx, sc *source, keys, args [][]byte) {
	o := command.ScriptOptions{Name: sc.sha, ReadOnly: readOnly(c)}
	if sc.flags&script.Plain == 0 {
		if o.ReadOnly && sc.flags&script.NoWrites == 0 {
			c.Err(errWriting)
			return
		}
		o.ReadOnly = sc.flags&script.NoWrites != 0
		o.AllowOOM = sc.flags&(script.AllowOOM|script.NoWrites) != 0
		o.Stale = sc.flags&script.AllowStale != 0
	}
	s.x.BeginScript(c, o)
	defer s.x.EndScript(c)
	s.host.c = c
	call := script.Call{Host: &s.host, Keys: keys, Args: args, Proto: int(c.Sess.Proto)}
	start := len(c.Out)
	out, fail := s.engine.Eval(c.Out, sc.script, &call)
	s.replied(c, out, start, sc.sha, fail, call.Counted)
}

// replied ends a run.
func (s *Scripts) replied(c *command.Ctx, out []byte, start int, name string, fail *script.Error, counted bool) {
	s.host.c = nil
	if fail != nil {
		done(c, name, fail)
		return
	}
	if len(out) > start && out[start] == '-' {
		// An error that the script returned, rather than raised.
		text := string(out[start+1 : len(out)-2])
		if counted {
			c.Fail(text)
		} else {
			c.Err(text)
		}
		return
	}
	c.Out = out
}

func (s *Scripts) scriptLoad(c *command.Ctx) {
	if sc := s.load(c, c.Args[2]); sc != nil {
		c.Str(sc.sha)
	}
}

func (s *Scripts) scriptExists(c *command.Ctx) {
	c.Array(len(c.Args) - 2)
	for _, sha := range c.Args[2:] {
		n := int64(0)
		if s.find(sha) != nil {
			n = 1
		}
		c.Int(n)
	}
}

func (s *Scripts) scriptFlush(c *command.Ctx) {
	if len(c.Args) > 3 || len(c.Args) == 3 && !c.Is(2, "SYNC") && !c.Is(2, "ASYNC") {
		c.Err("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
		return
	}
	s.flushScripts()
	s.engine.Flush()
	c.OK()
}

func (s *Scripts) scriptKill(c *command.Ctx) { s.killed(c, s.x.KillScript(false)) }

func (s *Scripts) killed(c *command.Ctx, text string) {
	if text != "" {
		c.Err(text)
		return
	}
	c.OK()
}

func (s *Scripts) scriptDebug(c *command.Ctx) {
	switch {
	case c.Is(2, "NO"):
		c.Sess.NoDebug = false
		c.OK()
	case c.Is(2, "YES"), c.Is(2, "SYNC"):
		c.Sess.NoDebug = true
		c.Err(errNoDebugger)
	default:
		c.Err("ERR Use SCRIPT DEBUG YES/SYNC/NO")
	}
}

func (s *Scripts) scriptHelp(c *command.Ctx) {
	c.Help(
		"DEBUG (YES|SYNC|NO)",
		"    Refused: there is no debugger.",
		"EXISTS <sha1> [<sha1> ...]",
		"    Which scripts EVALSHA would find.",
		"FLUSH [ASYNC|SYNC]",
		"    Forget all scripts.",
		"KILL",
		"    End the script that runs, unless it has written.",
		"LOAD <script>",
		"    Keep a script for EVALSHA, and give its name.",
	)

}
