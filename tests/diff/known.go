package diff

import (
	"fmt"
	"os"
	"strings"
)

// known is what Redstart is known not to have yet, with the reasons.
type known struct {
	commands map[string]string // in lower case
	scripts  map[string]string // group/command
}

// readKnown reads a list of lines
//
//	command | rpush | reason
//	script | group/command | reason
func readKnown(name string) (known, error) {
	k := known{commands: map[string]string{}, scripts: map[string]string{}}
	text, err := os.ReadFile(name)
	if err != nil {
		return k, err
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		part := strings.Split(line, " | ")
		if len(part) != 3 || strings.TrimSpace(part[2]) == "" {
			return k, fmt.Errorf("%s:%d: want: kind | name | reason", name, number)
		}
		switch part[0] {
		case "command":
			k.commands[strings.ToLower(part[1])] = part[2]
		case "script":
			k.scripts[part[1]] = part[2]
		default:
			return k, fmt.Errorf("%s:%d: want command or script", name, number)
		}
	}
	return k, nil
}
