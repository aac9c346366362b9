package mem

import "math/bits"

// Size classes: steps of 8 bytes to 128, then 8 classes per doubling, so at most an eighth of a block is lost to
// rounding. Above 32 KiB a block is a run of whole pages, which loses no more than that either.
const (
	largeClass = 0 // no class: one block that is a run of pages
	numClasses = 1 + 16 + 8*8
	fineMax    = 1024      // sizes to here are looked up in steps of 8 bytes,
	classMax   = 32 * 1024 // and to here in steps of 128

	minSpanPages = 4 // 16 KiB: what a span's 32 bytes of bookkeeping are spread over
	maxSpanPages = 16
)

// class is what a size class fixes for its spans.
type class struct {
	size  uint32 // bytes of a block
	pages uint16 // pages of a span
	cap   uint16 // blocks of a span
	shift uint8  // live >> shift is the fullness of a span, 0 to fullness-1
}

// classTables is read-only after the package is initialised.
type classTables struct {
	class  [numClasses]class
	fine   [fineMax/8 + 1]uint8    // (n+7)/8 -> class
	coarse [classMax/128 + 1]uint8 // (n+127)/128 -> class
}

var tables = makeTables()

func makeTables() (t classTables) {
	c, size := uint8(1), uint32(0)
	for size < classMax {
		step := uint32(8)
		if size >= 128 {
			step = 1 << (bits.Len32(size) - 1) / 8
		}
		size += step
		t.class[c] = makeClass(size)
		for n := size - step + 8; n <= size && n <= fineMax; n += 8 {
			t.fine[n/8] = c
		}
		for n := size - step + 128; n <= size && n > fineMax; n += 128 {
			t.coarse[n/128] = c
		}
		c++
	}
	t.fine[0] = 1
	return t
}

// makeClass chooses the shortest span that loses no more than 3% at its tail, or the one that loses least.
func makeClass(size uint32) class {
	best, bestWaste := uint32(0), 1.0
	for pages := uint32(minSpanPages); pages <= maxSpanPages; pages++ {
		bytes := pages << pageShift
		if bytes < size {
			continue
		}
		waste := float64(bytes%size) / float64(bytes)
		if waste < bestWaste {
			best, bestWaste = pages, waste
		}
		if waste <= 0.03 {
			break
		}
	}
	k := class{size: size, pages: uint16(best), cap: uint16(best << pageShift / size)}
	for (k.cap-1)>>k.shift >= fullness {
		k.shift++
	}
	return k
}
