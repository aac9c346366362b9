// Package hostile tests that no input crashes the server, stalls it for others or
// makes it take memory without bound: the classes of vulnerabilities that servers
// of this protocol have had. The server is a process of its own. All the time
// another client's PING has to be answered within a tenth of a second.
package hostile
