package listpack

// DeleteEvery removes every n-th entry, the first of them being entry n-1, in one
// pass.
func DeleteEvery(lp []byte, n int) []byte {
	to, removed := HeaderSize, 0
	for pos, i := HeaderSize, 1; lp[pos] != end; i++ {
		size := EntrySize(lp, pos)
		if i%n == 0 {
			removed++
		} else {
			to += copy(lp[to:], lp[pos:pos+size])
		}
		pos += size
	}
	if removed == 0 {
		return lp
	}
	lp = lp[:to+1]
	lp[to] = end
	setBytes(lp)
	addLen(lp, -removed)
	return lp
}
