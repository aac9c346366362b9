package node

import (
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/loop"
	"github.com/redstart-db/redstart/internal/pubsub"
	"github.com/redstart-db/redstart/internal/session"
)

// gather finds the connections that share an event loop, for pubsub.Hub.Gather.
func gather(conns []session.Conn) (all []pubsub.Listener, rest []session.Conn) {
	byLoop := make(map[int][]*loop.Conn)
	for _, c := range conns {
		if lc, ok := c.(*loop.Conn); ok && lc.Loop() >= 0 {
			byLoop[lc.Loop()] = append(byLoop[lc.Loop()], lc)
		} else {
			rest = append(rest, c)
		}
	}
	for _, list := range byLoop {
		if a := loop.NewAudience(list); a != nil && len(list) > 1 {
			all = append(all, a)
			continue
		}
		for _, c := range list {
			rest = append(rest, c)
		}
	}
	return all, rest
}

// publishEvent delivers a keyspace notification: the event to the channel of the
// key, and the key to the channel of the event. Locks of shards are held.
func (n *Node) publishEvent(db int, class command.NotifyClass, event string, key []byte) {
	if !n.hub.Listening() {
		return
	}
	var buf [96]byte
	if n.env.Notify&command.NotifyKeyspace != 0 {
		b := strconv.AppendInt(append(buf[:0], "__keyspace@"...), int64(db), 10)
		b = append(append(b, "__:"...), key...)
		n.hub.Publish(pubsub.Channel, b, []byte(event))
	}
	if n.env.Notify&command.NotifyKeyevent != 0 {
		b := strconv.AppendInt(append(buf[:0], "__keyevent@"...), int64(db), 10)
		b = append(append(b, "__:"...), event...)
		n.hub.Publish(pubsub.Channel, b, key)
	}
}
