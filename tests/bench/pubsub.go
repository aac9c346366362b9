package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redstart-db/redstart/internal/resp"
	"github.com/redstart-db/redstart/tests/peer"
)

// What messages are measured with: one connection publishes to one channel, to which
// many others have subscribed.
const (
	pubsubReaders  = 1000
	pubsubMessages = 1600 // of 64 bytes, in one run
)

// pubsubPipelines is how many messages the publisher sends before it waits for the
// replies.
var pubsubPipelines = [...]int{1, 16}

// measurePubSub runs it on each server, in turns. The readers are in this process, so it should be started on the
// processor of the load: taskset -c 1 bench -loads pubsub.
func (s settings) measurePubSub(w io.Writer) error {
	reference := s.contenders[len(s.contenders)-1].name
	fmt.Fprintf(w, "Messages of 64 bytes from one publisher to %d subscribers of its channel. Processor time of the server per message delivered, µs; "+
		"median (lowest, highest) of %d runs.\n\n", pubsubReaders, s.repeats)
	fmt.Fprintf(w, "| messages at a time | server | µs | to %s |\n|---|---|---|---|\n", reference)
	for _, pipeline := range pubsubPipelines {
		all, err := s.pubsub(pipeline)
		if err != nil {
			return err
		}
		base := spreadOf(all[len(all)-1]).median
		for i, costs := range all {
			cost := spreadOf(costs)
			fmt.Fprintf(w, "| %d | %s | %.3f (%.3f, %.3f) | %.2f |\n", pipeline, s.contenders[i].name, cost.median, cost.low, cost.high, cost.median/base)
		}
	}
	fmt.Fprintln(w)
	return nil
}

// audience is a server, its subscribers and the one who publishes.
type audience struct {
	server    *peer.Server
	publisher net.Conn
	conns     []net.Conn
	bytes     atomic.Int64
}

func (a *audience) close() {
	syscall.Kill(a.server.Pid, syscall.SIGCONT)
	for _, nc := range a.conns {
		nc.Close()
	}
	a.server.Stop()
}

// newAudience starts a server and has others subscribe. What it returns has to be closed, also with an error.
func (s settings) newAudience(c contender) (*audience, error) {
	server, err := s.start(c)
	if err != nil {
		return nil, err
	}
	a := &audience{server: server}
	dial := func() (net.Conn, error) {
		nc, err := net.Dial("tcp", server.Addr)
		if err == nil {
			a.conns = append(a.conns, nc)
		}
		return nc, err
	}
	if a.publisher, err = dial(); err != nil {
		return a, err
	}
	for range pubsubReaders {
		nc, err := dial()
		if err != nil {
			return a, err
		}
		if _, err := nc.Write(resp.AppendCommandString(nil, "SUBSCRIBE", "channel")); err != nil {
			return a, err
		}
		want := "*3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n"
		got := make([]byte, len(want))
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
			return a, fmt.Errorf("SUBSCRIBE: %q, %v", got, err)
		}
		go func() {
			buf := make([]byte, 16<<10)
			for {
				n, err := nc.Read(buf)
				a.bytes.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
	}
	return a, syscall.Kill(server.Pid, syscall.SIGSTOP)
}

// pubsub gives for each contender what deliveries cost in each run, in microseconds.
func (s settings) pubsub(pipeline int) ([][]float64, error) {
	var listeners []*audience
	defer func() {
		for _, a := range listeners {
			a.close()
		}
	}()
	for _, c := range s.contenders {
		a, err := s.newAudience(c)
		if a != nil {
			listeners = append(listeners, a)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	costs := make([][]float64, len(listeners))
	messages := pubsubMessages / s.divide / pipeline * pipeline
	for run := range s.repeats + 1 {
		order := indexes(len(listeners))
		if run%2 == 1 {
			slices.Reverse(order)
		}
		for _, i := range order {
			cost, err := listeners[i].turn(messages, pipeline)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.contenders[i].name, err)
			}
			if run > 0 { // the first one warms it up
				costs[i] = append(costs[i], cost)
			}
		}
	}
	return costs, nil
}

// turn lets the server run once, and gives what a delivery cost it in microseconds.
func (a *audience) turn(messages, pipeline int) (float64, error) {
	if err := syscall.Kill(a.server.Pid, syscall.SIGCONT); err != nil {
		return 0, err
	}
	time.Sleep(100 * time.Millisecond)
	before, err := cpuTime(a.server.Pid)
	if err != nil {
		return 0, err
	}
	if err := a.hear(messages, pipeline); err != nil {
		return 0, err
	}
	after, err := cpuTime(a.server.Pid)
	if err != nil {
		return 0, err
	}
	return float64((after - before).Nanoseconds()) / 1000 / float64(messages*pubsubReaders), syscall.Kill(a.server.Pid, syscall.SIGSTOP)
}

// hear publishes messages and waits until everybody has got all of them.
func (a *audience) hear(messages, pipeline int) error {
	text := strings.Repeat("x", 64)
	request := []byte(strings.Repeat(string(resp.AppendCommandString(nil, "PUBLISH", "channel", text)), pipeline))
	message := int64(len(fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$64\r\n%s\r\n", text)))
	goal := a.bytes.Load() + message*int64(messages)*pubsubReaders
	br := bufio.NewReader(a.publisher)
	for sent := 0; sent < messages; sent += pipeline {
		if _, err := a.publisher.Write(request); err != nil {
			return err
		}
		for range pipeline {
			line, err := br.ReadString('\n')
			if err != nil || line != fmt.Sprintf(":%d\r\n", pubsubReaders) {
				return fmt.Errorf("PUBLISH: %q, %v", line, err)
			}
		}
	}
	for end := time.Now().Add(20 * time.Second); a.bytes.Load() < goal; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%d bytes of messages are missing", goal-a.bytes.Load())
		}
	}
	return nil
}
