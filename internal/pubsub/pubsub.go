// Package pubsub delivers messages to those who have subscribed to channels.
//
// A Hub knows who listens where; a Subscriber is one connection. A message is
// encoded once for each version of the protocol in use and then given to every
// connection, which takes it without waiting for its peer. Those that share an event
// loop are given it together: their topic keeps them in groups, which are found anew
// when somebody comes or goes.
//
// # Order
//
// Messages of one channel reach all its subscribers in the same order, because a
// channel is locked while it delivers. A subscriber whose pattern matches the
// channel gets them in that order too.
//
// # Locks
//
// Hub.mu, then topic.mu. Both are leaves below the locks of shards: events of keys
// are published while these are held. Nothing is called back.
package pubsub

import (
	"slices"
	"sync"

	"github.com/redstart-db/redstart/internal/glob"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/internal/session"
)

// Kind is a kind of subscription. Channels and shard channels of the same name have
// nothing to do with each other.
type Kind uint8

// The kinds.
const (
	Channel Kind = iota
	Shard
	Pattern
	kinds
)

// Hub is all subscriptions of a server. The zero Hub is ready for use.
type Hub struct {
	// Gather, if it is set, finds connections that can be sent to together; those
	// that cannot are in rest. It is set before the first subscription.
	Gather func(conns []session.Conn) (together []Listener, rest []session.Conn)

	mu     sync.RWMutex
	topics [kinds]map[string]*topic
}

// Listener is a connection, or some, that bytes can be sent to. Push copies them.
type Listener interface{ Push(b []byte) }

// topic is what somebody has subscribed to. It exists while somebody has.
type topic struct {
	name string
	kind Kind

	mu     sync.Mutex // held while it delivers; guards groups
	subs   []*Subscriber
	groups [4][]Listener // subs by their protocol, unless stale
	stale  bool
}

// place is where a Subscriber is in the list of a topic.
type place struct {
	*topic
	index int
}

// Subscriber is a connection that may have subscriptions. Its methods are for the
// worker of the connection only.
type Subscriber struct {
	hub   *Hub
	conn  session.Conn
	proto int                      // guarded by the hub's lock
	at    [kinds]map[string]*place // the same, for changes
	names int                      // bytes of the names in at
}

// NewSubscriber makes a subscriber without subscriptions.
func (h *Hub) NewSubscriber(conn session.Conn, proto int) *Subscriber {
	s := &Subscriber{hub: h, conn: conn}
	s.SetProto(proto)
	return s
}

// SetProto sets the version of the protocol in which messages are sent.
func (s *Subscriber) SetProto(proto int) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.proto = proto & 3
	for k := range kinds {
		for _, p := range s.at[k] {
			p.stale = true
		}
	}
}

// Count is the number of subscriptions of a kind.
func (s *Subscriber) Count(k Kind) int { return len(s.at[k]) }

// Memory is about what the subscriptions take, in bytes.
func (s *Subscriber) Memory() int {
	return s.names + (len(s.at[Channel])+len(s.at[Shard])+len(s.at[Pattern]))*session.EntryMem
}

