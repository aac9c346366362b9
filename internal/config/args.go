package config

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/redstart-db/redstart/internal/words"
)

// Mode is what the command line asks for.
type Mode uint8

// The modes. Only with Serve has the Config been changed.
const (
	Serve Mode = iota
	ShowVersion
	ShowHelp
	TestMemory
	CheckSystem
)

// Invocation is a command line.
type Invocation struct {
	Mode       Mode
	ConfigFile string // absolute path, or empty; also in Config.File
	Megabytes  int    // to test, with TestMemory
}

// Errors of command lines that are refused.
var (
	ErrSentinel   = errors.New("sentinel mode is not supported; run the sentinels with another server's binary")
	ErrTestMemory = errors.New("Please specify the amount of memory to test in megabytes.\nExample: ./redis-server --test-memory 4096")
)

// ParseArgs carries out the command line of the server, without the program's
// name, on c, and reads standard input if it says so. Errors in directives are
// *FileError; their lines are counted through the file, standard input and the
// options, as if these were one file. c is then partly changed and of no use.
func (c *Config) ParseArgs(args []string) (Invocation, error) {
	return c.ParseArgsFrom(args, os.Stdin)
}

// ParseArgsFrom is ParseArgs with another standard input.
func (c *Config) ParseArgsFrom(args []string, stdin io.Reader) (Invocation, error) {
	if inv, ok, err := otherMode(args); ok {
		return inv, err
	}
	var inv Invocation
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		inv.ConfigFile = c.Path(args[0])
		args = args[1:]
	}
	fromStdin := false
	if len(args) > 0 && args[0] == "-" {
		fromStdin, args = true, args[1:]
	} else if n := len(args) - 1; n >= 0 && args[n] == "-" {
		fromStdin, args = true, args[:n]
	}
	options, err := optionLines(args)
	if err != nil {
		return inv, err
	}
	text, l := "", newLoader(c)
	if inv.ConfigFile != "" {
		if text, err = l.read(inv.ConfigFile); err != nil {
			return inv, err
		}
	}
	if fromStdin {
		more, err := l.readAll(stdin, "-")
		if err != nil {
			return inv, err
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += more
	}
	if options != "" {
		text += "\n" + options
	}
	c.File = inv.ConfigFile
	return inv, l.load(text, inv.ConfigFile)
}

// otherMode recognises a command line that does not start the server.
func otherMode(args []string) (inv Invocation, ok bool, err error) {
	if len(args) == 0 {
		return inv, false, nil
	}
	switch args[0] {
	case "-v", "--version":
		return Invocation{Mode: ShowVersion}, true, nil
	case "-h", "--help":
		return Invocation{Mode: ShowHelp}, true, nil
	case "--check-system":
		return Invocation{Mode: CheckSystem}, true, nil
	case "--test-memory":
		if len(args) != 2 {
			return inv, true, ErrTestMemory
		}
		n, err := strconv.ParseUint(args[1], 10, 31)
		if err != nil || n == 0 {
			return inv, true, ErrTestMemory
		}
		return Invocation{Mode: TestMemory, Megabytes: int(n)}, true, nil
	}
	return inv, false, nil
}

// optionLines turns the options of a command line into the lines of a
// configuration file. The word after an option is always its value, even if it
// starts with "--"; further words are values up to one that does. Only --save
// may do without. An option that holds spaces is a whole line by itself.
func optionLines(args []string) (string, error) {
	var b []byte
	value := false // the next word is a value
	for i, arg := range args {
		if value || !strings.HasPrefix(arg, "--") {
			b = append(words.AppendQuoted(b, arg), ' ')
			value = false
			continue
		}
		if strings.EqualFold(arg, "--sentinel") {
			return "", ErrSentinel
		}
		if len(b) > 0 {
			b = append(b, '\n')
		}
		b = append(append(b, arg[2:]...), ' ')
		if words, ok := splitWords(arg); !ok || len(words) != 1 {
			continue
		}
		value = true
		if strings.EqualFold(arg, "--save") && (i+1 == len(args) || strings.HasPrefix(args[i+1], "--")) {
			b = append(b, `"" `...)
			value = false
		}
	}
	return string(b), nil
}
