package node

import "time"

// setWatchdog has somebody look, every so often, whether a command keeps the others
// of its worker waiting for longer than a period; 0 ends it. All workers must be
// stopped.
func (n *Node) setWatchdog(period time.Duration) {
	if n.watchdog != nil {
		close(n.watchdog)
		n.watchdog = nil
	}
	if period <= 0 {
		return
	}
	stop := make(chan struct{})
	n.watchdog = stop
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		n.watch(period, stop)
	}()
}

// watch costs commands nothing: it waits for the lock that each worker gives back
// between two batches of commands, and whoever does not give it back in time is found
// in what all goroutines are doing at that moment.
func (n *Node) watch(period time.Duration, stop <-chan struct{}) {
	expired := func() {
		n.log.Warn("--- WATCHDOG TIMER EXPIRED ---")
		n.logText(string(Stacks()) + "\n")
		n.log.Warn("--------")
	}
	for {
		for _, w := range n.Exec.World.Workers() {
			t := time.AfterFunc(period, expired)
			w.Locked(func() {})
			t.Stop()
		}
		select {
		case <-n.stop:
			return
		case <-stop:
			return
		case <-time.After(period):
		}
	}
}
