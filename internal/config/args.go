package config

import "io"

// Mode is what the command line asks for.
type Mode uint8

// The modes.
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
	ConfigFile string // absolute path, or empty
	Megabytes  int    // of TestMemory
}

// ParseArgs carries out the command line of the server, without the program's
// name, on c.
func (c *Config) ParseArgs(args []string) (Invocation, error) { return c.ParseArgsFrom(args, nil) }

// ParseArgsFrom is ParseArgs with another standard input.
func (c *Config) ParseArgsFrom(args []string, stdin io.Reader) (Invocation, error) {
	return Invocation{}, nil
}

// Rewrite brings the file at path up to date with c.
func (c *Config) Rewrite(path string) error { return nil }
