package loop

import (
	"net/netip"
	"strconv"
)

// keepAliveProbes is how many probes without an answer end a connection.
const keepAliveProbes = 3

// netipString returns an address and port as Redis prints them.
func netipString(a netip.Addr, port uint16) string {
	a = a.Unmap()
	var buf [64]byte
	b := buf[:0]
	if a.Is4() {
		b = a.AppendTo(b)
	} else {
		b = append(b, '[')
		b = a.AppendTo(b)
		b = append(b, ']')
	}
	b = append(b, ':')
	b = strconv.AppendUint(b, uint64(port), 10)
	return string(b)
}
