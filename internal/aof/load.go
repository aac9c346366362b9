package aof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/vfs"
)

// Target takes what is loaded.
type Target interface {
	// Run runs commands, in order, and gives the number of those that have run; an
	// error is of the one that follows, and ends the loading. The bytes are
	// borrowed for the call.
	Run(cmds [][][]byte) (n int, err error)
	// RDB loads the RDB file that b begins with, and gives its size.
	RDB(b []byte) (size int, err error)
}

// magic is how a base begins that is an RDB file.
const magic = "REDIS"

// Load brings the data of the files to target. It tells whether there was
// anything. Nothing is changed on disk, but for an old file that is taken into the
// folder, and the end of the last file, which is cut off where it is not complete
// if the settings permit that.
func (a *AOF) Load(target Target, p *stats.Progress) (loaded bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.settings()
	if err := a.upgrade(&s); err != nil {
		return false, fmt.Errorf("Can't take over the append only file of an old version: %s", reason(err))
	}
	files := a.man.Files()
	if len(files) == 0 {
		return false, nil
	}
	p.Begin(a.clock.NowMilli()/1000, a.sizes(&s, files))
	begin := time.Now()
	for i, f := range files {
		start := time.Now()
		// While a rewrite begins the increment that is still written is followed by
		// one that is empty.
		last := a.sizes(&s, files[i+1:]) == 0
		size, err := a.loadFile(&s, f, last, target, p)
		if err != nil {
			return loaded, err
		}
		if size == 0 {
			continue
		}
		loaded = true
		kind := "incr"
		if f.Kind == Base {
			kind = "base"
		}
		a.log.Info(fmt.Sprintf("DB loaded from %s file %s: %.3f seconds", kind, f.Name, time.Since(start).Seconds()))
	}
	if loaded {
		a.log.Info(fmt.Sprintf("DB loaded from append only file: %.3f seconds", time.Since(begin).Seconds()))
	}
	return loaded, nil
}

// loadFile loads one file, and gives its size.
func (a *AOF) loadFile(s *Settings, file File, last bool, target Target, p *stats.Progress) (size int64, err error) {
	f, err := a.fs.Open(s.path(file.Name))
	if err != nil {
		return 0, fmt.Errorf("Fatal error: can't open the append log file %s for reading: %s", file.Name, reason(err))
	}
	defer f.Close()
	if size, err = fileSize(a.fs, s.path(file.Name)); err != nil || size == 0 {
		return size, err
	}
	count := &counter{r: f, p: p, before: p.Loaded.Load()}
	r := bufio.NewReaderSize(count, scanChunk)
	if head, _ := r.Peek(len(magic)); string(head) == magic {
		if file.Kind == Base && file.Name == s.Prefix || file.Kind != Base {
			a.log.Info("Reading RDB preamble from AOF file...")
		} else {
			a.log.Info("Reading RDB base file on AOF loading...")
		}
		if err := loadRDB(f, target, count, r); err != nil {
			return size, fmt.Errorf("Error reading the RDB preamble of the AOF file %s, AOF loading aborted: %s", file.Name, reason(err))
		}
		if _, err := r.Peek(1); err == nil {
			a.log.Info("Reading the remaining AOF tail...")
		}
	}
	scanner := NewScanner(r, count.n-int64(r.Buffered()))
	valid, err := replay(scanner, target)
	switch {
	case err == nil:
		return size, nil
	case errors.Is(err, ErrShort):
		return size, a.shortFile(s, file, last, valid, scanner.Offset())
	case errors.Is(err, ErrSyntax):
		return size, fmt.Errorf("Bad file format reading the append only file %s: make a backup of your AOF file, then use "+
			"./redis-check-aof --fix <filename.manifest>", file.Name)
	}
	var io *os.PathError
	if errors.As(err, &io) {
		return size, fmt.Errorf("Unrecoverable error reading the append only file %s: %s", file.Name, reason(err))
	}
	return size, fmt.Errorf("%s reading the append only file %s", err, file.Name)
}

// loadRDB has the RDB file that f begins with loaded, and r go on behind it.
func loadRDB(f vfs.File, target Target, count *counter, r *bufio.Reader) error {
	m, err := vfs.Map(f)
	if err != nil {
		return err
	}
	defer m.Close()
	count.p.Loaded.Store(count.before) // what was read to find out is counted again
	n, err := target.RDB(m.B)
	if err != nil {
		return err
	}
	if _, err := f.Seek(int64(n), io.SeekStart); err != nil {
		return err
	}
	count.n = int64(n)
	count.p.Loaded.Store(count.before + count.n)
	r.Reset(count)
	return nil
}

