// Package sort is the family of SORT and SORT_RO.
package sort

import (
	"bytes"

	"github.com/redstart-db/redstart/internal/command"
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "sort", Arity: -2, Flags: command.Write | command.DenyOOM | command.MovableKeys, First: 1, Last: 1, Step: 1,
			Keys: keys, Wide: wide, Run: sort},
		{Name: "sort_ro", Arity: -2, Flags: command.ReadOnly | command.MovableKeys, First: 1, Last: 1, Step: 1,
			Wide: wide, Run: sortRO},
	}
}

// keys are the key that is sorted and that of the last STORE.
func keys(args [][]byte, dst []int) []int {
	dst = append(dst, 1)
	to := 0
	for i := 2; i < len(args); i++ {
		switch {
		case command.EqualFold(args[i], "LIMIT"):
			i += 2
		case command.EqualFold(args[i], "GET"), command.EqualFold(args[i], "BY"):
			i++
		case command.EqualFold(args[i], "STORE") && i+1 < len(args):
			to = i + 1
		}
	}
	if to != 0 {
		dst = append(dst, to)
	}
	return dst
}

// wide tells whether keys are looked up that only the elements name.
func wide(args [][]byte) bool {
	for i := 2; i+1 < len(args); i++ {
		if (command.EqualFold(args[i], "BY") || command.EqualFold(args[i], "GET")) && bytes.IndexByte(args[i+1], '*') >= 0 {
			return true
		}
	}
	return false
}
