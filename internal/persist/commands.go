package persist

import (
	"io"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

// scratchReserve is the address space for one value that is on its way from a file to
// commands.
const scratchReserve = 16 << 30

// WriteCommands writes what an RDB file has as the commands that make it. One value at
// a time is built in a store of its own. Values larger than lim makes small are the
// same for it.
func WriteCommands(w io.Writer, b []byte, lim serial.Limits) error {
	st, err := store.New(store.Options{Shards: 1, Databases: 1, Reserve: scratchReserve})
	if err != nil {
		return err
	}
	defer st.Close()
	f, err := rdb.OpenFile(b, false)
	if err != nil {
		return err
	}
	sh := st.Shard(0)
	sh.Lock()
	defer sh.Unlock()
	c := serial.NewCommands(w)
	db := -1
	for {
		it, err := f.Next()
		if err != nil {
			return err
		}
		switch it.Type {
		case rdb.OpEOF:
			return c.Flush()
		case rdb.OpAux, rdb.OpSelectDB, rdb.OpResizeDB, rdb.OpModuleAux:
			continue
		case rdb.OpFunction2:
			c.Write([]byte("FUNCTION"), []byte("LOAD"), it.Text)
			continue
		}
		if it.DB != db {
			db = it.DB
			c.Select(db)
		}
		ks := sh.DB(0)
		v, err := serial.Read(ks, &f.Reader, it.Type, &lim)
		if err != nil {
			return err
		}
		k := st.Key(it.Name)
		e := v.Store(k, ks.Find(k), it.ExpireAt)
		c.Entry(e)
		ks.Remove(k, ks.Find(k))
		for sh.Reclaim(progressStep) {
		}
	}
}

// Base begins a snapshot for the base of an append only file; the header is to be
// written with it. The instance must be frozen.
func (m *Manager) Base() (Snapshot, *Header, error) {
	snap, err := m.host.Snapshot(m.cfg.RDBCompression, m.Access())
	if err != nil {
		return nil, nil, err
	}
	return snap, m.baseHeader(), nil
}

// HeldBase is Base for one who keeps the instance frozen until it is written, and closes it.
func (m *Manager) HeldBase() (*HeldSource, *Header) {
	return Held(m.store, m.cfg.RDBCompression, m.Access()), m.baseHeader()
}

func (m *Manager) baseHeader() *Header {
	h := m.header()
	h.AOFBase = true
	h.Delay = m.host.SaveDelay
	for db := range m.store.Databases() {
		h.Keys += m.store.Len(db)
	}
	return h
}
