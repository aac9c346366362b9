package persist

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/vfs"
)

func pid() int { return os.Getpid() }

// Load reads the file of the instance, if there is one, into the store, which is empty.
// stop is asked now and then whether to give up. function takes the code of a library.
// The instance is loading, but not frozen.
func (m *Manager) Load(function func(code []byte) error, stop func() bool) error {
	began := m.clock.Nano()
	var l Loader
	var name string
	m.host.Frozen(func() { l, name = m.loader(function), m.File() })
	l.Stop = stop
	res, err := m.read(name, &l)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		if Damaged(err) {
			m.report()
		}
		return err
	}
	m.log.Info(fmt.Sprintf("DB loaded from disk: %.3f seconds", float64(m.clock.Nano()-began)/1e9))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Loaded = res
	return nil
}

// report logs what the tool that checks files says of the file of the instance.
func (m *Manager) report() {
	var out bytes.Buffer
	c := Checker{FS: m.FS, Out: &out}
	c.File(m.File())
	for line := range strings.Lines(out.String()) {
		m.log.Warn(strings.TrimSuffix(line, "\n"))
	}
}

// LoadBase reads the RDB file that b begins with, the base of an append only file, into
// the store, and gives its size. Keys that have expired by now are not left out: commands
// behind the base may have made them last longer. Otherwise it is as Load.
func (m *Manager) LoadBase(b []byte, function func(code []byte) error, stop func() bool) (size int, err error) {
	var l Loader
	m.host.Frozen(func() { l = m.loader(function) })
	l.Now, l.Stop = 0, stop
	res, err := l.Load(b)
	if err != nil {
		return 0, err
	}
	m.logLoaded(res)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Loaded = res
	return res.Size, nil
}

// Reload reads the file into the store of a frozen instance: keys that are there are
// replaced with merge, and an error without. Keys that have expired are left out, unless
// keep is set.
func (m *Manager) Reload(function func(code []byte) error, merge, keep bool) error {
	if !m.Enabled() {
		return ErrNoFiles
	}
	l := m.loader(function)
	l.Held, l.Merge = true, merge
	if keep {
		l.Now = 0
	}
	res, err := m.read(m.File(), &l)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Loaded = res
	return err
}

// loader takes what it needs of the configuration: the instance is frozen.
func (m *Manager) loader(function func(code []byte) error) Loader {
	inserters := runtime.GOMAXPROCS(0)
	if m.cfg.KeyLoadDelay > 0 {
		inserters = 0 // keys are to come one by one
	}
	return Loader{
		Inserters: inserters,
		Store:     m.store, Limits: serial.LimitsOf(m.cfg, m.host.ListPlain()), Now: m.clock.NowMilli(),
		CheckSum: m.cfg.RDBChecksum, Delay: delayOf(m.cfg.KeyLoadDelay), Function: function, Aux: m.aux,
		Progress: &m.Progress,
		Skipped:  func(key []byte) { m.log.Info(fmt.Sprintf("skipping empty key: %.200s", key)) },
	}
}

// delayOf is a number of microseconds as a duration.
func delayOf(us int) time.Duration { return time.Duration(max(us, 0)) * time.Microsecond }

// aux shows what a file says of itself.
func (m *Manager) aux(name, value []byte) {
	switch string(name) {
	case "redis-ver":
		m.log.Info("Loading RDB produced by version " + string(value))
	case "ctime":
		if at, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			m.log.Info(fmt.Sprintf("RDB age %d seconds", max(m.clock.NowMilli()/1000-at, 0)))
		}
	case "used-mem":
		if n, err := strconv.ParseUint(string(value), 10, 64); err == nil {
			m.log.Info(fmt.Sprintf("RDB memory usage when created %.2f Mb", float64(n)/(1<<20)))
			m.Progress.UsedMem.Store(int64(min(n, math.MaxInt64)))
		}
	}
}

// read reads a file.
func (m *Manager) read(name string, l *Loader) (Loaded, error) {
	f, err := m.FS.Open(name)
	if err != nil {
		return Loaded{}, err
	}
	defer f.Close()
	mapping, err := vfs.Map(f)
	if err != nil {
		return Loaded{}, err
	}
	defer mapping.Close()
	b := mapping.B
	l.Done = mapping.Done
	m.Progress.Begin(m.clock.NowMilli()/1000, int64(len(b)))
	res, err := l.Load(b)
	if err != nil {
		return res, fmt.Errorf("%s: %w", name, err)
	}
	m.logLoaded(res)
	return res, nil
}

func (m *Manager) logLoaded(res Loaded) {
	m.log.Info(fmt.Sprintf("Done loading RDB, keys loaded: %d, keys expired: %d, empty keys skipped: %d.",
		res.Keys, res.Expired, res.Empty))
}
