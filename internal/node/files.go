package node

import (
	"errors"
	"time"

	"github.com/redstart-db/redstart/internal/aof"
	"github.com/redstart-db/redstart/internal/command/server"
	"github.com/redstart-db/redstart/internal/exec"
	"github.com/redstart-db/redstart/internal/persist"
	"github.com/redstart-db/redstart/internal/snapshot"
	"github.com/redstart-db/redstart/internal/version"
)

// files is the instance as the manager of its files sees it. It implements
// persist.Host.
type files struct{ n *Node }

// Frozen implements persist.Host.
func (f files) Frozen(do func()) {
	f.n.stopped(do)
}

// Changes implements persist.Host.
func (f files) Changes() (sum uint64) {
	for _, w := range f.n.Exec.World.Workers() {
		sum += w.Changes
	}
	return sum
}

// UsedMemory implements persist.Host.
func (f files) UsedMemory() uint64 { return f.n.self.used(false) }

// Functions implements persist.Host.
func (f files) Functions() [][]byte {
	var all [][]byte
	for _, code := range f.n.scripts.Libraries() {
		all = append(all, []byte(code))
	}
	return all
}

// Snapshot implements persist.Host.
func (f files) Snapshot(compress bool, access snapshot.Access) (persist.Snapshot, error) {
	s, err := snapshot.Begin(f.n.store, snapshot.Options{Compress: compress, Access: access})
	if err != nil {
		return nil, persist.ErrBusy // that is all that can be wrong
	}
	f.n.walk.Store(s)
	return counted{s, f.n}, nil
}

// counted is a snapshot whose buffers the account counts until it is closed.
type counted struct {
	*snapshot.Snapshot
	n *Node
}

// Close implements persist.Snapshot. What the snapshot has left on the heap goes with it.
func (c counted) Close() {
	c.Snapshot.Close()
	if c.n.walk.Load() == c.Snapshot && c.n.proc.own.Load() {
		releaseHeap()
	}
	if c.n.walk.CompareAndSwap(c.Snapshot, nil) {
		c.n.self.account.along.Store(0)
	}
}

// SavesFail implements persist.Host.
func (f files) SavesFail(fail bool) { f.n.Exec.Alert(exec.AlertDisk, fail) }

// SaveDelay implements persist.Host.
func (f files) SaveDelay() time.Duration {
	return time.Duration(f.n.aof.saveDelay.Load()) * time.Microsecond
}

// ListPlain implements persist.Host.
func (f files) ListPlain() int { return f.n.env.ListPlainSize }

// ServerVersion implements persist.Host.
func (f files) ServerVersion() string { return version.Redis }

// KeepFiles has the instance read and write the RDB file of its folder. It is called
// before BeginLoad.
func (n *Node) KeepFiles() {
	n.persist.Alone = n.proc.own.Load()
	n.persist.Enable()
}

// Damaged tells whether Load failed because the RDB file is damaged.
func Damaged(err error) bool { return persist.Damaged(err) }

// DropTemp removes what a save has written so far, as the process is about to end in the
// middle of it.
func (n *Node) DropTemp() { n.persist.DropTemp() }

// stopping tells whether the instance is about to be closed.
func (n *Node) stopping() bool {
	select {
	case <-n.stop:
		return true
	case <-n.quit:
		return true
	default:
		return false
	}
}

// loadFunction takes up a library of functions from a file.
func (n *Node) loadFunction(code []byte) error {
	return functionError(n.scripts.LoadLibrary(string(code), false))
}

// replaceFunction is loadFunction for a library that may be there already.
func (n *Node) replaceFunction(code []byte) error {
	return functionError(n.scripts.LoadLibrary(string(code), true))
}

func functionError(_, text string) error {
	if text != "" {
		return errors.New(text)
	}
	return nil
}

// Save implements server.Node.
func (s *self) Save() error { return asServer(s.n.persist.Save()) }

// BackgroundSave implements server.Node.
func (s *self) BackgroundSave(schedule, later bool) (bool, error) {
	scheduled, err := s.n.persist.BackgroundSave(schedule, later)
	return scheduled, asServer(err)
}

// asServer gives the errors of package persist that clients cause as package server
// names them.
func asServer(err error) error {
	switch {
	case errors.Is(err, persist.ErrSaving):
		return server.ErrSaving
	case errors.Is(err, persist.ErrBusy):
		return server.ErrBusy
	case errors.Is(err, persist.ErrNoFiles):
		return server.ErrNoFiles
	}
	return err
}

// Reload implements server.Node.
//
// Nothing of it is logged. So with an append only file keys that have expired are not left
// out, but go as all others do, with an effect; and where what is loaded is not what was
// there, the file begins anew.
func (s *self) Reload(o server.ReloadOptions) error {
	n := s.n
	n.persist.Cancel()
	if !o.NoSave {
		if err := n.persist.SaveNow(); err != nil {
			return err
		}
	}
	if !o.NoFlush {
		for db := range n.store.Databases() {
			n.store.Flush(db)
		}
		n.scripts.FlushFunctions()
	}
	load := n.loadFunction
	if o.Merge {
		load = n.replaceFunction
	}
	logged := n.aof.State() != aof.Off
	err := n.persist.Reload(load, o.Merge, logged)
	if logged && (err != nil || o.NoSave) {
		n.aof.anew(o.InExec)
	}
	return err
}
