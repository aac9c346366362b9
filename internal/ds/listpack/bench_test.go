package listpack

import (
	"fmt"
	"testing"
)

// fields is a hash of 64 pairs as a listpack, with values as mixed as users' are.
func fields(field func(i int) string) []byte {
	lp := New(0)
	for i := range 64 {
		lp = Append(lp, []byte(field(i)))
		switch i % 4 {
		case 0:
			lp = Append(lp, []byte("John Doe 1234"))
		case 1:
			lp = AppendInt(lp, int64(i))
		case 2:
			lp = AppendInt(lp, int64(i)*1234567)
		case 3:
			lp = Append(lp, []byte("someone@example.com"))
		}
	}
	return lp
}

// BenchmarkFind looks for what is not there among 128 entries: ns/op / 128 is the
// cost of passing one.
func BenchmarkFind(b *testing.B) {
	same := fields(func(i int) string { return fmt.Sprintf("field:%04d", i) })
	words := fields(func(i int) string { return "name_of_a_thing"[i%7 : 8+i%8] })
	for _, c := range []struct {
		name, elem string
		lp         []byte
		skip       int
	}{
		{"field", "field:9999", same, 1},
		{"words", "unknown", words, 1},
		{"other length", "f", same, 1},
		{"integer", "123456", same, 0},
		{"long", "a string of more than sixty-three bytes, which is found in another way", same, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			elem := []byte(c.elem)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := Find(c.lp, HeaderSize, elem, c.skip); ok {
					b.Fatal("found")
				}
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	lp := fields(func(i int) string { return fmt.Sprintf("field:%04d", i) })
	b.ReportAllocs()
	for b.Loop() {
		for pos, ok := First(lp); ok; pos, ok = Next(lp, pos) {
		}
	}
}

func BenchmarkGet(b *testing.B) {
	lp := fields(func(i int) string { return fmt.Sprintf("field:%04d", i) })
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for pos, ok := First(lp); ok; pos, ok = Next(lp, pos) {
			n += len(Get(lp, pos).Str)
		}
	}
}

func BenchmarkPrev(b *testing.B) {
	lp := fields(func(i int) string { return fmt.Sprintf("field:%04d", i) })
	b.ReportAllocs()
	for b.Loop() {
		for pos, ok := Last(lp); ok; pos, ok = Prev(lp, pos) {
		}
	}
}

// BenchmarkAppend fills a listpack of 4 KiB again and again.
func BenchmarkAppend(b *testing.B) {
	for _, elem := range []string{"item:00000123", "12345678"} {
		b.Run(elem, func(b *testing.B) {
			e := []byte(elem)
			lp := New(4096)
			b.ReportAllocs()
			for b.Loop() {
				if len(lp)+len(e)+MaxOverhead > cap(lp) {
					lp = append(lp[:0], Empty...)
				}
				lp = Append(lp, e)
			}
		})
	}
}

func BenchmarkReplace(b *testing.B) {
	lp := fields(func(i int) string { return fmt.Sprintf("field:%04d", i) })
	pos, _ := Seek(lp, 63)
	elem := []byte("John Doe 4321")
	lp = Replace(lp, pos, elem)
	b.ReportAllocs()
	for b.Loop() {
		lp = Replace(lp, pos, elem)
	}
}

func BenchmarkValidate(b *testing.B) {
	lp := fields(func(i int) string { return fmt.Sprintf("field:%04d", i) })
	b.ReportAllocs()
	for b.Loop() {
		if Validate(lp, true) != nil {
			b.Fatal("corrupt")
		}
	}
}

// BenchmarkValidateUnique checks hashes of five fields.
func BenchmarkValidateUnique(b *testing.B) {
	lp := New(0)
	for _, s := range []string{"name", "John Doe 00000001", "email", "john00000001@example.com", "age", "37", "city", "New York", "created", "2024-01-01"} {
		lp = Append(lp, []byte(s))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, unique, err := ValidateUnique(lp, 2); err != nil || !unique {
			b.Fatal("corrupt")
		}
	}
}
