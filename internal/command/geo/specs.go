// Package geo is the family of commands on places. A set of places is a sorted set
// with geohashes as scores; see internal/geo.
package geo

import (
	"math"
	"strconv"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/command/zset"
	"github.com/redstart-db/redstart/internal/geo"
	"github.com/redstart-db/redstart/internal/num"
	"github.com/redstart-db/redstart/internal/store"
)

const (
	read  = command.ReadOnly
	write = command.Write | command.DenyOOM
)

// Specs is the family's part of the command table.
func Specs() []command.Spec {
	return []command.Spec{
		{Name: "geoadd", Arity: -5, Flags: write, First: 1, Last: 1, Step: 1, Run: geoAdd},
		{Name: "geodist", Arity: -4, Flags: read, First: 1, Last: 1, Step: 1, Run: geoDist},
		{Name: "geohash", Arity: -2, Flags: read, First: 1, Last: 1, Step: 1, Run: geoHash},
		{Name: "geopos", Arity: -2, Flags: read, First: 1, Last: 1, Step: 1, Run: geoPos},
		{Name: "georadius", Arity: -6, Flags: write, First: 1, Last: 1, Step: 1, Keys: radiusKeys, Run: geoRadius},
		{Name: "georadius_ro", Arity: -6, Flags: read, First: 1, Last: 1, Step: 1, Run: geoRadiusRO},
		{Name: "georadiusbymember", Arity: -5, Flags: write, First: 1, Last: 1, Step: 1, Keys: radiusKeys, Run: geoRadiusByMember},
		{Name: "georadiusbymember_ro", Arity: -5, Flags: read, First: 1, Last: 1, Step: 1, Run: geoRadiusByMemberRO},
		{Name: "geosearch", Arity: -7, Flags: read, First: 1, Last: 1, Step: 1, Run: geoSearch},
		{Name: "geosearchstore", Arity: -8, Flags: write, First: 1, Last: 2, Step: 1, Run: geoSearchStore},
	}
}

// radiusKeys finds the keys of GEORADIUS and GEORADIUSBYMEMBER: the source, and the
// last one that the words STORE and STOREDIST name.
func radiusKeys(args [][]byte, dst []int) []int {
	if len(args) < 2 {
		return nil
	}
	dst = append(dst, 1)
	stored := 0
	for i := 5; i+1 < len(args); i++ {
		if command.EqualFold(args[i], "STORE") || command.EqualFold(args[i], "STOREDIST") {
			i++
			stored = i
		}
	}
	if stored > 0 {
		dst = append(dst, stored)
	}
	return dst
}

// places is a set of places, to be read.
type places struct {
	zset.Reader
	there bool // it exists
}

// open looks up the set that argument i names. The error is in the reply when ok is
// false.
func open(c *command.Ctx, i int) (p places, ok bool) {
	e, ok := c.ReadType(c.Key(i), store.ZSet)
	if ok && e.Ok() {
		return places{zset.Open(e), true}, true
	}
	return p, ok
}

// find gives the place of a member.
func (p *places) find(member []byte) (at geo.Point, ok bool) {
	if !p.there {
		return at, false
	}
	score, ok := p.Score(member)
	if !ok {
		return at, false
	}
	return geo.FromScore(score), true
}

// pointArg reads a longitude and a latitude from argument i on.
func pointArg(c *command.Ctx, i int) (p geo.Point, ok bool) {
	if p.Lon, ok = floatArg(c, i, command.ErrNotFloat); !ok {
		return p, false
	}
	if p.Lat, ok = floatArg(c, i+1, command.ErrNotFloat); !ok {
		return p, false
	}
	if !p.Valid() {
		c.Err("ERR invalid longitude,latitude pair " + decimal(p.Lon) + "," + decimal(p.Lat))
		return p, false
	}
	return p, true
}

func floatArg(c *command.Ctx, i int, text string) (f float64, ok bool) {
	if f, ok = num.ParseFloat(c.Args[i]); !ok {
		c.Err(text)
	}
	return f, ok
}

// decimal is f as C's "%f" prints it.
func decimal(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

// unitArg reads a unit of length and gives what it has in meters.
func unitArg(c *command.Ctx, i int) (meters float64, ok bool) {
	switch {
	case c.Is(i, "M"):
		return 1, true
	case c.Is(i, "KM"):
		return 1000, true
	case c.Is(i, "FT"):
		return 0.3048, true
	case c.Is(i, "MI"):
		return 1609.34, true
	}
	c.Err("ERR unsupported unit provided. please use M, KM, FT, MI")
	return 0, false
}

// replyDistance replies with a length.
func replyDistance(c *command.Ctx, d float64) {
	var buf [64]byte
	c.Bulk(strconv.AppendFloat(buf[:0], d, 'f', 4, 64))
}

// replyPoint replies with a longitude and a latitude.
func replyPoint(c *command.Ctx, p geo.Point) {
	c.Array(2)
	replyDegrees(c, p.Lon)
	replyDegrees(c, p.Lat)
}

// replyDegrees replies with a number with up to 17 digits behind the point.
func replyDegrees(c *command.Ctx, f float64) {
	var buf [64]byte
	b := strconv.AppendFloat(buf[:0], f, 'f', 17, 64)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	if string(b) == "-0" {
		b = b[1:]
	}
	if !c.Resp3() {
		c.Bulk(b)
		return
	}
	c.Out = append(c.Out, ',')
	c.Out = append(c.Out, b...)
	c.Out = append(c.Out, '\r', '\n')
}
