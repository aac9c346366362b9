package zset

// Slots is the number of elements that the table has room for, as it is.
func (z *ZSet) Slots() int { return z.dict.Slots() }
