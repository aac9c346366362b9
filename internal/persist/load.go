package persist

import (
	"errors"
	"fmt"
	"time"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/stats"
	"github.com/redstart-db/redstart/internal/store"
)

// Loaded is what loading an RDB file found.
type Loaded struct {
	Keys, Expired, Empty int
	// Size is the length of the file in bytes: what comes behind it is not part of it.
	Size int
}

// Loader reads RDB files into a store.
type Loader struct {
	Store  *store.Store
	Limits serial.Limits
	// Now is the time in Unix milliseconds: keys that have expired by then are left
	// out. 0 keeps them, as a replica has to.
	Now int64
	// Held says that the caller holds all shards.
	Held bool
	// Inserters is how many goroutines store keys beside the one that reads the file; 0
	// has that one do it. With others, Skipped is called by them.
	Inserters int
	// Merge has keys that are there already replaced, rather than refused.
	Merge bool
	// CheckSum says whether the checksum is compared.
	CheckSum bool
	// Delay is the time to wait after each key, for tests.
	Delay time.Duration
	// Function takes a library of functions; nil refuses it.
	Function func(code []byte) error
	// Aux is told of auxiliary fields, if it is set.
	Aux func(name, value []byte)
	// Skipped is told of keys that are left out because they have no elements, if it is
	// set.
	Skipped func(key []byte)
	// Progress, if set, is kept up to date.
	Progress *stats.Progress
	// Done, if set, is told how many bytes are not needed again.
	Done func(end int)
	// Stop, if set, is asked now and then; true ends loading with ErrStopped.
	Stop func() bool
}

var (
	// ErrStopped is the error when loading was given up.
	ErrStopped = errors.New("persist: loading was given up")
	// ErrDatabase is the error for a file with more databases than there are.
	ErrDatabase = errors.New("persist: the file has keys in a database that is not configured")
	// ErrMemory is the error when the data does not fit into memory.
	ErrMemory = errors.New("persist: out of memory")
)

// progressStep is after how many bytes the progress is brought up to date.
const progressStep = 1 << 20

// Load reads a file from b, which begins with it. After an error, keys that stand behind
// what is wrong may have been stored.
func (l *Loader) Load(b []byte) (Loaded, error) {
	f, err := rdb.OpenFile(b, l.CheckSum)
	if err != nil {
		return Loaded{}, err
	}
	d := l.distribute()
	err = l.items(f, d)
	res, keyErr := d.close()
	if keyErr != nil { // it stands in front of what Load has met
		err = keyErr
	} else if err != nil {
		err = fmt.Errorf("%w, at offset %d", err, f.Offset())
	}
	res.Size = f.Offset()
	return res, err
}

// items reads all that is in a file. Keys go to d, and what is none is dealt with when
// all keys before it have been stored.
func (l *Loader) items(f *rdb.File, d *distributor) error {
	told := 0
	for {
		it, err := f.Next()
		if err != nil {
			return err
		}
		if it.Type.IsValue() {
			value, err := f.Skip(it.Type)
			if err != nil {
				return ofKey(err, it.Name, it.Type)
			}
			d.add(&it, value, f.Offset())
		} else {
			if !d.drain() {
				return nil
			}
			if err := l.item(&it, f, d); err != nil || it.Type == rdb.OpEOF {
				return err
			}
		}
		if at := f.Offset(); at-told >= progressStep || l.Delay > 0 {
			err := l.advanced(at, at-told)
			told = at
			if err != nil || d.failed.Load() {
				return err
			}
		}
	}
}

// Damaged tells whether it is what a file has that made loading it fail.
func Damaged(err error) bool {
	return errors.Is(err, rdb.ErrCorrupt) || errors.Is(err, rdb.ErrChecksum)
}

// ofKey says of which key the value cannot be read.
func ofKey(err error, key []byte, t rdb.Type) error {
	text := "%w (key %.80q, type %v)"
	if errors.Is(err, rdb.ErrCorrupt) && !errors.Is(err, rdb.ErrShort) {
		text = "integrity check failed: " + text
	}
	return fmt.Errorf(text, err, key, t)
}

// advanced tells that the file has been read up to an offset, n bytes more than before.
func (l *Loader) advanced(at, n int) error {
	if l.Done != nil {
		l.Done(at)
	}
	if l.Progress != nil {
		l.Progress.Loaded.Add(int64(n))
	}
	if l.Stop != nil && l.Stop() {
		return ErrStopped
	}
	return nil
}

// item takes up an item that is no key.
func (l *Loader) item(it *rdb.Item, f *rdb.File, d *distributor) error {
	switch it.Type {
	case rdb.OpSelectDB:
		if it.DB >= l.Store.Databases() {
			return ErrDatabase
		}
	case rdb.OpResizeDB:
		d.expect(it.DB, it.Keys, len(f.Rest()))
	case rdb.OpAux:
		if l.Aux != nil {
			l.Aux(it.Name, it.Text)
		}
	case rdb.OpFunction2:
		if l.Function == nil {
			return errors.New("persist: functions are not known here")
		}
		return l.Function(it.Text)
	}
	return nil
}
