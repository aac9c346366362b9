package listpack

// DeleteEqual removes up to most entries that are elem, in one pass, but for the
// first skip of them. It gives their number.
func DeleteEqual(lp, elem []byte, skip, most int) (left []byte, removed int) {
	to := 0            // where the next kept entries go; 0 before the first removal
	kept := HeaderSize // what is kept from here on has not been moved yet
	for pos := HeaderSize; removed < most; {
		at, ok := Find(lp, pos, elem, 0)
		if !ok {
			break
		}
		pos = at + EntrySize(lp, at)
		if skip > 0 {
			skip--
			continue
		}
		if removed == 0 {
			to = at
		} else {
			to += copy(lp[to:], lp[kept:at])
		}
		kept = pos
		removed++
	}
	if removed == 0 {
		return lp, 0
	}
	to += copy(lp[to:], lp[kept:])
	lp = lp[:to]
	setBytes(lp)
	addLen(lp, -removed)
	return lp, removed
}

// CountEqual is the number of entries that are elem.
func CountEqual(lp, elem []byte) (n int) {
	pos, ok := Find(lp, HeaderSize, elem, 0)
	for ok {
		n++
		pos, ok = Find(lp, pos+EntrySize(lp, pos), elem, 0)
	}
	return n
}
