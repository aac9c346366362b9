package command

// Help replies with the subcommands of a container command: lines are their
// usage and, indented by four spaces, what they do. The first line and that of
// HELP itself are added.
func (c *Ctx) Help(lines ...string) {
	c.Array(len(lines) + 3)
	c.Simple(upperWord(c.Spec) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
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
		upperWord(c.Spec) + " HELP.")
}

// upperWord is the name of a command, of a subcommand that of its container, in
// upper case.
func upperWord(s *Spec) string {
	if s.Parent != nil {
		s = s.Parent
	}
	b := []byte(s.Name)
	for i, x := range b {
		if 'a' <= x && x <= 'z' {
			b[i] = x - 'a' + 'A'
		}
	}
	return string(b)
}
