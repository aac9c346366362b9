package cmddocs_test

import (
	"bufio"
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redstart-db/redstart/internal/command/cmddocs"
	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// writer is an Emitter that encodes the reply.
type writer struct {
	buf   []byte
	proto int
}

func (w *writer) Map(n int)       { w.buf = resp.AppendMap(w.buf, n, w.proto) }
func (w *writer) Array(n int)     { w.buf = resp.AppendArray(w.buf, n) }
func (w *writer) Set(n int)       { w.buf = resp.AppendSet(w.buf, n, w.proto) }
func (w *writer) Bulk(s string)   { w.buf = resp.AppendBulkString(w.buf, s) }
func (w *writer) Simple(s string) { w.buf = resp.AppendSimple(w.buf, s) }
func (w *writer) Int(n int64)     { w.buf = resp.AppendInt(w.buf, n) }

type emitFunc func(e cmddocs.Emitter, c *cmddocs.Command, known func(string) bool)

// emitted returns what emit writes, and fails unless that is exactly one value.
func emitted(t *testing.T, emit emitFunc, c *cmddocs.Command, proto int, known func(string) bool) resp.Value {
	t.Helper()
	w := &writer{proto: proto}
	emit(w, c, known)
	br := bufio.NewReader(bytes.NewReader(w.buf))
	v, err := resp.ReadValue(br, 32, 1<<20)
	if err != nil || br.Buffered() != 0 {
		t.Fatalf("%s: not one value (%v, %d bytes left): %q", c.Name, err, br.Buffered(), w.buf)
	}
	return v
}

// text is a piece of prose of a reply and where it stands.
type text struct{ where, text string }

// mask takes the prose out of the value v, in place, brings subcommands into
// alphabetical order, and returns the prose in the order of the masked value.
func mask(where string, v resp.Value) []text {
	var prose []text
	take := func(key string, v *resp.Value) {
		prose = append(prose, text{where + " " + key, string(v.Str)})
		v.Str = []byte("…")
	}
	// The list of pairs is a map in RESP3 and an array in RESP2.
	for i := 0; i+1 < len(v.Elems); i += 2 {
		value := &v.Elems[i+1]
		switch key := string(v.Elems[i].Str); key {
		case "summary", "complexity", "replaced_by", "notes":
			take(key, value)
		case "history":
			for j := range value.Elems {
				take(key, &value.Elems[j].Elems[1])
			}
		case "subcommands":
			sortPairs(value.Elems)
			for j := 0; j+1 < len(value.Elems); j += 2 {
				prose = append(prose, mask(string(value.Elems[j].Str), value.Elems[j+1])...)
			}
		}
	}
	return prose
}

func sortPairs(elems []resp.Value) {
	type pair struct{ key, value resp.Value }
	var pairs []pair
	for i := 0; i+1 < len(elems); i += 2 {
		pairs = append(pairs, pair{elems[i], elems[i+1]})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return bytes.Compare(a.key.Str, b.key.Str) })
	for i, p := range pairs {
		elems[2*i], elems[2*i+1] = p.key, p.value
	}
}

// maskInfo is mask for an element of COMMAND INFO.
func maskInfo(v resp.Value) []text {
	name := string(v.Elems[0].Str)
	var prose []text
	for _, spec := range v.Elems[8].Elems {
		prose = append(prose, mask(name, spec)...)
	}
	subs := v.Elems[9].Elems
	slices.SortFunc(subs, func(a, b resp.Value) int { return bytes.Compare(a.Elems[0].Str, b.Elems[0].Str) })
	for _, sub := range subs {
		prose = append(prose, maskInfo(sub)...)
	}
	return prose
}

// startReference starts the reference and returns it and the names of all its
// commands and subcommands.
func startReference(t *testing.T) (*peer.Server, []string) {
	t.Helper()
	server := peer.Start(t, peer.Options{})
	conn := server.Dial(t)
	if info := conn.Must(t, "INFO", "server"); !bytes.Contains(info.Str, []byte("redis_version:7.0.")) {
		t.Skip("the reference is not of version 7.0")
	}
	var names []string
	for _, v := range conn.Must(t, "COMMAND", "LIST").Elems {
		name := string(v.Str)
		names = append(names, name)
		for _, sub := range conn.Must(t, "COMMAND", "INFO", name).Elems[0].Elems[9].Elems {
			names = append(names, string(sub.Elems[0].Str))
		}
	}
	return server, names
}

