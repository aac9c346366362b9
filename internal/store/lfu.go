package store

import "math"

// LFU is the setting of the use counter of maxmemory-policy *-lfu: eight bits
// that grow logarithmically with use and decay with time, beside the minute of
// the last decay in sixteen bits.
//
// A counter of c, n above its initial value, grows by 1/(n*LogFactor+1) for a use. Redis
// adds one with that probability; here the counter has eight more bits, so what is added
// is that fraction, and of two keys the one that was used more often nearly always has
// the higher counter. Chance decides only about what is less than 1/256.
type LFU struct {
	On        bool
	LogFactor int // lfu-log-factor
	Decay     int // lfu-decay-time, minutes
}

const lfuInit = 5 // counter of a new key, so that it is not evicted at once

// lfuField makes an access field.
func lfuField(minute, count uint16) uint32 { return uint32(minute)<<16 | uint32(count) }

// next gives a pseudo-random number in [0,1): xorshift64*, one state a shard.
func (sh *Shard) next() float64 {
	x := sh.lfuRand
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	sh.lfuRand = x
	return float64(x*0x2545F4914F6CDD1D>>11) / (1 << 53)
}

// decayed is the counter of an access field at the given minute, in 256ths.
func (l *LFU) decayed(field uint32, minute uint16) uint16 {
	count := uint16(field)
	if l.Decay <= 0 {
		return count
	}
	periods := int(minute-uint16(field>>16)) / l.Decay
	if periods > int(count>>8) {
		return 0
	}
	return count - uint16(periods)<<8
}

// used gives the access field after one more use.
func (l *LFU) used(sh *Shard, field uint32, minute uint16) uint32 {
	c := l.decayed(field, minute)
	if c < math.MaxUint8<<8 {
		base := max(int(c>>8)-lfuInit, 0)
		step := 256 / (float64(base)*float64(l.LogFactor) + 1)
		c += uint16(step + sh.next())
	}
	return lfuField(minute, c)
}
