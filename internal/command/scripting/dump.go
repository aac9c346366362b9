package scripting

import (
	"encoding/binary"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/rdb"
)

// opFunction is the opcode of a library in RDB files. A payload is the libraries, each
// behind the opcode as a string, then the version of the format and the checksum:
//
//	245 string  245 string  ...  version(2)  crc64(8)
const opFunction = 245

func (s *Scripts) functionDump(c *command.Ctx) {
	var b []byte
	for _, l := range s.sorted() {
		b = rdb.AppendFunction(b, []byte(l.code), c.Config.RDBCompression)
	}
	b = binary.LittleEndian.AppendUint16(b, rdb.Version)
	c.Bulk(binary.LittleEndian.AppendUint64(b, rdb.CRC64(0, b)))
}

func (s *Scripts) functionRestore(c *command.Ctx) {
	flush, replace := false, false
	if len(c.Args) > 4 {
		c.UnknownSubcommand(c.Args[1])
		return
	}
	if len(c.Args) == 4 {
		switch {
		case c.Is(3, "APPEND"):
		case c.Is(3, "REPLACE"):
			replace = true
		case c.Is(3, "FLUSH"):
			flush = true
		default:
			c.Err("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
			return
		}
	}
	codes, text := payload(c.Args[2])
	if text != "" {
		c.Err(text)
		return
	}
	libs, funcs, size := s.libraries, s.functions, s.libBytes
	s.flushFunctions()
	if !flush {
		for _, l := range libs {
			s.libraries[l.name] = l
			for _, f := range l.functions {
				s.functions[strings.ToLower(f.Name)] = f
			}
		}
		s.libBytes = size
	}
	for _, code := range codes {
		if _, text := s.LoadLibrary(code, replace); text != "" {
			s.libraries, s.functions, s.libBytes = libs, funcs, size
			if name, ok := strings.CutPrefix(text, "ERR Library '"); ok {
				text = "ERR Library " + strings.Replace(name, "'", "", 1)
			}
			c.Err(text)
			return
		}
	}
	c.Dirty(1)
	c.OK()
}

// payload gives the sources in what FUNCTION DUMP made.
func payload(b []byte) (codes []string, text string) {
	body, err := rdb.VerifyDump(b, true)
	if err != nil {
		return nil, command.ErrBadDump
	}
	r := rdb.NewReader(body)
	for len(r.Rest()) > 0 {
		if op, _ := r.Byte(); op != opFunction {
			return nil, "ERR given type is not a function"
		}
		code, err := r.String()
		if err != nil {
			return nil, "ERR failed loading functions"
		}
		codes = append(codes, string(code))
	}
	return codes, ""
}
