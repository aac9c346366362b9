package aof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/vfs"
)

// Checker is the tool redis-check-aof: it looks at append only files and cuts off
// what is damaged, if it is told to.
type Checker struct {
	FS       vfs.FS
	In       io.Reader // answers to questions
	Out, Err io.Writer
	// RDB checks the RDB file that a base, of that path, begins with, tells about it on Out under
	// the name that is shown, and reads no further than its end.
	RDB func(r *bufio.Reader, path, shown string) bool

	fix   bool
	until int64 // Unix seconds to cut off at, 0 for none

	line  int // of all files
	rd    *bufio.Reader
	at    int64 // offset in the file
	began int64 // where what was read last begins
	msg   string
}

const checkUsage = "Usage: %s [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n"

// shortestRDB is how long a file without a manifest has to be to be taken for one that begins
// with an RDB file.
const shortestRDB = 8

// errCheck is an end with exit status 1, of which everything has been said.
var errCheck = errors.New("not valid")

// Run checks what the arguments, without the name of the program, say, and gives
// the exit status.
func (c *Checker) Run(program string, args []string) int {
	var name string
	switch {
	case len(args) == 1:
		name = args[0]
	case len(args) == 2 && args[0] == "--fix":
		c.fix, name = true, args[1]
	case len(args) == 3 && args[0] == "--truncate-to-timestamp":
		name = args[2]
		n, ok := timestamp(args[1])
		if !ok {
			fmt.Fprintln(c.Out, "Invalid timestamp, aborting...")
			return 1
		}
		c.until = n
	default:
		fmt.Fprintf(c.Out, checkUsage, program)
		return 1
	}
	c.line = 1
	if err := c.check(name); err != nil {
		if err != errCheck {
			fmt.Fprintln(c.Out, err)
		}
		return 1
	}
	return 0
}

// timestamp reads a number as C's strtol does: behind spaces, and nothing is 0, with which
// nothing is cut off.
func timestamp(s string) (n int64, ok bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(strings.TrimLeft(s, " \t\n\v\f\r"), 10, 64)
	return n, err == nil
}

func (c *Checker) check(name string) error {
	if c.fix || c.until != 0 {
		lock, err := c.claim(name)
		if err != nil {
			return err
		}
		defer lock()
	}
	f, err := c.FS.Open(name)
	if err != nil {
		return fmt.Errorf("Cannot open file %s: %s", name, reason(err))
	}
	head := make([]byte, maxLine)
	n, err := io.ReadFull(f, head)
	f.Close()
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("Cannot read file: %s", name)
	}
	if head = head[:n]; !isManifest(head) {
		fmt.Fprintln(c.Out, "Start checking Old-Style AOF")
		what, err := c.file(name, name, true, n >= shortestRDB && bytes.HasPrefix(head, []byte(magic)))
		if err == nil {
			c.verdict("AOF", name, what)
		}
		return err
	}
	fmt.Fprintln(c.Out, "Start checking Multi Part AOF")
	return c.parts(name)
}

// claim makes sure that no server writes the files that are to be repaired.
func (c *Checker) claim(name string) (release func(), err error) {
	dir, file := filepath.Split(name)
	path := LockName(dir, prefixOf(file))
	lock, err := c.FS.Lock(path, false)
	var locked *vfs.LockedError
	switch {
	case errors.As(err, &locked):
		return nil, fmt.Errorf("Cannot repair %s: the folder is in use by a server (%s). Stop it first.", name, err)
	case errors.Is(err, vfs.ErrNoLocks) || errors.Is(err, fs.ErrNotExist):
		return func() {}, nil // what is wrong is for others to say
	case err != nil:
		return nil, fmt.Errorf("Cannot lock %s: %s", path, reason(err))
	}
	return func() {
		c.FS.Remove(path)
		lock.Close()
	}, nil
}

