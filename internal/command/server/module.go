package server

import "github.com/redstart-db/redstart/internal/command"

// Modules are programs in machine code for the inside of Redis: none can be loaded, so
// none ever is. What tools ask about them is answered all the same.
func moduleSpec() command.Spec {
	const (
		about = command.Admin | command.NoScript
		load  = about | command.Protected
	)
	return command.Spec{Name: "module", Arity: -2, Subs: []command.Spec{
		{Name: "module|help", Arity: 2, Flags: command.Loading | command.Stale, Run: moduleHelp},
		{Name: "module|list", Arity: 2, Flags: about, Run: func(c *command.Ctx) { c.Array(0) }},
		{Name: "module|load", Arity: -3, Flags: load, Run: moduleLoad},
		{Name: "module|loadex", Arity: -3, Flags: load, Run: moduleLoad},
		{Name: "module|unload", Arity: 3, Flags: load, Run: func(c *command.Ctx) { c.Err(errNoModule) }},
	}}
}

const (
	errModuleLoad = "ERR Error loading the extension. Please check the server logs."
	errNoModule   = "ERR Error unloading module: no such module with that name"
)

func moduleLoad(c *command.Ctx) {
	c.Logger.Warn("Modules cannot be loaded: they are made for the inside of Redis", "path", string(c.Args[2]))
	c.Err(errModuleLoad)
}

func moduleHelp(c *command.Ctx) {
	c.Help(
		"LIST",
		"    The modules that are loaded: none.",
		"LOAD <path> [<arg> ...]",
		"    Refused: modules are made for the inside of Redis.",
		"LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
		"    The same.",
		"UNLOAD <name>",
		"    There is none to unload.",
	)
}
