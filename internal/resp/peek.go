package resp

// PeekKey finds the second argument of a request, which most often is a key,
// without the care of Parser: it gives up, with n == 0, on anything that is not
// plain. n is the length of the request, 0 also when it is incomplete. The key
// is borrowed from buf.
func PeekKey(buf []byte) (key []byte, n int) {
	if len(buf) < 4 || buf[0] != '*' || buf[1]-'2' > 7 || buf[2] != '\r' {
		return nil, 0
	}
	at := 4
	for i := range int(buf[1] - '0') {
		if at+4 > len(buf) || buf[at] != '$' || buf[at+1]-'0' > 9 {
			return nil, 0
		}
		size := int(buf[at+1] - '0')
		start := at + 4
		for j := at + 2; buf[j] != '\r'; j++ {
			d := buf[j] - '0'
			if d > 9 || j+2 >= len(buf) || j > at+7 {
				return nil, 0
			}
			size = size*10 + int(d)
			start = j + 3
		}
		if size > len(buf) || start+size+2 > len(buf) {
			return nil, 0
		}
		if i == 1 {
			key = buf[start : start+size : start+size]
		}
		at = start + size + 2
	}
	return key, at
}
