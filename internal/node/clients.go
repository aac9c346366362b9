package node

import "time"

const (
	tendEvery = 100 * time.Millisecond
	// tendRounds is after how many rounds every client has been looked after.
	tendRounds = int(time.Second / tendEvery)
	tendLeast  = 5   // clients of a worker looked after in a round, if it has as many
	tendStep   = 100 // clients looked after for one hold of a worker's lock
)

// tendClients looks after some of the clients when it is time to, so that each
// has its turn once in a second: idle ones are closed, and those that read too
// slowly.
func (n *Node) tendClients() {
	now := n.env.Clock.Nano()
	if now-n.tended < int64(tendEvery) {
		return
	}
	n.tended = now
	for _, w := range n.Exec.World.Workers() {
		left := max(w.ClientCount()/tendRounds, tendLeast)
		for left > 0 {
			seen := w.Tend(min(left, tendStep))
			if seen == 0 {
				break
			}
			left -= seen
		}
	}
}
