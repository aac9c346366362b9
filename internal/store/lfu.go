package store

import "math"

// LFU is the setting of the use counter of maxmemory-policy *-lfu: eight bits
// that grow logarithmically with use and decay with time, beside the minute of
// the last decay in sixteen bits.
type LFU struct {
	On        bool
	LogFactor int // lfu-log-factor
	Decay     int // lfu-decay-time, minutes
}

const lfuInit = 5 // counter of a new key, so that it is not evicted at once

// next gives a pseudo-random number in [0,1): xorshift64*, one state a shard.
func (sh *Shard) next() float64 {
	x := sh.lfuRand
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	sh.lfuRand = x
	return float64(x*0x2545F4914F6CDD1D>>11) / (1 << 53)
}

// decayed is the counter of an access field at the given minute.
func (l *LFU) decayed(field uint32, minute uint16) uint8 {
	counter := uint8(field)
	if l.Decay <= 0 {
		return counter
	}
	periods := int(minute-uint16(field>>8)) / l.Decay
	if periods >= int(counter) {
		return 0
	}
	return counter - uint8(periods)
}

// used gives the access field after one more use.
func (l *LFU) used(sh *Shard, field uint32, minute uint16) uint32 {
	c := l.decayed(field, minute)
	if c < math.MaxUint8 {
		base := max(float64(c)-lfuInit, 0)
		if sh.next() < 1/(base*float64(l.LogFactor)+1) {
			c++
		}
	}
	return uint32(minute)<<8 | uint32(c)
}

const accessMask = 1<<24 - 1

// minute is the LFU's time, from the Unix time in seconds.
func minute(seconds uint32) uint16 { return uint16(seconds / 60) }

// fresh is the access field of a new record.
func (st *Store) fresh() uint32 {
	now := st.Access.Load()
	if st.LFU.On {
		return uint32(minute(now))<<8 | lfuInit
	}
	return now & accessMask
}
