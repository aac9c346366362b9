//go:build !unix

package node

// fitMaxClients gives what is wanted: there is no limit to ask for here.
func (n *Node) fitMaxClients(want int) int { return want }