// shortFile deals with a file whose last command, or transaction, is not complete.
// What was read whole ends at whole, and what counts of it at valid.
func (a *AOF) shortFile(s *Settings, file File, last bool, valid, whole int64) error {
	if damaged, err := goesOn(a.fs, s.path(file.Name), whole); err != nil {
		return fmt.Errorf("Unrecoverable error reading the append only file %s: %s", file.Name, reason(err))
	} else if damaged {
		return fmt.Errorf("Bad file format reading the append only file %s: a command at offset %d claims to be longer than "+
			"the file, yet others follow it, so this is damage and not a write that was cut off. Make a backup of your AOF "+
			"file, then use ./redis-check-aof --fix <filename.manifest>", file.Name, whole)
	}
	if !s.LoadCut {
		return fmt.Errorf("Unexpected end of file reading the append only file %s. You can: 1) Make a backup of your AOF "+
			"file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the "+
			"'aof-load-truncated' configuration option to yes and restart the server.", file.Name)
	}
	if !last {
		return fmt.Errorf("Fatal error: the truncated file %s is not the last file", file.Name)
	}
	a.log.Warn(fmt.Sprintf("!!! Warning: short read while loading the AOF file %s!!!", file.Name))
	a.log.Warn(fmt.Sprintf("AOF %s loaded anyway because aof-load-truncated is enabled", file.Name))
	a.log.Warn(fmt.Sprintf("Truncating the AOF %s at offset %d", file.Name, valid))
	if err := truncate(a.fs, s.path(file.Name), valid); err != nil {
		return fmt.Errorf("Error truncating the AOF file %s: %s", file.Name, reason(err))
	}
	return nil
}

const (
	// guesses is how many places are looked at for a command that follows damage.
	guesses = 4096
	// follow is how many commands in a row are no accident.
	follow = 2
)

// goesOn tells whether commands follow an incomplete one at an offset. Then it is
// not the end of the file that is missing: a length is damaged, and what follows is
// not to be thrown away. A value that holds commands, cut off, looks the same; then
// somebody has to decide.
func goesOn(fsys vfs.FS, name string, at int64) (bool, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return false, err
	}
	r := bufio.NewReaderSize(f, scanChunk)
	for tries := 0; tries < guesses; {
		line, err := r.ReadSlice('\n')
		if err == io.EOF {
			return false, nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return false, err
		}
		if next, _ := r.Peek(1); len(line) < 2 || line[len(line)-2] != '\r' || string(next) != "*" {
			continue
		}
		tries++
		ahead, _ := r.Peek(scanChunk)
		var p Piece
		s := NewScanner(bytes.NewReader(ahead), 0)
		if s.Next(&p); len(p.Cmds) >= follow {
			return true, nil
		}
	}
	return false, nil
}

// truncate cuts a file off, and brings that to disk.
func truncate(f vfs.FS, name string, size int64) error {
	w, err := f.Append(name)
	if err != nil {
		return err
	}
	err = w.Truncate(size)
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

// counter counts what is read.
type counter struct {
	r      io.Reader
	n      int64 // bytes
	p      *stats.Progress
	before int64 // bytes of other files
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	c.p.Loaded.Store(c.before + c.n)
	return n, err
}

// piecesAhead is how many pieces are read while others are run.
const piecesAhead = 3

// part is a piece on its way from the one who reads to the one who runs.
type part struct {
	*Piece
	err error
}

// replay runs all commands of a scanner; another goroutine reads ahead. It gives
// where the last command ends that is not part of an unfinished transaction.
func replay(s *Scanner, target Target) (valid int64, err error) {
	full, free, stop := make(chan part, piecesAhead), make(chan *Piece, piecesAhead+1), make(chan struct{})
	defer func() {
		close(stop)
		for range full { // until the reader is gone
		}
	}()
	for range piecesAhead {
		free <- new(Piece)
	}
	valid = s.Offset()
	go func() {
		defer close(full)
		for {
			var p *Piece
			select {
			case p = <-free:
			case <-stop:
				return
			}
			err := s.Next(p)
			select {
			case full <- part{p, err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	open := false
	for {
		p := <-full
		if _, err := target.Run(p.Cmds); err != nil {
			return valid, err
		}
		for i, cmd := range p.Cmds {
			if len(cmd) == 1 {
				open = within(open, cmd[0])
			}
			if !open {
				valid = p.Ends[i]
			}
		}
		switch {
		case p.err == io.EOF && open:
			return valid, ErrShort
		case p.err == io.EOF:
			return valid, nil
		case p.err != nil:
			return valid, p.err
		}
		free <- p.Piece
	}
}

// within tells whether a transaction is open after a command without arguments.
func within(open bool, name []byte) bool {
	switch {
	case fold(name, "multi"):
		return true
	case fold(name, "exec"):
		return false
	}
	return open
}

func fold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		if b[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}