// Names gives the subscriptions of a kind in order.
func (s *Subscriber) Names(k Kind) []string {
	names := make([]string, 0, len(s.at[k]))
	for name := range s.at[k] {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Listens implements session.Subscriber.
func (s *Subscriber) Listens() (channels, patterns []string) {
	return append(s.Names(Channel), s.Names(Shard)...), s.Names(Pattern)
}

// Subscribe adds a subscription, unless it is there. The name is copied.
func (s *Subscriber) Subscribe(k Kind, name []byte) {
	if s.at[k][string(name)] != nil {
		return
	}
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[k][string(name)]
	if t == nil {
		if h.topics[k] == nil {
			h.topics[k] = make(map[string]*topic)
		}
		t = &topic{name: string(name), kind: k}
		h.topics[k][t.name] = t
	}
	if s.at[k] == nil {
		s.at[k] = make(map[string]*place)
	}
	s.at[k][t.name] = &place{t, len(t.subs)}
	s.names += len(t.name)
	t.subs, t.stale = append(t.subs, s), true
}

// Unsubscribe ends a subscription, if it is there.
func (s *Subscriber) Unsubscribe(k Kind, name []byte) {
	p := s.at[k][string(name)]
	if p == nil {
		return
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.drop(k, p)
}

// drop ends a subscription; the hub is locked. The last subscriber takes the place
// of this one.
func (s *Subscriber) drop(k Kind, p *place) {
	t := p.topic
	last := len(t.subs) - 1
	moved := t.subs[last]
	moved.at[k][t.name].index = p.index
	t.subs[p.index] = moved
	t.subs[last] = nil
	t.subs, t.stale = t.subs[:last], true
	delete(s.at[k], t.name)
	s.names -= len(t.name)
	if last == 0 {
		delete(s.hub.topics[k], t.name)
	}
}

// Leave ends all subscriptions.
func (s *Subscriber) Leave() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for k := range kinds {
		for _, p := range s.at[k] {
			s.drop(k, p)
		}
	}
}

// Publish sends a message to those who have subscribed to a channel, or to a shard
// channel, or to a pattern that matches the channel. It gives the number of times
// it was sent.
func (h *Hub) Publish(k Kind, channel, message []byte) (n int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if t := h.topics[k][string(channel)]; t != nil {
		n = t.deliver(h.Gather, channel, message)
	}
	if k == Channel {
		for _, t := range h.topics[Pattern] {
			if glob.Match([]byte(t.name), channel, false) {
				n += t.deliver(h.Gather, channel, message)
			}
		}
	}
	return n
}

var (
	_message  = []byte("message")
	_smessage = []byte("smessage")
	_pmessage = []byte("pmessage")
)

// deliver sends a message to all subscribers. The hub is locked for reading.
func (t *topic) deliver(gather func([]session.Conn) ([]Listener, []session.Conn), channel, message []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stale {
		t.group(gather)
	}
	for proto, group := range t.groups {
		if len(group) == 0 {
			continue
		}
		b := t.encode(channel, message, proto)
		for _, l := range group {
			l.Push(b)
		}
	}
	return len(t.subs)
}

// group finds out who can be sent to together. The hub is locked for reading, which
// keeps the subscriptions as they are, and so is the topic.
func (t *topic) group(gather func([]session.Conn) ([]Listener, []session.Conn)) {
	var conns [len(t.groups)][]session.Conn
	for _, s := range t.subs {
		conns[s.proto] = append(conns[s.proto], s.conn)
	}
	for proto, rest := range conns {
		t.groups[proto] = nil
		if gather != nil && len(rest) > 1 {
			t.groups[proto], rest = gather(rest)
		}
		for _, c := range rest {
			t.groups[proto] = append(t.groups[proto], c)
		}
	}
	t.stale = false
}

func (t *topic) encode(channel, message []byte, proto int) []byte {
	b := make([]byte, 0, 64+len(t.name)+len(channel)+len(message))
	switch t.kind {
	case Pattern:
		b = resp.AppendPush(b, 4, proto)
		b = resp.AppendBulk(b, _pmessage)
		b = resp.AppendBulkString(b, t.name)
	case Shard:
		b = resp.AppendPush(b, 3, proto)
		b = resp.AppendBulk(b, _smessage)
	default:
		b = resp.AppendPush(b, 3, proto)
		b = resp.AppendBulk(b, _message)
	}
	b = resp.AppendBulk(b, channel)
	return resp.AppendBulk(b, message)
}

// Listening tells whether anybody has subscribed to channels or patterns.
func (h *Hub) Listening() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.topics[Channel])+len(h.topics[Pattern]) > 0
}

// Topics gives the names of a kind that have subscribers, and match a pattern unless
// that is nil, in order.
func (h *Hub) Topics(k Kind, pattern []byte) []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var names []string
	for name := range h.topics[k] {
		if pattern == nil || glob.Match(pattern, []byte(name), false) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Subscribers is the number of those who have subscribed to a name.
func (h *Hub) Subscribers(k Kind, name []byte) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if t := h.topics[k][string(name)]; t != nil {
		return len(t.subs)
	}
	return 0
}

// Count is the number of names of a kind that have subscribers.
func (h *Hub) Count(k Kind) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.topics[k])
}
