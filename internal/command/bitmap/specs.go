// Package bitmap is the family of commands on the bits of strings. Bit 0 is
// the highest bit of the first byte.
package bitmap

import "github.com/redstart-db/redstart/internal/command"

const (
	read     = command.ReadOnly
	fastRead = command.ReadOnly | command.Fast
	write    = command.Write | command.DenyOOM
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "bitcount", Arity: -2, Flags: read, First: 1, Last: 1, Step: 1, Run: bitCount},
		{Name: "bitfield", Arity: -2, Flags: write, First: 1, Last: 1, Step: 1, Run: bitField},
		{Name: "bitfield_ro", Arity: -2, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: bitFieldRO},
		{Name: "bitop", Arity: -4, Flags: write, First: 2, Last: -1, Step: 1, Run: bitOp},
		{Name: "bitpos", Arity: -3, Flags: read, First: 1, Last: 1, Step: 1, Run: bitPos},
		{Name: "getbit", Arity: 3, Flags: fastRead, First: 1, Last: 1, Step: 1, Run: getBit},
		{Name: "setbit", Arity: 4, Flags: write, First: 1, Last: 1, Step: 1, Run: setBit},
	}
}
