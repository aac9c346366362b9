package zset

import "bytes"

// ScoreRange is an interval of scores, as ZRANGEBYSCORE takes it. Neither bound
// is NaN.
type ScoreRange struct {
	Min, Max     float64
	MinEx, MaxEx bool // the bound itself is not in it
}

// empty tells whether there is no such score.
func (r *ScoreRange) empty() bool {
	return r.Min > r.Max || r.Min == r.Max && (r.MinEx || r.MaxEx)
}

// below tells whether a score is before the range.
func (r *ScoreRange) below(score float64) bool {
	return score < r.Min || score == r.Min && r.MinEx
}

// above tells whether a score is behind the range.
func (r *ScoreRange) above(score float64) bool {
	return score > r.Max || score == r.Max && r.MaxEx
}

// LexBound is an end of a LexRange.
type LexBound struct {
	Member []byte
	Ex     bool // the member itself is not in the range
	Inf    int8 // -1: before all members, 1: behind all; Member does not count
}

// LexRange is an interval of members, as ZRANGEBYLEX takes it.
type LexRange struct {
	Min, Max LexBound
}

// empty tells whether there is no such member, whatever members there are.
func (r *LexRange) empty() bool {
	if r.Min.Inf != 0 || r.Max.Inf != 0 {
		return r.Min.Inf >= 0 && r.Max.Inf <= 0 || r.Min.Inf == r.Max.Inf
	}
	c := bytes.Compare(r.Min.Member, r.Max.Member)
	return c > 0 || c == 0 && (r.Min.Ex || r.Max.Ex)
}

// below tells whether a member is before the range.
func (r *LexRange) below(member []byte) bool {
	if r.Min.Inf != 0 {
		return r.Min.Inf > 0
	}
	c := bytes.Compare(member, r.Min.Member)
	return c < 0 || c == 0 && r.Min.Ex
}

// above tells whether a member is behind the range.
func (r *LexRange) above(member []byte) bool {
	if r.Max.Inf != 0 {
		return r.Max.Inf < 0
	}
	c := bytes.Compare(member, r.Max.Member)
	return c > 0 || c == 0 && r.Max.Ex
}
