package node

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/redstart-db/redstart/internal/aof"
	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/persist"
	"github.com/redstart-db/redstart/internal/vfs"
)

// claims keeps other instances, of this process and of others, from writing the files
// that this one writes. What is claimed is what is written, not the folder: several
// instances can share one if their files have different names. A claim is a lock of the
// system on a small file beside, which ends with the process however that ends.
//
// What the data is loaded from at the next start is claimed all the time: the append only
// file while it is on, else the RDB file if there are save points. An RDB file besides is
// claimed while it is written, and shared with others who do so: each replaces it whole.
// So is the one of an instance that nobody gave a folder and that finds no data where it is
// started: people start several servers that way, and mean to keep nothing.
// An instance inside a program that was given a folder has both: nobody looks at its log, where
// a save that another's claim prevents would be told.
// An append only file goes on in its old folder after CONFIG SET dir, so that stays
// claimed until it is turned off.
type claims struct {
	fs   vfs.FS
	both bool // the RDB file is claimed besides an append only file

	mu   sync.Mutex // a leaf, held during I/O
	held map[string]*claim
	kept map[claimed]bool // those of the configuration
}

// claim is a lock that is held.
type claim struct {
	lock   vfs.Lock // nil where nothing can be locked
	shared bool
	uses   int
}

// claimed is what is claimed.
type claimed struct {
	dir  string
	name string // of the RDB file, or what the names of the append only file begin with
	aof  bool
}

// lock is the path of the file that is locked.
func (c claimed) lock() string {
	if c.aof {
		return aof.LockName(c.dir, c.name)
	}
	return persist.LockName(c.dir, c.name)
}

// ClaimError is why an instance cannot have its files.
type ClaimError struct {
	Dir, Name string
	PID       int // of the process that has them, or 0
}

func (e *ClaimError) Error() string {
	who := "another server"
	if e.PID != 0 {
		who = fmt.Sprintf("another server (process %d)", e.PID)
	}
	return fmt.Sprintf("The folder %s is in use: %s keeps %s there. Stop it, or choose another dir.", e.Dir, who, e.Name)
}

// take claims, alone or shared, and logs when there is no way to.
func (n *Node) take(c claimed, shared bool) error {
	cs := &n.claims
	cs.mu.Lock()
	defer cs.mu.Unlock()
	path := c.lock()
	have := cs.held[path]
	if have != nil {
		err := have.exclusive(shared)
		if err == nil {
			have.uses++
		}
		return c.error(path, err)
	}
	if c.aof {
		if err := cs.fs.MkdirAll(c.dir); err != nil {
			return err
		}
	}
	lock, err := cs.fs.Lock(path, shared)
	if errors.Is(err, vfs.ErrNoLocks) {
		n.log.Warn("Nothing keeps another server from writing the same files: "+path+" cannot be locked", "err", err)
		lock, err = nil, nil
	}
	if err == nil {
		cs.held[path] = &claim{lock: lock, shared: shared, uses: 1}
	}
	return c.error(path, err)
}

// exclusive makes a claim one that is not shared, unless it may be.
func (c *claim) exclusive(shared bool) error {
	if shared || !c.shared || c.lock == nil {
		return nil
	}
	err := c.lock.Exclusive()
	c.shared = err != nil
	return err
}

// error tells what an error of a lock means for what it stands for.
func (c claimed) error(path string, err error) error {
	var locked *vfs.LockedError
	switch {
	case errors.As(err, &locked):
		return &ClaimError{Dir: c.dir, Name: c.name, PID: locked.PID}
	case err != nil:
		return fmt.Errorf("can't lock %s: %w", path, err)
	}
	return nil
}

// drop gives a claim back.
func (n *Node) drop(c claimed) {
	cs := &n.claims
	cs.mu.Lock()
	defer cs.mu.Unlock()
	path := c.lock()
	have := cs.held[path]
	if have.uses--; have.uses > 0 {
		return
	}
	delete(cs.held, path)
	if have.lock != nil {
		if have.exclusive(false) == nil {
			cs.fs.Remove(path) // one that stays disturbs nobody
		}
		have.lock.Close()
	}
}

