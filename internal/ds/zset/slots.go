package zset

// Slots is the number of elements that the table has room for, as it is.
func (z *ZSet) Slots() int { return z.dict.Slots() }

// HintEach has fetched what looking up to dict.MaxBatch members up will need.
func (z *ZSet) HintEach(members [][]byte) { z.dict.HintEach(members) }
