package server

import (
	"math/rand/v2"
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/version"
)

// lolwut draws something and tells the version. Each VERSION has a picture of
// its own; those without one get the version only.
func lolwut(c *command.Ctx) {
	picture := int64(7)
	if len(c.Args) >= 3 && c.Is(1, "VERSION") {
		var ok bool
		if picture, ok = c.IntArg(2); !ok {
			return
		}
	}
	for i := 3; (picture == 5 || picture == 6) && i < len(c.Args); i++ {
		if _, ok := c.IntArg(i); !ok {
			return
		}
	}
	var b strings.Builder
	switch picture {
	case 5:
		drawField(&b)
	case 6:
		drawRidges(&b)
	case 7:
		drawBird(&b)
	}
	b.WriteString("Redis ver. " + version.Redis + "\n")
	c.Verbatim("txt", []byte(b.String()))
}

// drawField draws a field of grass that the wind bends.
func drawField(b *strings.Builder) {
	const blades = `|/\'`
	for row := range 8 {
		for range 64 {
			if rand.IntN(10) > row {
				b.WriteByte(' ')
			} else {
				b.WriteByte(blades[rand.IntN(len(blades))])
			}
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

// drawRidges draws mountains behind each other, by random walks.
func drawRidges(b *strings.Builder) {
	const shades = " .:+#"
	height := [4]int{9, 7, 5, 3}
	var rows [12][72]byte
	for x := range rows[0] {
		for i := range height {
			height[i] = min(max(height[i]+rand.IntN(3)-1, 0), len(rows)-1)
			for y := len(rows) - 1 - height[i]; y < len(rows); y++ {
				rows[y][x] = shades[i+1]
			}
		}
	}
	for y := range rows {
		for _, x := range rows[y] {
			b.WriteByte(max(x, ' '))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

// drawBird draws a redstart on a branch.
func drawBird(b *strings.Builder) {
	b.WriteString("" +
		"        __\n" +
		"      <(o )___\n" +
		"       (  ._> )====\n" +
		"        `-\"-\"'\n" +
		"  ______/ /_____________" + strings.Repeat("_", rand.IntN(24)) + "\n\n")
}