// isManifest tells whether a file begins like one.
func isManifest(head []byte) bool {
	for len(head) > 0 && head[0] == '#' {
		_, head, _ = bytes.Cut(head, []byte{'\n'})
	}
	return bytes.HasPrefix(head, []byte("file"))
}

// parts checks what a manifest names.
func (c *Checker) parts(name string) error {
	b, err := readFile(c.FS, name, maxManifest)
	if err != nil {
		return fmt.Errorf("Cannot read file: %s", name)
	}
	m, err := ParseManifest(b)
	if err != nil {
		var bad *ManifestError
		if errors.As(err, &bad) {
			c.warn("\n*** FATAL AOF MANIFEST FILE ERROR ***\n")
			c.warn(fmt.Sprintf("Reading the manifest file, at line %d\n", bad.Line))
			c.warn(">>> '" + bad.Text + "'\n")
		}
		c.warn(err.Error() + "\n")
		return errCheck
	}
	dir := filepath.Dir(name) + string(filepath.Separator)
	if m.Base != nil {
		path := dir + m.Base.Name
		rdb, err := c.beginsRDB(path)
		if err != nil {
			return err
		}
		format := "RESP"
		if rdb {
			format = "RDB"
		}
		fmt.Fprintf(c.Out, "Start to check BASE AOF (%s format).\n", format)
		what, err := c.file(path, m.Base.Name, len(m.Incrs) == 0, rdb)
		if err != nil {
			return err
		}
		c.verdict("BASE AOF", m.Base.Name, what)
	}
	if len(m.Incrs) > 0 {
		fmt.Fprintln(c.Out, "Start to check INCR files.")
		for i, f := range m.Incrs {
			what, err := c.file(dir+f.Name, f.Name, i == len(m.Incrs)-1, false)
			if err != nil {
				return err
			}
			c.verdict("INCR AOF", f.Name, what)
		}
	}
	fmt.Fprintln(c.Out, "All AOF files and manifest are valid")
	return nil
}

func (c *Checker) beginsRDB(path string) (bool, error) {
	f, err := c.FS.Open(path)
	if err != nil {
		return false, fmt.Errorf("Cannot open file %s: %s", path, reason(err))
	}
	defer f.Close()
	head := make([]byte, len(magic))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == magic, nil
}

// warn writes a line as the log of the server does.
func (c *Checker) warn(text string) {
	fmt.Fprintf(c.Out, "%d:C %s # %s\n", os.Getpid(), time.Now().Format("02 Jan 2006 15:04:05.000"), text)
}

// verdict of a file.
type verdict uint8

const (
	valid verdict = iota
	empty
	truncated // and valid now
)

func (c *Checker) verdict(kind, name string, v verdict) {
	switch {
	case v == valid:
		fmt.Fprintf(c.Out, "%s %s is valid\n", kind, name)
	case v == empty:
		fmt.Fprintf(c.Out, "%s %s is empty\n", kind, name)
	case c.until != 0:
		fmt.Fprintf(c.Out, "Successfully truncated AOF %s to timestamp %d\n", name, c.until)
	default:
		fmt.Fprintf(c.Out, "Successfully truncated AOF %s\n", name)
	}
}

