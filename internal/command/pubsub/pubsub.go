// Package pubsub is the family of commands that send messages to channels and
// receive them.
package pubsub

import (
	"github.com/redstart-db/redstart/internal/acl"
	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/pubsub"
)

// family is the commands of one hub.
type family struct{ hub *pubsub.Hub }

// Specs is the family's part of the command table.
func Specs(hub *pubsub.Hub) []command.Spec {
	f := family{hub}
	const (
		common = command.PubSub | command.Loading | command.Stale
		listen = common | command.NoScript | command.Subscribed
		send   = common | command.Fast | command.MayReplicate
	)
	return []command.Spec{
		{Name: "subscribe", Arity: -2, Flags: listen, Channels: acl.AllChannels, Run: f.subscribe(pubsub.Channel, "subscribe")},
		{Name: "unsubscribe", Arity: -1, Flags: listen, Run: f.unsubscribe(pubsub.Channel, "unsubscribe")},
		{Name: "psubscribe", Arity: -2, Flags: listen, Channels: acl.AllPatterns, Run: f.subscribe(pubsub.Pattern, "psubscribe")},
		{Name: "punsubscribe", Arity: -1, Flags: listen, Run: f.unsubscribe(pubsub.Pattern, "punsubscribe")},
		{Name: "ssubscribe", Arity: -2, Flags: listen, Channels: acl.AllChannels, First: 1, Last: -1, Step: 1,
			Run: f.subscribe(pubsub.Shard, "ssubscribe")},
		{Name: "sunsubscribe", Arity: -1, Flags: listen, First: 1, Last: -1, Step: 1,
			Run: f.unsubscribe(pubsub.Shard, "sunsubscribe")},
		{Name: "publish", Arity: 3, Flags: send, Channels: acl.FirstChannel, Run: f.publish(pubsub.Channel)},
		{Name: "spublish", Arity: 3, Flags: send, Channels: acl.FirstChannel, First: 1, Last: 1, Step: 1, Run: f.publish(pubsub.Shard)},
		{Name: "pubsub", Arity: -2, Subs: []command.Spec{
			{Name: "pubsub|channels", Arity: -2, Flags: common, Run: f.topics(pubsub.Channel)},
			{Name: "pubsub|numpat", Arity: 2, Flags: common, Run: f.numPat},
			{Name: "pubsub|numsub", Arity: -2, Flags: common, Run: f.numSub(pubsub.Channel)},
			{Name: "pubsub|shardchannels", Arity: -2, Flags: common, Run: f.topics(pubsub.Shard)},
			{Name: "pubsub|shardnumsub", Arity: -2, Flags: common, Run: f.numSub(pubsub.Shard)},
			{Name: "pubsub|help", Arity: 2, Flags: command.Loading | command.Stale, Run: help},
		}},
	}
}

// subscriber gives what the session listens with.
func (f family) subscriber(c *command.Ctx) *pubsub.Subscriber {
	s, ok := c.Sess.Subscriber.(*pubsub.Subscriber)
	if !ok {
		s = f.hub.NewSubscriber(c.Sess.Conn, int(c.Sess.Proto))
		c.Sess.Subscriber = s
	}
	return s
}

// count keeps the session's numbers of subscriptions, and gives the one that a
// reply about a kind tells.
func count(c *command.Ctx, s *pubsub.Subscriber, k pubsub.Kind) int64 {
	sess := c.Sess
	sess.Channels, sess.Patterns, sess.ShardChannels = s.Count(pubsub.Channel), s.Count(pubsub.Pattern), s.Count(pubsub.Shard)
	sess.ListenMem = s.Memory()
	sess.SetListens(sess.Channels+sess.Patterns+sess.ShardChannels > 0)
	if k == pubsub.Shard {
		return int64(sess.ShardChannels)
	}
	return int64(sess.Channels + sess.Patterns)
}

// subscribe begins to listen. Every name has a reply of its own.
func (f family) subscribe(k pubsub.Kind, word string) command.Handler {
	return func(c *command.Ctx) {
		if c.Sess.Conn == nil {
			c.Err("ERR " + word + " isn't allowed for a DENY BLOCKING client")
			return
		}
		s := f.subscriber(c)
		for _, name := range c.Args[1:] {
			s.Subscribe(k, name)
			c.PushHeader(3)
			c.Str(word)
			c.Bulk(name)
			c.Int(count(c, s, k))
		}
	}
}

// unsubscribe stops listening to some names, or to all of a kind.
func (f family) unsubscribe(k pubsub.Kind, word string) command.Handler {
	return func(c *command.Ctx) {
		names := c.Args[1:]
		s, ok := c.Sess.Subscriber.(*pubsub.Subscriber)
		if len(names) == 0 {
			names = nil // not in the memory of the arguments
			if ok {
				for _, name := range s.Names(k) {
					names = append(names, []byte(name))
				}
			}
			if len(names) == 0 {
				names = [][]byte{nil} // there has to be a reply
			}
		}
		for _, name := range names {
			left := int64(0)
			if ok {
				s.Unsubscribe(k, name)
				left = count(c, s, k)
			}
			c.PushHeader(3)
			c.Str(word)
			if name == nil {
				c.Null()
			} else {
				c.Bulk(name)
			}
			c.Int(left)
		}
	}
}

func (f family) publish(k pubsub.Kind) command.Handler {
	return func(c *command.Ctx) { c.Int(int64(f.hub.Publish(k, c.Args[1], c.Args[2]))) }
}

func (f family) topics(k pubsub.Kind) command.Handler {
	return func(c *command.Ctx) {
		var pattern []byte
		switch len(c.Args) {
		case 2:
		case 3:
			pattern = c.Args[2]
		default:
			c.UnknownSubcommand(c.Args[1])
			return
		}
		names := f.hub.Topics(k, pattern)
		c.Array(len(names))
		for _, name := range names {
			c.Str(name)
		}
	}
}

func (f family) numSub(k pubsub.Kind) command.Handler {
	return func(c *command.Ctx) {
		names := c.Args[2:]
		c.Array(2 * len(names))
		for _, name := range names {
			c.Bulk(name)
			c.Int(int64(f.hub.Subscribers(k, name)))
		}
	}
}

func (f family) numPat(c *command.Ctx) { c.Int(int64(f.hub.Count(pubsub.Pattern))) }

func help(c *command.Ctx) {
	c.Help(
		"CHANNELS [<pattern>]",
		"    The channels that have subscribers, or those that match the pattern.",
		"NUMPAT",
		"    The number of patterns that somebody has subscribed to.",
		"NUMSUB [<channel> ...]",
		"    The number of subscribers of each channel, those of patterns not counted.",
		"SHARDCHANNELS [<pattern>]",
		"    The shard channels that have subscribers, or those that match the pattern.",
		"SHARDNUMSUB [<shardchannel> ...]",
		"    The number of subscribers of each shard channel.",
	)
}
