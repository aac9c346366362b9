// Package stream is the family of commands on streams.
package stream

import "github.com/redstart-db/redstart/internal/command"

const (
	read      = command.ReadOnly
	fastRead  = command.ReadOnly | command.Fast
	waitRead  = command.ReadOnly | command.Blocking | command.MovableKeys
	waitWrite = command.Write | command.Blocking | command.MovableKeys
	shrinks   = command.Write
	fastWrite = command.Write | command.Fast
	grows     = command.Write | command.DenyOOM
	fastGrows = command.Write | command.DenyOOM | command.Fast
	help      = command.Loading | command.Stale
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "xack", Arity: -4, Flags: fastWrite | command.Brief, First: 1, Last: 1, Step: 1, Run: xack},
		{Name: "xadd", Arity: -5, Flags: fastGrows | command.Brief, First: 1, Last: 1, Step: 1, Run: xadd},
		{Name: "xautoclaim", Arity: -6, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: xautoclaim},
		{Name: "xclaim", Arity: -6, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: xclaim},
		{Name: "xdel", Arity: -3, Flags: fastWrite, First: 1, Last: 1, Step: 1, Run: xdel},
		{Name: "xgroup", Arity: -2, Subs: []command.Spec{
			{Name: "xgroup|create", Arity: -5, Flags: grows, First: 2, Last: 2, Step: 1, Run: groupCreate},
			{Name: "xgroup|createconsumer", Arity: 5, Flags: grows, First: 2, Last: 2, Step: 1, Run: groupCreateConsumer},
			{Name: "xgroup|delconsumer", Arity: 5, Flags: shrinks, First: 2, Last: 2, Step: 1, Run: groupDelConsumer},
			{Name: "xgroup|destroy", Arity: 4, Flags: shrinks, First: 2, Last: 2, Step: 1, Run: groupDestroy},
			{Name: "xgroup|help", Arity: 2, Flags: help, Run: groupHelp},
			{Name: "xgroup|setid", Arity: -5, Flags: shrinks, First: 2, Last: 2, Step: 1, Run: groupSetID},
		}},
		{Name: "xinfo", Arity: -2, Subs: []command.Spec{
			{Name: "xinfo|consumers", Arity: 4, Flags: read, First: 2, Last: 2, Step: 1, Run: infoConsumers},
			{Name: "xinfo|groups", Arity: 3, Flags: read, First: 2, Last: 2, Step: 1, Run: infoGroups},
			{Name: "xinfo|help", Arity: 2, Flags: help, Run: infoHelp},
			{Name: "xinfo|stream", Arity: -3, Flags: read, First: 2, Last: 2, Step: 1, Run: infoStream},
		}},
		{Name: "xlen", Arity: 2, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: xlen},
		{Name: "xpending", Arity: -3, Flags: read, First: 1, Last: 1, Step: 1, Run: xpending},
		{Name: "xrange", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: xrange},
		{Name: "xread", Arity: -4, Flags: waitRead, Keys: readKeys, Run: xread},
		{Name: "xreadgroup", Arity: -7, Flags: waitWrite, Keys: readKeys, Run: xreadgroup},
		{Name: "xrevrange", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: xrevrange},
		{Name: "xsetid", Arity: -3, Flags: fastGrows, First: 1, Last: 1, Step: 1, Run: xsetid},
		{Name: "xtrim", Arity: -4, Flags: shrinks, First: 1, Last: 1, Step: 1, Run: xtrim},
	}
}
