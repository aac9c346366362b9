package command

// Help replies with the subcommands of a container command: lines are their
// usage and, indented by four spaces, what they do. The first line and that of
// HELP itself are added.
func (c *Ctx) Help(lines ...string) {
	c.Array(len(lines) + 3)
	c.Simple(upperWord(c.Args[0]) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, l := range lines {
		c.Simple(l)
	}
	c.Simple("HELP")
	c.Simple("    Prints this help.")
}

// UnknownSubcommand replies with the error of a container command that tells
// its subcommands apart by itself: sub does not exist or has a wrong number of
// arguments.
func (c *Ctx) UnknownSubcommand(sub []byte) {
	c.Err("ERR unknown subcommand or wrong number of arguments for '" + string(sub[:min(len(sub), 128)]) + "'. Try " +
		upperWord(c.Args[0]) + " HELP.")
}

// upperWord is the name by which a command was called, which rename-command may have
// changed, in upper case.
func upperWord(name []byte) string {
	b := append([]byte(nil), name...)
	for i, x := range b {
		if 'a' <= x && x <= 'z' {
			b[i] = x - 'a' + 'A'
		}
	}
	return string(b)
}
