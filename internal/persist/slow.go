package persist

import "time"

// slowSource waits for each key, as rdb-key-save-delay asks for: tests look at a save
// while it is under way.
type slowSource struct {
	Snapshot
	delay time.Duration
	stop  func() bool
	told  int64 // keys that were waited for
}

// slowed gives the snapshot itself if there is nothing to wait for.
func slowed(s Snapshot, delay time.Duration, stop func() bool) Source {
	if delay == 0 {
		return s
	}
	return &slowSource{Snapshot: s, delay: delay, stop: stop}
}

// slowStep is how long a wait goes on before somebody looks whether it is to end.
const slowStep = 10 * time.Millisecond

// Next implements Source.
func (s *slowSource) Next(dst []byte) (out []byte, done bool) {
	out, done = s.Snapshot.Next(dst)
	keys, _ := s.Keys()
	left := time.Duration(keys-s.told) * s.delay
	s.told = keys
	for ; left > 0 && !s.stop(); left -= slowStep {
		time.Sleep(min(left, slowStep))
	}
	return out, done
}
