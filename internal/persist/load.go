package persist

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redstart-db/redstart/internal/mem"
	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

// Progress is how far loading has come, for INFO. Any goroutine may read it.
type Progress struct {
	Start, Total, Loaded atomic.Int64 // Unix seconds, bytes, bytes
	AOFBase              atomic.Bool  // it is the base of an append only file
}

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
	Progress *Progress
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

// Load reads a file from b, which begins with it.
func (l *Loader) Load(b []byte) (Loaded, error) {
	var res Loaded
	f, err := rdb.OpenFile(b, l.CheckSum)
	if err != nil {
		return res, err
	}
	told := 0
	for {
		it, err := f.Next()
		if err == nil {
			err = l.item(f, &it, &res)
		}
		if err != nil {
			return res, fmt.Errorf("%w, at offset %d", err, f.Offset())
		}
		if it.Type == rdb.OpEOF {
			res.Size = f.Offset()
			return res, nil
		}
		if at := f.Offset(); at-told >= progressStep {
			told = at
			if l.Done != nil {
				l.Done(at)
			}
			if l.Progress != nil {
				l.Progress.Loaded.Store(int64(at))
			}
			if l.Stop != nil && l.Stop() {
				return res, ErrStopped
			}
		}
	}
}

// item takes up one item.
func (l *Loader) item(f *rdb.File, it *rdb.Item, res *Loaded) error {
	switch it.Type {
	case rdb.OpEOF, rdb.OpResizeDB, rdb.OpModuleAux:
	case rdb.OpSelectDB:
		if it.DB >= l.Store.Databases() {
			return ErrDatabase
		}
	case rdb.OpAux:
		if l.Aux != nil {
			l.Aux(it.Name, it.Text)
		}
	case rdb.OpFunction2:
		if l.Function == nil {
			return errors.New("persist: functions are not known here")
		}
		return l.Function(it.Text)
	default:
		return l.key(f, it, res)
	}
	return nil
}

// key reads a value and stores it.
func (l *Loader) key(f *rdb.File, it *rdb.Item, res *Loaded) (err error) {
	k := l.Store.Key(it.Name)
	sh := l.Store.ShardOf(k.H)
	if !l.Held {
		sh.Lock()
		defer sh.Unlock()
	}
	defer func() {
		if r := recover(); r != nil {
			if r != mem.ErrExhausted {
				panic(r)
			}
			err = ErrMemory
		}
	}()
	ks := sh.DB(it.DB)
	v, err := serial.Read(ks, &f.Reader, it.Type, &l.Limits)
	switch {
	case errors.Is(err, rdb.ErrEmpty):
		res.Empty++
		if l.Skipped != nil {
			l.Skipped(it.Name)
		}
		return nil
	case err != nil:
		return fmt.Errorf("%w (key %.80q, type %v)", err, it.Name, it.Type)
	case l.Now != 0 && it.ExpireAt != 0 && it.ExpireAt <= l.Now:
		v.Free()
		res.Expired++
		return nil
	}
	e := ks.Find(k)
	if e.Ok() && !l.Merge {
		v.Free()
		return fmt.Errorf("persist: duplicated key %.80q", it.Name)
	}
	e = v.Store(k, e, it.ExpireAt)
	if it.Idle >= 0 {
		e.SetIdle(it.Idle)
	}
	if it.Freq >= 0 {
		e.SetFreq(uint8(it.Freq))
	}
	res.Keys++
	if l.Delay > 0 {
		time.Sleep(l.Delay)
	}
	return nil
}
