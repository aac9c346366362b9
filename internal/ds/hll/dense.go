package hll

import "encoding/binary"

// A group is 8 registers: 6 bytes of a dense value. They are read and written as
// 8 bytes, with the two that belong to the group before or behind.
const groups = Registers / 8

// group reads group i of a dense value into the low 48 bits.
func group(b []byte, i int) uint64 {
	return binary.LittleEndian.Uint64(b[HeaderSize-2+6*i:]) >> 16
}

// spread puts the 8 registers of a group into a byte each.
func spread(x uint64) uint64 {
	x = x&0x0000000000ffffff | x&0x0000ffffff000000<<8
	x = x&0x00000fff00000fff | x&0x00fff00000fff000<<4
	return x&0x003f003f003f003f | x&0x0fc00fc00fc00fc0<<2
}

// gather is the inverse of spread.
func gather(x uint64) uint64 {
	x = x&0x003f003f003f003f | x>>2&0x0fc00fc00fc00fc0
	x = x&0x00000fff00000fff | x>>4&0x00fff00000fff000
	return x&0x0000000000ffffff | x>>8&0x0000ffffff000000
}

// get reads a register of a dense value.
func get(b []byte, index int) uint8 {
	return uint8(group(b, index>>3) >> (6 * (index & 7)) & 0x3f)
}

// SetDense raises a register of a dense value to a rank of at most 63, unless it
// is as high already.
func SetDense(b []byte, index int, rank uint8) (changed bool) {
	if get(b, index) >= rank {
		return false
	}
	at := b[HeaderSize-2+6*(index>>3):]
	shift := uint(16 + 6*(index&7))
	w := binary.LittleEndian.Uint64(at)
	w = w&^(0x3f<<shift) | uint64(rank)<<shift
	binary.LittleEndian.PutUint64(at, w)
	Invalidate(b)
	return true
}

// All is the value of each register, in a byte.
type All [Registers]byte

// PutDense makes b, which has the size of a dense value and the header of any, a
// dense value with these registers, which are below 64. The cached estimate stays.
func (r *All) PutDense(b []byte) {
	b[formAt] = dense
	for i := range groups - 1 {
		// The two zeros behind it are overwritten by the next one.
		binary.LittleEndian.PutUint64(b[HeaderSize+6*i:], gather(r.group(i)))
	}
	last := gather(r.group(groups - 1))
	at := b[DenseSize-6 : DenseSize]
	binary.LittleEndian.PutUint32(at, uint32(last))
	binary.LittleEndian.PutUint16(at[4:], uint16(last>>32))
}

func (r *All) group(i int) uint64 { return binary.LittleEndian.Uint64(r[8*i:]) }

// raiseDense makes each register at least as high as that of a dense value.
func (r *All) raiseDense(b []byte) {
	const high = 0x8080808080808080
	for i := range groups {
		x, y := r.group(i), spread(group(b, i))
		// The highest bit of each byte says that x's is not below y's.
		m := (x | high) - y
		m = m & high >> 7 * 0xff
		binary.LittleEndian.PutUint64(r[8*i:], x&m|y&^m)
	}
}
