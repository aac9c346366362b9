package connection

import (
	"strings"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/session"
)

const (
	errRedirectTwice = "ERR A client can only redirect to a single other client"
	errNoRedirect    = "ERR The client ID you want redirect to does not exist"
	errPrefixMode    = "ERR PREFIX option requires BCAST mode to be enabled"
	errSwitchBCast   = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
	errOptBCast      = "ERR OPTIN and OPTOUT are not compatible with BCAST"
	errBothOpts      = "ERR You can't specify both OPTIN mode and OPTOUT mode"
	errSwitchOpt     = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
	errCaching       = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
	errCachingYes    = "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
	errCachingNo     = "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
)

// trackingArgs reads the options of CLIENT TRACKING.
func (f *family) trackingArgs(c *command.Ctx) (t session.Tracking, redirect *session.Session, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		switch {
		case c.Is(i, "REDIRECT") && more:
			i++
			if redirect != nil {
				c.Err(errRedirectTwice)
				return t, nil, false
			}
			id, ok := c.IntArg(i)
			if !ok {
				return t, nil, false
			}
			if redirect = f.server.FindSession(c, uint64(id)); redirect == nil {
				c.Err(errNoRedirect)
				return t, nil, false
			}
		case c.Is(i, "BCAST"):
			t.BCast = true
		case c.Is(i, "OPTIN"):
			t.OptIn = true
		case c.Is(i, "OPTOUT"):
			t.OptOut = true
		case c.Is(i, "NOLOOP"):
			t.NoLoop = true
		case c.Is(i, "PREFIX") && more:
			i++
			t.Prefixes = append(t.Prefixes, string(c.Args[i]))
		default:
			c.Err(command.ErrSyntax)
			return t, nil, false
		}
	}
	return t, redirect, true
}

func (f *family) tracking(c *command.Ctx) {
	t, redirect, ok := f.trackingArgs(c)
	if !ok {
		return
	}
	cl := client(c.Sess)
	switch {
	case c.Is(2, "OFF"):
		cl.Untrack()
		c.OK()
		return
	case !c.Is(2, "ON"):
		c.Err(command.ErrSyntax)
		return
	}
	if text := trackingConflict(t, cl.Tracking(), c.Sess.Has(session.Tracks)); text != "" {
		c.Err(text)
		return
	}
	if c.Sess.Conn == nil {
		c.Err("ERR CLIENT TRACKING needs a connection that messages can be sent to")
		return
	}
	cl.Track(c, t, redirect)
	c.OK()
}

// trackingConflict tells why a client that tracks as was says cannot do so as t says.
func trackingConflict(t, was session.Tracking, on bool) string {
	switch {
	case len(t.Prefixes) > 0 && !t.BCast:
		return errPrefixMode
	case on && t.BCast != was.BCast:
		return errSwitchBCast
	case t.BCast && (t.OptIn || t.OptOut):
		return errOptBCast
	case t.OptIn && t.OptOut:
		return errBothOpts
	case t.OptIn && was.OptOut, t.OptOut && was.OptIn:
		return errSwitchOpt
	}
	for i, p := range t.Prefixes {
		for _, old := range was.Prefixes {
			if overlap(p, old) {
				return "ERR Prefix '" + p + "' overlaps with an existing prefix '" + old +
					"'. Prefixes for a single client must not overlap."
			}
		}
		for _, other := range t.Prefixes[i+1:] {
			if overlap(p, other) {
				return "ERR Prefix '" + p + "' overlaps with another provided prefix '" + other +
					"'. Prefixes for a single client must not overlap."
			}
		}
	}
	return ""
}

// overlap tells whether there are keys that begin with both.
func overlap(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

// caching says what OPTIN and OPTOUT need to know of the next command.
func caching(c *command.Ctx) {
	t := client(c.Sess).Tracking()
	switch {
	case !c.Sess.Has(session.Tracks):
		c.Err(errCaching)
		return
	case c.Is(2, "YES") && !t.OptIn:
		c.Err(errCachingYes)
		return
	case c.Is(2, "NO") && !t.OptOut:
		c.Err(errCachingNo)
		return
	case !c.Is(2, "YES") && !c.Is(2, "NO"):
		c.Err(command.ErrSyntax)
		return
	}
	c.Sess.Flags |= session.Caching
	c.OK()
}

// redirectOf tells where messages for a client go: -1 if it does not track, 0 if to
// itself.
func redirectOf(s *session.Session) int64 {
	if !s.Has(session.Tracks) {
		return -1
	}
	return int64(client(s).Tracking().Redirect)
}

func getRedir(c *command.Ctx) { c.Int(redirectOf(c.Sess)) }

func trackingInfo(c *command.Ctx) {
	t, on, caching := client(c.Sess).Tracking(), c.Sess.Has(session.Tracks), c.Sess.Has(session.Caching)
	var flags []string
	for _, f := range [...]struct {
		is   bool
		name string
	}{
		{!on, "off"}, {on, "on"}, {t.BCast, "bcast"},
		{t.OptIn, "optin"}, {t.OptIn && caching, "caching-yes"},
		{t.OptOut, "optout"}, {t.OptOut && caching, "caching-no"},
		{t.NoLoop, "noloop"}, {t.Broken, "broken_redirect"},
	} {
		if f.is {
			flags = append(flags, f.name)
		}
	}
	c.Map(3)
	c.Str("flags")
	c.Set(len(flags))
	for _, name := range flags {
		c.Str(name)
	}
	c.Str("redirect")
	c.Int(redirectOf(c.Sess))
	c.Str("prefixes")
	c.Array(len(t.Prefixes))
	for _, p := range t.Prefixes {
		c.Str(p)
	}
}
