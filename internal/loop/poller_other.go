//go:build !linux

package loop

import "net"

// poller stands for the event loops other systems do not have.
type poller struct{}

// acceptor stands for a listener watched by an event loop.
type acceptor struct{}

func startPollers(*Group, int) ([]*poller, error) { return nil, nil }

func (g *Group) adopt(net.Listener) (*acceptor, error) { return nil, nil }

func (a *acceptor) release() {}

func (p *poller) do(func()) bool { return false }

func (p *poller) settle(chan<- struct{}) bool { return false }

func (p *poller) stop() {}

func (p *poller) pass() {}