// wanted is what the configuration wants to be claimed all the time, and whether others
// may do so, too.
func (n *Node) wanted() map[claimed]bool {
	cfg, want := n.Config, make(map[claimed]bool)
	if !n.persist.Enabled() {
		return want
	}
	if cfg.AppendOnly {
		want[claimed{dir: filepath.Join(cfg.Dir, cfg.AppendDirname), name: cfg.AppendFilename, aof: true}] = false
	}
	if len(cfg.Save) > 0 && (n.claims.both || !cfg.AppendOnly) {
		want[claimed{dir: cfg.Dir, name: cfg.DBFilename}] = cfg.DirByChance
	}
	return want
}

// takeWanted claims what the configuration wants and is not claimed yet.
func (n *Node) takeWanted() error {
	for c, shared := range n.wanted() {
		if n.claims.kept[c] {
			continue
		}
		if err := n.take(c, shared); err != nil {
			return err
		}
		n.claims.kept[c] = true
	}
	return nil
}

// dropUnwanted gives back what the configuration does not want any more.
func (n *Node) dropUnwanted() {
	want := n.wanted()
	for c := range n.claims.kept {
		if _, ok := want[c]; !ok && !(c.aof && n.aof.State() != aof.Off) {
			delete(n.claims.kept, c)
			n.drop(c)
		}
	}
}

// dropAll gives back everything, at the end of the instance.
func (n *Node) dropAll() {
	for c := range n.claims.kept {
		delete(n.claims.kept, c)
		n.drop(c)
	}
}

// claimStep is how often Claim tries again.
const claimStep = 20 * time.Millisecond

// Claim makes sure that no other instance writes the files of this one from now on. It
// waits for so long for one that is about to end. It follows KeepFiles, before anything
// is read.
func (n *Node) Claim(patience time.Duration) error {
	for end := time.Now().Add(patience); ; time.Sleep(claimStep) {
		err := n.takeWanted()
		var claimed *ClaimError
		if !errors.As(err, &claimed) || !time.Now().Before(end) {
			return err
		}
	}
}

// claimLoaded makes sure that whoever begins with data is alone with it.
func (n *Node) claimLoaded() error {
	var err error
	n.stopped(func() {
		c := claimed{dir: n.Config.Dir, name: n.Config.DBFilename}
		keys := 0
		for db := range n.store.Databases() {
			keys += n.store.Len(db)
		}
		if keys == 0 || !n.claims.kept[c] {
			return
		}
		n.claims.mu.Lock()
		defer n.claims.mu.Unlock()
		err = c.error(c.lock(), n.claims.held[c.lock()].exclusive(false))
	})
	return err
}

// KeepFolder has an instance inside a program read and write the files of its folder,
// which is made if it is not there. It is called before BeginLoad.
func (n *Node) KeepFolder() error {
	if err := n.claims.fs.MkdirAll(n.Config.Dir); err != nil {
		return err
	}
	n.KeepFiles()
	n.claims.both = true
	return n.Claim(0)
}

// claimChanged has the claims follow a change of the configuration, before it is taken up.
// The instance is frozen.
func (n *Node) claimChanged(changed []string) error {
	err := n.takeWanted()
	if err == nil {
		return nil
	}
	n.log.Warn(err.Error())
	for _, name := range changed {
		switch name {
		case "dir", "dbfilename", "save", "appendonly":
			return &config.SetError{Name: name, Msg: err.Error()}
		}
	}
	return err
}

// Claim implements persist.Host.
func (f files) Claim(dir, name string) (release func(), err error) {
	c := claimed{dir: dir, name: name}
	if err := f.n.take(c, true); err != nil {
		return nil, err
	}
	return func() { f.n.drop(c) }, nil
}
