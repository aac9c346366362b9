package config

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/redstart-db/redstart/internal/errno"
)

// maxBind is how many addresses bind takes.
const maxBind = 16

var bindList = typ{
	kind: kindSpecial, multi: true, text: "addresses",
	set: func(c *Config, words []string, _ bool) error {
		if len(words) > maxBind {
			return errors.New("Too many bind addresses specified.")
		}
		if len(words) == 1 && words[0] == "" {
			words = nil
		}
		c.Bind = slices.Clone(words)
		return nil
	},
	get: func(c *Config) string { return strings.Join(c.Bind, " ") },
}

// savePoints: the first save line of a file replaces the defaults, the others
// add to it, and an empty one removes all before it. CONFIG SET replaces.
// (Redis 7.0 loses the lines read so far when an include comes in between;
// here an include changes nothing.)
var savePoints = typ{
	kind: kindSpecial, multi: true, text: "seconds changes ...",
	set: func(c *Config, words []string, loading bool) error {
		if len(words) == 1 && words[0] == "" {
			words = nil
		}
		points, err := parseSave(words)
		if err != nil {
			return err
		}
		if loading && c.savesLoaded && len(points) > 0 {
			points = append(slices.Clip(c.Save), points...)
		}
		c.savesLoaded = c.savesLoaded || loading
		c.Save = points
		return nil
	},
	get: func(c *Config) string {
		var b []byte
		for i, p := range c.Save {
			if i > 0 {
				b = append(b, ' ')
			}
			b = p.append(b)
		}
		return string(b)
	},
}

func (p SavePoint) append(b []byte) []byte {
	b = strconv.AppendInt(b, p.Seconds, 10)
	b = append(b, ' ')
	return strconv.AppendInt(b, p.Changes, 10)
}

func parseSave(words []string) ([]SavePoint, error) {
	errSave := errors.New("Invalid save parameters")
	if len(words)%2 != 0 {
		return nil, errSave
	}
	var points []SavePoint
	for i := 0; i < len(words); i += 2 {
		seconds, err1 := parseSaturating(words[i])
		changes, err2 := parseSaturating(words[i+1])
		if err1 != nil || err2 != nil || seconds < 1 || changes < 0 || changes > math.MaxInt32 {
			return nil, errSave
		}
		points = append(points, SavePoint{seconds, changes})
	}
	return points, nil
}

// parseSaturating reads a decimal number; one too great becomes the greatest.
func parseSaturating(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return n, nil
	}
	return n, err
}

// clientClasses names the output limits in order; replica is written slave.
var clientClasses = [...]string{ClientNormal: "normal", ClientReplica: "slave", ClientPubSub: "pubsub"}

func clientClass(s string) (int, bool) {
	switch strings.ToLower(s) {
	case "normal":
		return ClientNormal, true
	case "slave", "replica":
		return ClientReplica, true
	case "pubsub":
		return ClientPubSub, true
	}
	return 0, false
}

var outputLimits = typ{
	kind: kindSpecial, multi: true, text: "class hard soft seconds ...",
	set: func(c *Config, words []string, _ bool) error {
		if len(words)%4 != 0 {
			return errors.New("Wrong number of arguments in buffer limit configuration.")
		}
		limits := c.ClientOutputBufferLimits
		for w := words; len(w) > 0; w = w[4:] {
			class, ok := clientClass(w[0])
			if !ok {
				return errors.New("Invalid client class specified in buffer limit configuration.")
			}
			hard, ok1 := parseMemory(w[1])
			soft, ok2 := parseMemory(w[2])
			seconds, err := parseSaturating(w[3])
			if !ok1 || !ok2 || err != nil || seconds < 0 {
				return errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
			}
			limits[class] = OutputBufferLimit{hard, soft, seconds}
		}
		c.ClientOutputBufferLimits = limits
		return nil
	},
	get: func(c *Config) string {
		var words []string
		for i, l := range c.ClientOutputBufferLimits {
			words = append(words, clientClasses[i], strconv.FormatUint(l.Hard, 10),
				strconv.FormatUint(l.Soft, 10), strconv.FormatInt(l.SoftSeconds, 10))
		}
		return strings.Join(words, " ")
	},
}

