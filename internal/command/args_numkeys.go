package command

import "github.com/redstart-db/redstart/internal/num"

// NumKeys gives the Keys of a command whose argument at is the number of its keys,
// which follow. The arguments first are keys as well.
func NumKeys(at int, first ...int) func(args [][]byte, dst []int) []int {
	return func(args [][]byte, dst []int) []int {
		if at >= len(args) {
			return nil
		}
		n, ok := num.ParseInt(args[at])
		if !ok || n < 1 || n > int64(len(args)-at-1) {
			return nil
		}
		dst = append(dst, first...)
		for i := range int(n) {
			dst = append(dst, at+1+i)
		}
		return dst
	}
}
