package snapshot_test

import (
	"fmt"

	"github.com/redstart-db/redstart/internal/rdb"
	"github.com/redstart-db/redstart/internal/serial"
	"github.com/redstart-db/redstart/internal/store"
)

// content is what a store has: by database and key, the canonical form of the value
// with its deadline.
type content map[string]string

func name(db int, key []byte) string { return fmt.Sprintf("%d:%s", db, key) }

// load reads what a snapshot gave into a store, which must be empty.
func load(st *store.Store, b []byte, lim *serial.Limits) error {
	r := rdb.NewReader(b)
	db := -1
	var deadline int64
	for len(r.Rest()) > 0 {
		t, err := r.Byte()
		if err != nil {
			return err
		}
		switch rdb.Type(t) {
		case rdb.OpSelectDB:
			n, _, err := r.Len()
			if err != nil {
				return err
			}
			db = int(n)
			continue
		case rdb.OpExpireTimeMs:
			n, err := r.Uint64()
			if err != nil {
				return err
			}
			deadline = int64(n)
			continue
		}
		if db < 0 {
			return fmt.Errorf("an entry without a database")
		}
		key, err := r.String()
		if err != nil {
			return err
		}
		k := st.Key(append([]byte(nil), key...))
		ks := st.ShardOf(k.H).DB(db)
		v, err := serial.Read(ks, &r, rdb.Type(t), lim)
		if err != nil {
			return fmt.Errorf("%q, type %v: %w", key, rdb.Type(t), err)
		}
		e := ks.Find(k)
		if e.Ok() {
			return fmt.Errorf("%q is there twice", key)
		}
		v.Store(k, e, deadline)
		deadline = 0
	}
	return nil
}
