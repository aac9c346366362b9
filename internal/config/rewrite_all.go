package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// RewriteAll is Rewrite with every directive written, also those at their
// defaults, at the end of the file.
func (c *Config) RewriteAll(path string) error {
	if path == "" {
		return ErrNoFile
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.New(systemError(err))
	}
	force := make(map[string]bool)
	for i := range table {
		if table[i].typ.kind != kindLine {
			force[table[i].name] = true
		}
	}
	if err := replaceFile(path, c.rewriteLines(string(old), force)); err != nil {
		return errors.New(systemError(err))
	}
	return nil
}
