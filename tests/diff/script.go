package diff

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/words"
)

// step is one line of a script.
type step struct {
	line int
	text string
	verb string // "" for a command, else a directive without its "!"
	args []string
	n    int // the number a directive takes
	re   *regexp.Regexp
}

// how says how replies are compared; the zero value is byte for byte.
type how struct {
	masks []*regexp.Regexp
	sort  bool
	kind  bool
	near  int64
	// differs is why the replies are known to differ, or empty.
	differs string
}

func (h how) exact() bool { return len(h.masks) == 0 && !h.sort && !h.kind && h.near == 0 }

// parseScript reads the script in the file name.
func parseScript(name string) ([]step, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var steps []step
	for i, line := range bytes.Split(text, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		s, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		s.line, s.text = i+1, string(line)
		steps = append(steps, s)
	}
	return steps, nil
}

func parseLine(line []byte) (step, error) {
	if line[0] != '!' {
		args, err := splitLine(line)
		return step{args: args}, err
	}
	verb, rest, _ := strings.Cut(string(line[1:]), " ")
	s := step{verb: verb}
	var err error
	switch verb {
	case "resp2", "resp3", "read", "eof", "sort", "kind":
		if rest != "" {
			err = fmt.Errorf("!%s takes nothing", verb)
		}
	case "conn", "sleep", "silent", "near":
		s.n, err = strconv.Atoi(rest)
	case "send", "raw", "part":
		s.args, err = splitLine([]byte(rest))
	case "mask", "maskall":
		s.re, err = regexp.Compile(rest)
	case "differs":
		if s.args = []string{rest}; rest == "" {
			err = fmt.Errorf("!differs needs a reason")
		}
	default:
		err = fmt.Errorf("unknown directive !%s", verb)
	}
	return s, err
}

func splitLine(line []byte) ([]string, error) {
	// The words may lie in the line, which is printed later.
	parts, ok := words.Split(bytes.Clone(line))
	if !ok {
		return nil, fmt.Errorf("unbalanced quotes: %s", line)
	}
	args := make([]string, len(parts))
	for i, p := range parts {
		args[i] = string(p)
	}
	if len(args) == 0 {
		return nil, fmt.Errorf("nothing to send: %s", line)
	}
	return args, nil
}

// run executes a script on a pair whose servers are empty and reports each
// difference through fail. An error is the end of the script.
func (p *pair) run(steps []step, proto int, fail func(s step, diff string)) error {
	if err := p.use(0, proto); err != nil {
		return err
	}
	var masks []*regexp.Regexp
	h := how{}
	for _, s := range steps {
		switch s.verb {
		case "maskall":
			masks = append(masks, s.re)
			continue
		case "mask":
			h.masks = append(h.masks, s.re)
			continue
		case "sort":
			h.sort = true
			continue
		case "kind":
			h.kind = true
			continue
		case "near":
			h.near = int64(s.n)
			continue
		case "differs":
			h.differs = s.args[0]
			continue
		case "sleep":
			time.Sleep(time.Duration(s.n) * time.Millisecond)
			continue
		}
		if (s.verb == "" || s.verb == "send") && p.missing[strings.ToLower(s.args[0])] {
			h = how{}
			continue
		}
		h.masks = append(h.masks, masks...)
		diff, err := p.step(s, proto, h)
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", s.line, s.text, err)
		}
		if h.differs != "" && !p.itself {
			if diff == "" {
				fail(s, "  does not differ, although: "+h.differs)
			}
			diff = ""
		}
		if diff != "" {
			fail(s, diff)
		}
		h = how{}
	}
	return nil
}

// step does what one line says and returns the difference between the servers, or
// nothing.
func (p *pair) step(s step, proto int, h how) (diff string, err error) {
	switch s.verb {
	case "":
		if err := p.send(s.args); err != nil {
			return "", err
		}
		return p.compare(h)
	case "conn":
		return "", p.use(s.n, proto)
	case "resp2":
		return "", p.hello(2)
	case "resp3":
		return "", p.hello(3)
	case "send":
		return "", p.send(s.args)
	case "read":
		return p.compare(h)
	case "part":
		return "", p.sendRaw(strings.Join(s.args, ""))
	case "raw":
		if err := p.sendRaw(strings.Join(s.args, "")); err != nil {
			return "", err
		}
		return p.compare(h)
	case "eof":
		return p.expectEOF(proto)
	case "silent":
		return p.expectSilence(time.Duration(s.n) * time.Millisecond)
	}
	return "", fmt.Errorf("directive without effect")
}
