package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/vfs"
)

const errBothUsers = "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. " +
	"This setup is very likely to lead to configuration errors and security holes, please define either an ACL file " +
	"or declare users directly in your redis.conf, but not both."

// startUsers makes the users that the configuration says. No command runs yet.
func startUsers(env *command.Env) error {
	cfg := env.Config
	env.Users.Default().SetPassword(cfg.RequirePass)
	if len(cfg.Users) > 0 && cfg.ACLFile != "" {
		return errors.New(errBothUsers)
	}
	for i := range cfg.Users {
		if err := startUser(env, &cfg.Users[i]); err != nil {
			return err
		}
	}
	if cfg.ACLFile == "" {
		return nil
	}
	text, err := readUsers(cfg)
	if err != nil {
		return fmt.Errorf("Aborting Redis startup because of ACL errors: Error loading ACLs, opening file '%s': %w", cfg.ACLFile, err)
	}
	users, errs := env.ACLRules().Parse(text, cfg.ACLFile)
	if errs != "" {
		return errors.New("Aborting Redis startup because of ACL errors: " + errs)
	}
	env.Users.Replace(users)
	return nil
}

// startUser makes the user of a line of the configuration.
func startUser(env *command.Env, line *config.Statement) error {
	name := line.Args[0]
	if acl.BadName(name) {
		return line.Error("Usernames can't contain spaces or null characters")
	}
	list, open := acl.MergeSelectors(line.Args[1:])
	if open >= 0 {
		return line.Error("Unmatched parenthesis in selector definition.")
	}
	rules := env.ACLRules()
	u := rules.NewUser(name)
	for _, r := range list {
		if err := rules.Apply(u, r); err != nil {
			return line.Error(fmt.Sprintf("Error in user declaration '%s': %s", r, err))
		}
	}
	if name == acl.Default {
		env.Users.Default().Become(u)
	} else {
		env.Users.Add(u)
	}
	return nil
}

// ReadUsers implements users.Server.
func (s *self) ReadUsers() (string, error) { return readUsers(s.n.Config) }

// usersFile is the path of aclfile.
func usersFile(cfg *config.Config) string {
	if filepath.IsAbs(cfg.ACLFile) {
		return cfg.ACLFile
	}
	return filepath.Join(cfg.Dir, cfg.ACLFile)
}

func readUsers(cfg *config.Config) (string, error) {
	b, err := vfs.ReadFile(vfs.OS{}, usersFile(cfg))
	if err != nil {
		return "", errors.New(reason(err))
	}
	return string(b), nil
}

// WriteUsers implements users.Server.
func (s *self) WriteUsers(text string) error {
	return vfs.WriteFile(vfs.OS{}, usersFile(s.n.Config), ".tmp-"+strconv.Itoa(os.Getpid()), []byte(text))
}

// userLines is the users as lines of the configuration, without the word "user". The
// default user is left out as long as requirepass alone tells what it is.
func userLines(env *command.Env) (lines []string) {
	plain := acl.NewUsers().Default()
	plain.SetPassword(env.Config.RequirePass)
	commands := env.Table.ACLCommands()
	for _, u := range env.Users.All() {
		text := string(u.Append(nil, commands))
		if u.Name() != acl.Default || text != string(plain.Append(nil, commands)) {
			lines = append(lines, config.JoinWords(append([]string{u.Name()}, strings.Split(text, " ")...)))
		}
	}
	return lines
}

// UserLines implements server.Node.
func (s *self) UserLines() []string { return userLines(s.n.env) }

// users is the instance as the commands about users see it.
type users struct {
	*self
	*exec.Exec
}
