package redstart

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/redstart-db/redstart/internal/config"
)

// Options say how an instance is set up. The zero value is ready for use: 16
// databases, no limit of memory, nothing saved to disk, nothing logged.
type Options struct {
	// Dir is the folder in which the instance keeps its data, and has it again when it
	// is opened the next time; it is made if it is not there. Close writes everything to
	// the RDB file dump.rdb, and so do BGSAVE and the save points meanwhile, which are
	// those of Redis unless Directives has others ("save"). With the directive
	// "appendonly" set to "yes" an append only file has each write, as soon as
	// "appendfsync" says. redis-server reads these files and the other way round.
	//
	// No two instances can keep the same files, in this process or another. Empty means
	// that everything is in memory alone and nothing is ever written.
	Dir string

	// Databases is the number of databases that SELECT reaches; 0 means 16.
	Databases int

	// MaxMemory bounds the memory of the data in bytes; 0 means no bound. At the
	// bound keys are evicted as MaxMemoryPolicy says, and commands that need more
	// memory fail.
	MaxMemory int64

	// MaxMemoryPolicy is the name of a policy, such as "allkeys-lru"; empty
	// means "noeviction".
	MaxMemoryPolicy string

	// Password has to be given by clients that come through Serve, Dial or
	// Dialer before anything else. Do and Conn need none. Empty means no
	// password.
	Password string

	// Directives are any directives of redis.conf, but for dir, by name, with the value as it
	// would stand behind the name there: {"hash-max-listpack-entries": "64",
	// "notify-keyspace-events": "Ex"}. The fields above win over them. Those
	// that concern a process (port, bind, unixsocket, daemonize, logfile and
	// the like) are accepted and do nothing.
	Directives map[string]string

	// Logger receives what an operator would want to know; nil means nobody. Its
	// handler is called while commands wait, so it must not run commands itself.
	Logger *slog.Logger
}

// config gives the configuration that o asks for.
func (o *Options) config() (*config.Config, error) {
	c := config.Default()
	if o.Dir == "" {
		c.Save = nil
	}
	for _, name := range slices.Sorted(maps.Keys(o.Directives)) {
		value := o.Directives[name]
		if strings.ContainsAny(name, " \t\r\n#\"'") || strings.ContainsAny(value, "\r\n") {
			return nil, fmt.Errorf("redstart: directive %q: not a line of redis.conf", name)
		}
		if err := o.directive(c, name, value); err != nil {
			return nil, fmt.Errorf("redstart: directive %q: %w", name, err)
		}
	}
	if len(c.Modules) > 0 {
		return nil, errors.New("redstart: modules are not supported")
	}
	if err := o.keep(c); err != nil {
		return nil, err
	}
	if o.Databases < 0 || o.MaxMemory < 0 {
		return nil, errors.New("redstart: Databases and MaxMemory must not be negative")
	}
	if o.Databases > 0 {
		if err := o.directive(c, "databases", strconv.Itoa(o.Databases)); err != nil {
			return nil, fmt.Errorf("redstart: Databases: %w", err)
		}
	}
	if o.MaxMemory > 0 {
		c.MaxMemory = uint64(o.MaxMemory)
	}
	if o.MaxMemoryPolicy != "" {
		if err := o.directive(c, "maxmemory-policy", o.MaxMemoryPolicy); err != nil {
			return nil, fmt.Errorf("redstart: MaxMemoryPolicy: %w", err)
		}
	}
	if o.Password != "" {
		c.RequirePass = o.Password
	}
	return c, nil
}

// keep sets where files are kept, and refuses what would need some where there are none.
func (o *Options) keep(c *config.Config) error {
	for name := range o.Directives {
		if strings.EqualFold(name, "dir") {
			return errors.New("redstart: Options.Dir takes the place of the directive dir")
		}
	}
	if o.Dir != "" {
		dir, err := filepath.Abs(o.Dir)
		if err != nil {
			return fmt.Errorf("redstart: Dir: %w", err)
		}
		c.Dir, c.DirByChance = dir, false
		return nil
	}
	if c.AppendOnly || len(c.Save) > 0 {
		return errors.New("redstart: the directives appendonly and save need Options.Dir")
	}
	return nil
}

func (o *Options) directive(c *config.Config, name, value string) error {
	err := c.Load(strings.NewReader(name+" "+value), "")
	var line *config.FileError
	if errors.As(err, &line) {
		return errors.New(line.Msg)
	}
	return err
}
