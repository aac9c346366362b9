package hostile

import (
	"strings"
	"testing"
)

// TestGeoNumbers calls the commands on places with extreme numbers, and on scores
// that are no geohashes.
func TestGeoNumbers(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	extremes := []string{
		"inf", "-inf", "nan", "1e308", "-1e308", "5e-324", "180", "-180", "85.05112878", "-85.05112878", "0", "-1",
		"9223372036854775807", "-9223372036854775808", "18446744073709551615", "",
	}
	for _, form := range []string{
		"ZADD g %1 m", "GEOADD g %1 %2 m", "GEOADD g CH %1 0 m 0 %2 n", "GEOPOS g m n a", "GEOHASH g m n a", "GEODIST g m a", "GEODIST g a n",
		"GEOSEARCH g FROMLONLAT %1 %2 BYRADIUS 100 km", "GEOSEARCH g FROMLONLAT 0 0 BYRADIUS %1 m COUNT %2",
		"GEOSEARCH g FROMMEMBER m BYBOX %1 %2 km ASC WITHHASH WITHDIST WITHCOORD", "GEOSEARCH g FROMMEMBER n BYRADIUS %1 ft",
		"GEOSEARCH g FROMLONLAT %1 %1 BYBOX %2 %2 mi COUNT 1 ANY", "GEOSEARCHSTORE d g FROMLONLAT 0 0 BYBOX %1 %2 m STOREDIST",
		"GEOSEARCHSTORE d g FROMLONLAT %1 %2 BYRADIUS 1e300 km COUNT %1", "GEORADIUS g %1 %2 1 m STORE d", "GEORADIUS g 0 0 %1 m COUNT %2 DESC",
		"GEORADIUSBYMEMBER g m %1 km STOREDIST d COUNT %2", "GEOSEARCH d FROMLONLAT 0 0 BYRADIUS 1e9 km WITHCOORD",
	} {
		for _, a := range extremes {
			for _, b := range extremes {
				if err := c.Send("GEOADD", "g", "13", "38", "a", "15", "37", "b", "180", "85.05112878", "c"); err != nil {
					t.Fatal(err)
				}
				args := strings.Split(form, " ")
				for i := range args {
					args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "%1", a), "%2", b)
				}
				if err := c.Send(args...); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if _, err := c.Read(); err != nil {
						t.Fatalf("%q: %v\n%s", args, err, s.Log())
					}
				}
				if !strings.Contains(form, "%2") {
					break
				}
			}
		}
	}
	s.expect(c, "DEL g", "1", "GEOADD g 1 1 x", "1")
}

// TestPlacesThatAreFound searches a large set for all it has.
func TestPlacesThatAreFound(t *testing.T) {
	s := start(t)
	c := s.Dial(t)
	args := []string{"GEOADD", "g"}
	for i := range 20000 {
		args = append(args, string(rune('0'+i%10))+"."+string(rune('0'+i/10%10)), "0.5", strings.Repeat("m", 1+i%7)+string(rune(0x4e00+i)))
	}
	c.Must(t, args...)
	for _, options := range []string{"", "ASC", "COUNT 10", "COUNT 9223372036854775807 DESC", "COUNT 9223372036854775807 ANY"} {
		r, err := c.Do(strings.Fields("GEOSEARCH g FROMLONLAT 5 0 BYRADIUS 30000 km " + options)...)
		want := 20000
		if options == "COUNT 10" {
			want = 10
		}
		if err != nil || len(r.Elems) != want {
			t.Errorf("%s: %d places, %v", options, len(r.Elems), err)
		}
	}
}
