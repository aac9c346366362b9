package diff

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// pair is two servers that are sent the same, with the same connections to each.
type pair struct {
	redstart, reference *peer.Server
	conns               map[int]*both
	cur                 *both
	curN                int
	// missing are the commands that Redstart does not have, in lower case.
	missing map[string]bool
	// itself says that the reference is compared with itself, to check scripts.
	itself bool
}

// both is one connection to each server.
type both struct{ redstart, reference *peer.Conn }

func (b *both) each(f func(*peer.Conn) error) error {
	return errors.Join(f(b.redstart), f(b.reference))
}

func newPair(redstart, reference *peer.Server) *pair {
	return &pair{redstart: redstart, reference: reference, conns: map[int]*both{}}
}

// reset closes all connections and empties both servers.
func (p *pair) reset() error {
	for _, b := range p.conns {
		b.redstart.Close()
		b.reference.Close()
	}
	clear(p.conns)
	p.cur = nil
	b, err := p.dial()
	if err != nil {
		return err
	}
	defer b.redstart.Close()
	defer b.reference.Close()
	return b.each(func(c *peer.Conn) error {
		r, err := c.Do("FLUSHALL")
		if err == nil && r.IsError() {
			err = fmt.Errorf("FLUSHALL: %v", r)
		}
		return err
	})
}

func (p *pair) dial() (*both, error) {
	a, err := peer.Dial(p.redstart.Addr)
	if err != nil {
		return nil, fmt.Errorf("redstart: %w", err)
	}
	b, err := peer.Dial(p.reference.Addr)
	if err != nil {
		a.Close()
		return nil, fmt.Errorf("reference: %w", err)
	}
	a.SetWait(replyLimit)
	b.SetWait(replyLimit)
	return &both{a, b}, nil
}

// use makes n the current connection and opens it at its first use.
func (p *pair) use(n, proto int) error {
	p.curN = n
	if p.cur = p.conns[n]; p.cur != nil {
		return nil
	}
	b, err := p.dial()
	if err != nil {
		return err
	}
	p.conns[n], p.cur = b, b
	if proto == 3 {
		return p.hello(3)
	}
	return nil
}

func (p *pair) hello(proto int) error {
	return p.cur.each(func(c *peer.Conn) error {
		r, err := c.Do("HELLO", strconv.Itoa(proto))
		if err == nil && r.IsError() {
			err = fmt.Errorf("HELLO: %v", r)
		}
		return err
	})
}

func (p *pair) send(args []string) error {
	return p.cur.each(func(c *peer.Conn) error { return c.Send(args...) })
}

func (p *pair) sendRaw(b string) error {
	return p.cur.each(func(c *peer.Conn) error { return c.SendRaw([]byte(b)) })
}

// compare reads one reply of each server and returns what differs.
func (p *pair) compare(h how) (diff string, err error) {
	a, errA := p.cur.redstart.Read()
	b, errB := p.cur.reference.Read()
	if errA != nil && errB != nil {
		return "", fmt.Errorf("neither replied: redstart: %v; reference: %v", errA, errB)
	}
	if errA != nil {
		return "", fmt.Errorf("redstart: %w, reference: %s", errA, b.Raw)
	}
	if errB != nil {
		return "", fmt.Errorf("reference: %w, redstart: %s", errB, a.Raw)
	}
	if same(a, b, h) {
		return "", nil
	}
	return describe(a, b), nil
}

func describe(a, b peer.Reply) string {
	return fmt.Sprintf("  redstart:  %.2000s\n  reference: %.2000s\n  raw redstart:  %.600q\n  raw reference: %.600q", a, b, a.Raw, b.Raw)
}

// same compares two replies.
func same(a, b peer.Reply, h how) bool {
	if h.exact() {
		return string(a.Raw) == string(b.Raw)
	}
	if h.kind {
		return a.Kind == b.Kind && a.Null == b.Null
	}
	if h.near > 0 {
		return near(a.Value, b.Value, h.near)
	}
	if h.sort {
		a.Value, b.Value = sorted(a.Value), sorted(b.Value)
	}
	x, y := a.String(), b.String()
	for _, re := range h.masks {
		x, y = re.ReplaceAllString(x, "…"), re.ReplaceAllString(y, "…")
	}
	return x == y
}

// near compares values whose integers, on any level, may differ by up to limit;
// those below zero have meanings of their own and may not.
func near(a, b resp.Value, limit int64) bool {
	if a.Kind != b.Kind || a.Null != b.Null || len(a.Elems) != len(b.Elems) {
		return false
	}
	if a.Kind == resp.KindInt {
		return a.Int == b.Int || a.Int >= 0 && b.Int >= 0 && max(a.Int-b.Int, b.Int-a.Int) <= limit
	}
	for i := range a.Elems {
		if !near(a.Elems[i], b.Elems[i], limit) {
			return false
		}
	}
	return string(a.Str) == string(b.Str)
}

// sorted orders the elements of aggregates, of maps their pairs.
func sorted(v resp.Value) resp.Value {
	elems := make([]resp.Value, len(v.Elems))
	for i, e := range v.Elems {
		elems[i] = sorted(e)
	}
	if v.Kind == resp.KindMap {
		type entry struct{ k, v resp.Value }
		pairs := make([]entry, 0, len(elems)/2)
		for i := 0; i+1 < len(elems); i += 2 {
			pairs = append(pairs, entry{elems[i], elems[i+1]})
		}
		slices.SortFunc(pairs, func(a, b entry) int { return strings.Compare(a.k.String(), b.k.String()) })
		for i, e := range pairs {
			elems[2*i], elems[2*i+1] = e.k, e.v
		}
	} else {
		slices.SortFunc(elems, func(a, b resp.Value) int { return strings.Compare(a.String(), b.String()) })
	}
	v.Elems = elems
	return v
}

// expectEOF reports a server that does not close the current connection, and
// opens it anew.
func (p *pair) expectEOF(proto int) (diff string, err error) {
	check := func(name string, c *peer.Conn) {
		if r, err := c.Read(); !isClosed(err) {
			diff += fmt.Sprintf("  %s does not close the connection: %v %v\n", name, r, err)
		}
		c.Close()
	}
	check("redstart", p.cur.redstart)
	check("reference", p.cur.reference)
	delete(p.conns, p.curN)
	return diff, p.use(p.curN, proto)
}

func isClosed(err error) bool {
	if err == nil {
		return false
	}
	var ne net.Error
	return errors.Is(err, io.EOF) || !(errors.As(err, &ne) && ne.Timeout())
}

// expectSilence reports a server that replies within d.
func (p *pair) expectSilence(d time.Duration) (diff string, err error) {
	for name, c := range map[string]*peer.Conn{"redstart": p.cur.redstart, "reference": p.cur.reference} {
		c.SetWait(d)
		if r, err := c.Read(); err == nil || isClosed(err) {
			diff += fmt.Sprintf("  %s is not silent: %v %v\n", name, r, err)
		}
		c.SetWait(replyLimit)
	}
	return diff, nil
}

// replyLimit is how long a reply may take.
const replyLimit = 30 * time.Second
