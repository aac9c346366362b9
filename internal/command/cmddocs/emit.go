package cmddocs

// Emitter receives a reply, element by element, in the types of RESP3. The one
// who writes RESP2 turns maps into arrays of twice the length and sets into
// arrays.
type Emitter interface {
	Map(pairs int)
	Array(elements int)
	Set(elements int)
	Bulk(s string)
	Simple(s string)
	Int(n int64)
}

// EmitInfo emits the element that COMMAND and COMMAND INFO reply for c. Of the
// subcommands those are included for which known is true; a nil known includes
// all.
func EmitInfo(e Emitter, c *Command, known func(name string) bool) {
	e.Array(10)
	e.Bulk(c.Name)
	e.Int(int64(c.Arity))
	emitStatusSet(e, "", c.Flags)
	e.Int(int64(c.First))
	e.Int(int64(c.Last))
	e.Int(int64(c.Step))
	emitStatusSet(e, "@", c.Categories)
	e.Set(len(c.Tips))
	for _, tip := range c.Tips {
		e.Bulk(tip)
	}
	e.Set(len(c.KeySpecs))
	for i := range c.KeySpecs {
		emitKeySpec(e, &c.KeySpecs[i])
	}
	subcommands := c.subcommands(known)
	if len(subcommands) == 0 {
		e.Set(0) // Redis's only use of a set here
		return
	}
	e.Array(len(subcommands))
	for _, sub := range subcommands {
		EmitInfo(e, sub, nil)
	}
}

func emitStatusSet(e Emitter, prefix string, values []string) {
	e.Set(len(values))
	for _, value := range values {
		e.Simple(prefix + value)
	}
}

func emitKeySpec(e Emitter, k *KeySpec) {
	fields := 3
	if k.Notes != "" {
		fields++
	}
	e.Map(fields)
	emitText(e, "notes", k.Notes)
	e.Bulk("flags")
	emitStatusSet(e, "", k.Flags)

	e.Bulk("begin_search")
	begin := &k.BeginSearch
	emitSpecHead(e, begin.Type)
	switch begin.Type {
	case "index":
		e.Map(1)
		emitInt(e, "index", begin.Index)
	case "keyword":
		e.Map(2)
		emitText(e, "keyword", begin.Keyword)
		emitInt(e, "startfrom", begin.StartFrom)
	default:
		e.Map(0)
	}

	e.Bulk("find_keys")
	find := &k.FindKeys
	emitSpecHead(e, find.Type)
	switch find.Type {
	case "range":
		e.Map(3)
		emitInt(e, "lastkey", find.LastKey)
		emitInt(e, "keystep", find.KeyStep)
		emitInt(e, "limit", find.Limit)
	case "keynum":
		e.Map(3)
		emitInt(e, "keynumidx", find.KeyNumIdx)
		emitInt(e, "firstkey", find.FirstKey)
		emitInt(e, "keystep", find.KeyStep)
	default:
		e.Map(0)
	}
}

func emitSpecHead(e Emitter, typ string) {
	e.Map(2)
	emitText(e, "type", typ)
	e.Bulk("spec")
}

// EmitDocs emits the value that COMMAND DOCS replies for c; the name before it
// is the caller's. Of the subcommands those are included for which known is
// true; a nil known includes all.
func EmitDocs(e Emitter, c *Command, known func(name string) bool) {
	subcommands := c.subcommands(known)
	fields := 0
	for _, present := range []bool{
		c.Summary != "", c.Since != "", c.Group != "", c.Complexity != "", len(c.DocFlags) > 0, c.DeprecatedSince != "",
		c.ReplacedBy != "", len(c.History) > 0, len(c.Arguments) > 0, len(subcommands) > 0,
	} {
		if present {
			fields++
		}
	}
	e.Map(fields)
	emitText(e, "summary", c.Summary)
	emitText(e, "since", c.Since)
	emitText(e, "group", c.Group)
	emitText(e, "complexity", c.Complexity)
	if len(c.DocFlags) > 0 {
		e.Bulk("doc_flags")
		emitStatusSet(e, "", c.DocFlags)
	}
	emitText(e, "deprecated_since", c.DeprecatedSince)
	emitText(e, "replaced_by", c.ReplacedBy)
	if len(c.History) > 0 {
		e.Bulk("history")
		e.Set(len(c.History))
		for _, change := range c.History {
			e.Array(2)
			e.Bulk(change.Version)
			e.Bulk(change.Text)
		}
	}
	emitArguments(e, c.Arguments)
	if len(subcommands) > 0 {
		e.Bulk("subcommands")
		e.Map(len(subcommands))
		for _, sub := range subcommands {
			e.Bulk(sub.Name)
			EmitDocs(e, sub, nil)
		}
	}
}

// emitArguments emits the pair of "arguments" and the list, nothing if there
// are none.
func emitArguments(e Emitter, args []Argument) {
	if len(args) == 0 {
		return
	}
	e.Bulk("arguments")
	e.Array(len(args))
	for i := range args {
		emitArgument(e, &args[i])
	}
}

func emitArgument(e Emitter, a *Argument) {
	// The token of MIGRATE's empty key is the empty string.
	hasToken := a.Token != "" || a.Type == "pure-token"
	fields := 2
	for _, present := range []bool{
		a.KeySpecIndex >= 0, hasToken, a.Since != "", a.DeprecatedSince != "", len(a.Flags) > 0, len(a.Args) > 0,
	} {
		if present {
			fields++
		}
	}
	e.Map(fields)
	emitText(e, "name", a.Name)
	emitText(e, "type", a.Type)
	if a.KeySpecIndex >= 0 {
		emitInt(e, "key_spec_index", a.KeySpecIndex)
	}
	if hasToken {
		e.Bulk("token")
		e.Bulk(a.Token)
	}
	emitText(e, "since", a.Since)
	emitText(e, "deprecated_since", a.DeprecatedSince)
	if len(a.Flags) > 0 {
		e.Bulk("flags")
		emitStatusSet(e, "", a.Flags)
	}
	emitArguments(e, a.Args)
}

// emitText emits the pair of a key and its text, nothing if there is no text.
func emitText(e Emitter, key, text string) {
	if text == "" {
		return
	}
	e.Bulk(key)
	e.Bulk(text)
}

func emitInt(e Emitter, key string, n int) {
	e.Bulk(key)
	e.Int(int64(n))
}

func (c *Command) subcommands(known func(name string) bool) []*Command {
	var list []*Command
	for _, name := range c.Subcommands {
		if known != nil && !known(name) {
			continue
		}
		if sub, ok := Lookup(name); ok {
			list = append(list, sub)
		}
	}
	return list
}
