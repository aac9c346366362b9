package store

// Expired tells whether the deadline of an entry has passed at now (Unix
// milliseconds). The entry must exist.
func (e Entry) Expired(now int64) bool {
	d := e.Deadline()
	return d != 0 && d <= now
}

// Renew gives an entry the access field of a new one.
func (e Entry) Renew() { e.setAccess(e.ks.st.fresh()) }