// file checks one file, and cuts it off where it is to be.
func (c *Checker) file(path, name string, last, rdb bool) (verdict, error) {
	f, err := c.FS.Open(path)
	if err != nil {
		return valid, fmt.Errorf("Cannot open file %s: %s", path, reason(err))
	}
	defer f.Close()
	size, err := fileSize(c.FS, path)
	if err != nil {
		return valid, fmt.Errorf("Cannot stat file: %s", path)
	}
	if size == 0 {
		return empty, nil
	}
	count := &counter{r: f, p: new(stats.Progress)}
	c.rd, c.at, c.msg = bufio.NewReaderSize(count, scanChunk), 0, ""
	if rdb {
		if !c.RDB(c.rd, path, name) {
			return valid, errors.New("RDB preamble of AOF file is not sane, aborting.")
		}
		fmt.Fprintln(c.Out, "RDB preamble is OK, proceeding with AOF tail...")
		c.at = count.n - int64(c.rd.Buffered())
	}
	upTo, cut, err := c.commands(name, path)
	if err != nil {
		return valid, err
	}
	if c.msg != "" {
		fmt.Fprintln(c.Out, c.msg)
	}
	if cut {
		return c.cutAtTime(path, name, upTo, last)
	}
	if c.until != 0 && upTo == size {
		fmt.Fprintf(c.Out, "Truncate nothing in AOF %s to timestamp %d\n", name, c.until)
		return valid, nil
	}
	fmt.Fprintf(c.Out, "AOF analyzed: filename=%s, size=%d, ok_up_to=%d, ok_up_to_line=%d, diff=%d\n",
		name, size, upTo, c.line, size-upTo)
	if upTo == size {
		return valid, nil
	}
	if !c.fix {
		return valid, fmt.Errorf("AOF %s is not valid. Use the --fix option to try fixing it.", name)
	}
	return c.repair(path, name, size, upTo, last)
}

// repair cuts off what is damaged, after asking.
func (c *Checker) repair(path, name string, size, upTo int64, last bool) (verdict, error) {
	if !last {
		fmt.Fprintf(c.Out, "Failed to truncate AOF %s because it is not the last file\n", name)
		return valid, errCheck
	}
	fmt.Fprintf(c.Out, "This will shrink the AOF %s from %d bytes, with %d bytes, to %d bytes\nContinue? [y/N]: ",
		name, size, size-upTo, upTo)
	answer, _ := bufio.NewReader(c.In).ReadString('\n')
	if !strings.HasPrefix(strings.ToLower(answer), "y") {
		return valid, errors.New("Aborting...")
	}
	if err := truncate(c.FS, path, upTo); err != nil {
		return valid, fmt.Errorf("Failed to truncate AOF %s", name)
	}
	return truncated, nil
}

// cutAtTime cuts off what is later than the time that was asked for.
func (c *Checker) cutAtTime(path, name string, upTo int64, last bool) (verdict, error) {
	if upTo == 0 {
		return valid, fmt.Errorf("AOF %s has nothing before timestamp %d, aborting...", path, c.until)
	}
	if !last {
		fmt.Fprintf(c.Out, "Failed to truncate AOF %s to timestamp %d to offset %d because it is not the last file.\n",
			path, c.until, upTo)
		return valid, errors.New("If you insist, please delete all files after this file according to the manifest file " +
			"and delete the corresponding records in manifest file manually. Then re-run redis-check-aof.")
	}
	if err := truncate(c.FS, path, upTo); err != nil {
		return valid, fmt.Errorf("Failed to truncate AOF %s to timestamp %d", name, c.until)
	}
	return truncated, nil
}

// commands goes through commands and annotations. It gives where the last one ends
// that counts; cut tells that what follows is later than the time asked for.
func (c *Checker) commands(name, path string) (upTo int64, cut bool, err error) {
	upTo = c.at
	multi := false
	for {
		kind, err := c.rd.Peek(1)
		if err != nil {
			if multi {
				c.say(c.began, "Reached EOF before reading EXEC for MULTI")
			}
			return upTo, false, nil
		}
		before := c.at
		switch kind[0] {
		case '#':
			line, _ := c.readLine()
			at, ok := stampOf(line)
			if c.until != 0 && bytes.HasPrefix(line, []byte("#TS:")) && (!ok || !bytes.HasSuffix(line, []byte{'\r', '\n'})) {
				return 0, false, errors.New("Invalid timestamp annotation")
			}
			if ok && c.until != 0 && at > c.until {
				if !multi {
					upTo = before
				}
				return upTo, true, nil
			}
			if !multi {
				upTo = c.at
			}
		case '*':
			var ok bool
			if multi, ok = c.command(multi, path); !ok {
				return upTo, false, nil
			}
			if !multi {
				upTo = c.at
			}
		default:
			c.msg = fmt.Sprintf("AOF %s format error", name)
			return upTo, false, nil
		}
	}
}

