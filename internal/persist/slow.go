package persist

import "time"

// slowSource waits for each key, as rdb-key-save-delay asks for: tests look at a save
// while it is under way.
type slowSource struct {
	Snapshot
	delay func() time.Duration // for a key; it may change its mind
	stop  func() bool
	told  int64 // keys that were waited for
}

// slowStep is how long a wait goes on before somebody looks whether it is to end.
const slowStep = 10 * time.Millisecond

// Next implements Source.
func (s *slowSource) Next(dst []byte) (out []byte, done bool) {
	out, done = s.Snapshot.Next(dst)
	keys, _ := s.Keys()
	n := time.Duration(keys - s.told)
	s.told = keys
	for waited := time.Duration(0); waited < n*s.delay() && !s.stop(); waited += slowStep {
		time.Sleep(min(n*s.delay()-waited, slowStep))
	}
	return out, done
}
