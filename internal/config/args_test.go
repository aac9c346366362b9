package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOptionLines(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, ""},
		{[]string{"--port", "1"}, `port "1"`},
		{[]string{"--port", "1", "--bind", "a", "b"}, "port \"1\" \nbind \"a\" \"b\""},
		{[]string{"--port", "--loglevel", "verbose"}, `port "--loglevel" "verbose"`},
		{[]string{"--replicaof", "--a", "--b"}, "replicaof \"--a\" \nb"},
		{[]string{"--save"}, `save ""`},
		{[]string{"--save", ""}, `save ""`},
		{[]string{"--SAVE", "--hz", "1"}, "SAVE \"\" \nhz \"1\""},
		{[]string{"--port 7", "--hz", "1"}, "port 7 \nhz \"1\""},
		{[]string{"-x"}, `"-x"`},
		{[]string{"--", "--port"}, `"--port"`},
		{[]string{"--requirepass", "a \"b\n"}, `requirepass "a \"b\n"`},
	} {
		got, err := optionLines(tt.args)
		if err != nil || strings.TrimSpace(got) != tt.want {
			t.Errorf("%q: %q, %v", tt.args, got, err)
		}
	}
}

func TestParseArgs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.conf")
	if err := os.WriteFile(path, []byte("timeout 7\nsave 1 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args  []string
		stdin string
		name  string
		want  string
	}{
		{nil, "", "port", "6379"},
		{[]string{path}, "", "timeout", "7"},
		{[]string{path, "--timeout", "8"}, "", "timeout", "8"},
		{[]string{path, "--save", "5", "6"}, "", "save", "1 1 5 6"},
		{[]string{path, "--save", ""}, "", "save", ""},
		{[]string{path, "-"}, "timeout 9", "timeout", "9"},
		{[]string{path, "--timeout", "10", "-"}, "timeout 9", "timeout", "10"},
		{[]string{"-"}, "hz 11\n", "hz", "11"},
		{[]string{"--proc-title-template", "--my"}, "", "proc-title-template", "--my"},
		{[]string{"--shutdown-on-sigint", "nosave force", "--shutdown-on-sigterm", "now"}, "", "shutdown-on-sigint", "nosave force"},
	} {
		c := Default()
		inv, err := c.ParseArgsFrom(tt.args, strings.NewReader(tt.stdin))
		got, _ := c.Value(tt.name)
		if err != nil || inv.Mode != Serve || got != tt.want {
			t.Errorf("%q: %v, %s is %q, want %q", tt.args, err, tt.name, got, tt.want)
		}
		if isFile := len(tt.args) > 0 && tt.args[0] == path; isFile != (c.File == path) || c.File != inv.ConfigFile {
			t.Errorf("%q: file %q", tt.args, c.File)
		}
	}
}

func TestParseArgsOtherModes(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want Invocation
		err  error
	}{
		{[]string{"-v"}, Invocation{Mode: ShowVersion}, nil},
		{[]string{"--version", "x"}, Invocation{Mode: ShowVersion}, nil},
		{[]string{"-h"}, Invocation{Mode: ShowHelp}, nil},
		{[]string{"--help"}, Invocation{Mode: ShowHelp}, nil},
		{[]string{"--check-system"}, Invocation{Mode: CheckSystem}, nil},
		{[]string{"--test-memory", "5"}, Invocation{Mode: TestMemory, Megabytes: 5}, nil},
		{[]string{"--test-memory"}, Invocation{}, ErrTestMemory},
		{[]string{"--sentinel"}, Invocation{}, ErrSentinel},
		{[]string{"--port", "1", "--sentinel"}, Invocation{}, ErrSentinel},
	} {
		if got, err := Default().ParseArgs(tt.args); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q: %+v, %v", tt.args, got, err)
		}
	}
}

func TestParseArgsErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.conf")
	if err := os.WriteFile(path, []byte("port 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		line int
		text string
	}{
		{[]string{"--port", "abc"}, 2, `port "abc"`},
		{[]string{path, "--port", "abc"}, 3, `port "abc"`},
		{[]string{"--hz", "1", "--PORT", "abc"}, 3, `PORT "abc"`},
		{[]string{path + "x"}, 0, ""},
	} {
		var fe *FileError
		_, err := Default().ParseArgs(tt.args)
		if !errors.As(err, &fe) || fe.Line != tt.line || fe.Text != tt.text {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}