func TestRepliesEqualTheReference(t *testing.T) {
	server, names := startReference(t)
	isKnown := make(map[string]bool)
	for _, name := range names {
		isKnown[name] = true
	}
	known := func(name string) bool { return isKnown[name] }
	for _, name := range cmddocs.Names() {
		if c, _ := cmddocs.Lookup(name); !known(name) && strings.Compare(c.Since, "7.1") < 0 {
			t.Errorf("the reference has no %s", name)
		}
	}
	var ours, theirs []text
	for _, proto := range []int{2, 3} {
		conn := server.Dial(t)
		if proto == 3 {
			conn.Must(t, "HELLO", "3")
		}
		for _, name := range names {
			c, ok := cmddocs.Lookup(name)
			if !ok {
				t.Errorf("%s is not described", name)
				continue
			}
			want := conn.Must(t, "COMMAND", "INFO", name).Elems[0]
			got := emitted(t, cmddocs.EmitInfo, c, proto, known)
			theirs = append(theirs, maskInfo(want)...)
			ours = append(ours, maskInfo(got)...)
			if got.String() != want.String() {
				t.Errorf("RESP%d COMMAND INFO %s\n got %v\nwant %v", proto, name, got, want)
			}

			want = conn.Must(t, "COMMAND", "DOCS", name).Elems[1]
			got = emitted(t, cmddocs.EmitDocs, c, proto, known)
			theirs = append(theirs, mask(name, want)...)
			ours = append(ours, mask(name, got)...)
			if got.String() != want.String() {
				t.Errorf("RESP%d COMMAND DOCS %s\n got %v\nwant %v", proto, name, got, want)
			}
		}
	}
	if t.Failed() {
		return // The two lists of prose do not correspond.
	}
	compareProse(t, ours, theirs)
}

var quoted = regexp.MustCompile("`!?([^`]+)`")

// compareProse fails where our words are not our own, or where the commands and
// options that replace a deprecated command are others than Redis says.
func compareProse(t *testing.T, ours, theirs []text) {
	t.Helper()
	if len(ours) != len(theirs) || len(ours) < 1000 {
		t.Fatalf("%d texts of ours, %d of the reference", len(ours), len(theirs))
	}
	for i, our := range ours {
		their := theirs[i]
		if our.where != their.where {
			t.Fatalf("the text on %s is compared with that on %s", our.where, their.where)
		}
		if strings.HasSuffix(our.where, "replaced_by") {
			a, b := quoted.FindAllStringSubmatch(our.text, -1), quoted.FindAllStringSubmatch(their.text, -1)
			if !slices.EqualFunc(a, b, func(x, y []string) bool { return x[1] == y[1] }) {
				t.Errorf("%s is %q, the reference has %q", our.where, our.text, their.text)
			}
		}
		if len(strings.Fields(their.text)) > 3 && plain(our.text) == plain(their.text) {
			t.Errorf("%s is the reference's: %q", our.where, our.text)
		}
	}
}

// plain reduces a text to what is left of it if its marks are ignored.
func plain(s string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" .,;:`()", r) }), " "))
}

func TestCategoriesAreInTheOrderOfACLCat(t *testing.T) {
	server, _ := startReference(t)
	var order []string
	for _, v := range server.Dial(t).Must(t, "ACL", "CAT").Elems {
		order = append(order, string(v.Str))
	}
	for _, name := range cmddocs.Names() {
		c, _ := cmddocs.Lookup(name)
		last := -1
		for _, category := range c.Categories {
			rank := slices.Index(order, category)
			if rank <= last {
				t.Errorf("%s: %v", name, c.Categories)
			}
			last = rank
		}
	}
}

func TestUnknownSubcommandsAreLeftOut(t *testing.T) {
	c, _ := cmddocs.Lookup("config")
	known := func(name string) bool { return name == "config|get" }
	info := emitted(t, cmddocs.EmitInfo, c, 3, known)
	if subs := info.Elems[9]; subs.Kind != resp.KindArray || len(subs.Elems) != 1 || string(subs.Elems[0].Elems[0].Str) != "config|get" {
		t.Errorf("INFO: %v", subs)
	}
	docs := emitted(t, cmddocs.EmitDocs, c, 3, known)
	if subs := docs.Elems[len(docs.Elems)-1]; len(subs.Elems) != 2 || string(subs.Elems[0].Str) != "config|get" {
		t.Errorf("DOCS: %v", subs)
	}

	none := func(string) bool { return false }
	if subs := emitted(t, cmddocs.EmitInfo, c, 3, none).Elems[9]; subs.Kind != resp.KindSet || len(subs.Elems) != 0 {
		t.Errorf("INFO without subcommands: %v", subs)
	}
	if docs := emitted(t, cmddocs.EmitDocs, c, 3, none); strings.Contains(docs.String(), "subcommands") {
		t.Errorf("DOCS without subcommands: %v", docs)
	}
	if got := len(emitted(t, cmddocs.EmitInfo, c, 2, nil).Elems[9].Elems); got != len(c.Subcommands) {
		t.Errorf("INFO has %d of %d subcommands", got, len(c.Subcommands))
	}
}