// say notes what is wrong at an offset.
func (c *Checker) say(at int64, text string) { c.msg = fmt.Sprintf("0x%16x: %s", at, text) }

// command reads one command.
func (c *Checker) command(multi bool, path string) (stillMulti, ok bool) {
	n, _, ok := c.number('*')
	if !ok {
		return multi, false
	}
	for i := range max(n, 0) {
		start, arg, ok := c.argument(i == 0)
		if !ok {
			return multi, false
		}
		if i > 0 {
			continue
		}
		switch word := strings.ToLower(string(arg)); {
		case word == "multi" && multi:
			c.say(start, "Unexpected MULTI in AOF "+path)
			return multi, false
		case word == "exec" && !multi:
			c.say(start, "Unexpected EXEC in AOF "+path)
			return multi, false
		case word == "multi":
			multi = true
		case word == "exec":
			multi = false
		}
	}
	return multi, true
}

// number reads a line of a prefix and a number.
func (c *Checker) number(prefix byte) (n, start int64, ok bool) {
	start = c.at
	c.began = start
	line, err := c.readLine()
	if len(line) == 0 && err != nil {
		return 0, start, false
	}
	if line[0] != prefix {
		c.say(start, fmt.Sprintf("Expected prefix '%c', got: '%c'", prefix, line[0]))
		return 0, start, false
	}
	end := 1
	if end < len(line) && (line[end] == '-' || line[end] == '+') {
		end++
	}
	for end < len(line) && '0' <= line[end] && line[end] <= '9' {
		end++
	}
	n, err = strconv.ParseInt(string(line[1:end]), 10, 64)
	if err != nil {
		n = 0
	}
	return n, start, c.newline(start, line[end:])
}

// newline checks that a line ends here.
func (c *Checker) newline(start int64, b []byte) bool {
	if len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		c.line++
		return true
	}
	var got [2]byte
	copy(got[:], b)
	c.say(start, fmt.Sprintf("Expected \\r\\n, got: %02x%02x", got[0], got[1]))
	return false
}

// keptArg is how long an argument may be that is kept: the names that matter are
// shorter.
const keptArg = 16

// argument reads one argument, and gives its beginning in the file and, if it is
// short and keep is set, its bytes.
func (c *Checker) argument(keep bool) (start int64, arg []byte, ok bool) {
	size, start, ok := c.number('$')
	if !ok {
		return start, nil, false
	}
	if size < 0 || size > 1<<62 {
		c.say(start, fmt.Sprintf("Expected to read string of %d bytes, which is not in the suitable range", size))
		return start, nil, false
	}
	start = c.at
	c.began = start
	if keep && size <= keptArg {
		arg = make([]byte, size)
		n, _ := io.ReadFull(c.rd, arg)
		c.at += int64(n)
	} else {
		n, _ := io.CopyN(io.Discard, c.rd, size)
		c.at += n
	}
	var end [2]byte
	n, _ := io.ReadFull(c.rd, end[:])
	c.at += int64(n)
	if got := c.at - start; got < size+2 {
		c.say(start, fmt.Sprintf("Expected to read %d bytes, got %d bytes", size+2, got))
		return start, nil, false
	}
	return start, arg, c.newline(start, end[:])
}

// readLine reads up to a line end, or a number of bytes that no line has.
func (c *Checker) readLine() ([]byte, error) {
	var line []byte
	for len(line) < 1024 {
		b, err := c.rd.ReadByte()
		if err != nil {
			return line, err
		}
		c.at++
		if line = append(line, b); b == '\n' {
			break
		}
	}
	return line, nil
}