var oomScoreValues = typ{
	kind: kindSpecial, multi: true, text: "three integers",
	set: func(c *Config, words []string, _ bool) error {
		var v [3]int
		if len(words) != len(v) {
			return errWords
		}
		for i, w := range words {
			n, err := strconv.Atoi(w)
			if err != nil || n < -2000 || n > 2000 {
				return errors.New("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
			}
			v[i] = n
		}
		c.OOMScoreAdjValues = v
		return nil
	},
	get: func(c *Config) string {
		v := c.OOMScoreAdjValues
		return strconv.Itoa(v[0]) + " " + strconv.Itoa(v[1]) + " " + strconv.Itoa(v[2])
	},
}

var percentiles = typ{
	kind: kindSpecial, multi: true, text: "numbers from 0 to 100",
	set: func(c *Config, words []string, _ bool) error {
		if len(words) == 1 && words[0] == "" {
			words = nil
		}
		var list []float64
		for _, w := range words {
			f, err := strconv.ParseFloat(w, 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) || f != f {
				return errors.New("Invalid latency-tracking-info-percentiles parameters")
			}
			if f < 0 || f > 100 {
				return errors.New("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
			}
			list = append(list, f)
		}
		c.LatencyPercentiles = list
		return nil
	},
	get: func(c *Config) string {
		words := make([]string, len(c.LatencyPercentiles))
		for i, f := range c.LatencyPercentiles {
			words[i] = formatPercentile(f)
		}
		return strings.Join(words, " ")
	},
}

// formatPercentile writes at most six decimals and no trailing zero.
func formatPercentile(f float64) string {
	s := strconv.FormatFloat(f, 'f', 6, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

var notifyEvents = typ{
	kind: kindSpecial, text: "letters of A, g$lshzxetdn, K, E, m",
	set: func(c *Config, words []string, _ bool) error {
		var f NotifyFlags
		switch len(words) {
		case 0:
		case 1:
			var ok bool
			if f, ok = ParseNotifyFlags(words[0]); !ok {
				return errors.New("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
			}
		default:
			return errWords
		}
		c.NotifyKeyspaceEvents = f
		return nil
	},
	get: func(c *Config) string { return c.NotifyKeyspaceEvents.String() },
}

// ParseNotifyFlags reads the letters of notify-keyspace-events.
func ParseNotifyFlags(s string) (NotifyFlags, bool) {
	var f NotifyFlags
	for i := range len(s) {
		if s[i] == 'A' {
			f |= NotifyAll
			continue
		}
		bit := strings.IndexByte(notifyLetters, s[i])
		if bit < 0 {
			return 0, false
		}
		f |= 1 << bit
	}
	return f, true
}

// String renders f as CONFIG GET does, which leaves out n when everything is
// on: see letters.
func (f NotifyFlags) String() string {
	if f&NotifyAll == NotifyAll {
		f &^= NotifyNew
	}
	return f.letters()
}

// letters renders every class of f.
func (f NotifyFlags) letters() string {
	var b []byte
	if f&NotifyAll == NotifyAll {
		b = append(b, 'A')
		f &^= NotifyAll
	}
	for i := range len(notifyLetters) {
		if f&(1<<i) != 0 {
			b = append(b, notifyLetters[i])
		}
	}
	return string(b)
}

var replicaOf = typ{
	kind: kindSpecial, multi: true, text: "host port",
	set: func(c *Config, words []string, _ bool) error {
		if len(words) != 2 {
			return errWords
		}
		if strings.EqualFold(words[0], "no") && strings.EqualFold(words[1], "one") {
			c.ReplicaOf = nil
			return nil
		}
		port, err := strconv.Atoi(words[1])
		if err != nil || port < 0 || port > 65535 {
			return errors.New("Invalid master port")
		}
		c.ReplicaOf = &Address{words[0], port}
		return nil
	},
	get: func(c *Config) string {
		if c.ReplicaOf == nil {
			return ""
		}
		return c.ReplicaOf.Host + " " + strconv.Itoa(c.ReplicaOf.Port)
	},
}

// directory is dir. The process does not change its working directory: the
// path is made absolute, from the dir before.
var directory = typ{
	kind: kindDir, text: "path",
	set: func(c *Config, words []string, _ bool) error {
		if len(words) != 1 {
			return errWords
		}
		path := c.Path(words[0])
		if words[0] == "" {
			return errors.New("No such file or directory")
		}
		info, err := os.Stat(path)
		if err != nil {
			return errors.New(systemError(err))
		}
		if !info.IsDir() {
			return errors.New("Not a directory")
		}
		c.Dir, c.DirByChance = path, false
		return nil
	},
	get: func(c *Config) string { return c.Dir },
}

// Path returns name as an absolute path; a relative one starts at Dir.
func (c *Config) Path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(c.Dir, name)
}

// systemError returns the text of an error of the system as C programs print
// it.
func systemError(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		return "Permission denied"
	}
	return errno.Text(err)
}

func fileName(text string) func(string) error {
	return func(s string) error {
		if strings.ContainsRune(s, '/') {
			return errors.New(text)
		}
		return nil
	}
}

func appendFileName(s string) error {
	if s == "" {
		return errors.New("appendfilename can't be empty")
	}
	return fileName("appendfilename can't be a path, just a filename")(s)
}

func appendDirName(s string) error {
	if s == "" {
		return errors.New("appenddirname can't be empty")
	}
	return fileName("appenddirname can't be a path, just a dirname")(s)
}

var procTitleVariables = []string{"title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"}

// procTitle accepts text in which braces hold known variables; "{{" is a brace.
func procTitle(s string) error {
	errTemplate := errors.New("template format is invalid or contains unknown variables")
	if strings.TrimSpace(s) == "" {
		return errTemplate
	}
	for {
		_, rest, found := strings.Cut(s, "{")
		if !found {
			return nil
		}
		if s, found = strings.CutPrefix(rest, "{"); found {
			continue
		}
		var name string
		if name, s, found = strings.Cut(rest, "}"); !found || !slices.Contains(procTitleVariables, name) {
			return errTemplate
		}
	}
}

func hostname(s string) error {
	if len(s) >= 256 {
		return errors.New("Hostnames must be less than 256 characters")
	}
	for i := range len(s) {
		if b := s[i]; !isAlnum(b) && b != '-' && b != '.' {
			return errors.New("Hostnames may only contain alphanumeric characters, hyphens or dots")
		}
	}
	return nil
}

func nodename(s string) error {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return errors.New("Announced human node name contained invalid character")
		}
	}
	return nil
}

func isAlnum(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
