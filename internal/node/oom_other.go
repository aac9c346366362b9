//go:build !linux

package node

// adjustOOMScore does nothing: there is no such setting here.
func (n *Node) adjustOOMScore() error { return nil }
