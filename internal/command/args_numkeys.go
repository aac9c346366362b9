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

// MaxRepeated is how many bytes the reply of a command may have that shows random
// elements as often as it is asked to (SRANDMEMBER with a negative count). Redis has
// no such limit: there a request of a few bytes can take all memory, and nobody else
// is served meanwhile. This much takes less than a tenth of a second.
const MaxRepeated = 32 << 20
