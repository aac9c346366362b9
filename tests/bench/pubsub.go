package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
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

// measurePubSub runs it on each server. The readers are in this process, so it should
// be started on the processor of the load: taskset -c 1 bench -loads pubsub.
func (s settings) measurePubSub(w io.Writer) error {
	fmt.Fprintf(w, "Messages of 64 bytes from one publisher to %d subscribers of its channel. Processor time of the server per message delivered, µs; median of %d runs.\n\n",
		pubsubReaders, s.repeats)
	fmt.Fprint(w, "| server |")
	for _, p := range pubsubPipelines {
		fmt.Fprintf(w, " pipeline %d |", p)
	}
	fmt.Fprintln(w, "\n|---|"+strings.Repeat("---|", len(pubsubPipelines)))
	for _, c := range s.contenders {
		fmt.Fprintf(w, "| %s |", c.name)
		for _, pipeline := range pubsubPipelines {
			cost, err := s.pubsub(c, pipeline)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			fmt.Fprintf(w, " %.3f |", cost)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	return nil
}

// audience is the subscribers of a server.
type audience struct {
	conns []net.Conn
	bytes atomic.Int64
}

func newAudience(server *peer.Server) (*audience, error) {
	a := new(audience)
	for range pubsubReaders {
		nc, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(server.Port))
		if err != nil {
			return a, err
		}
		a.conns = append(a.conns, nc)
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
	return a, nil
}

// pubsub gives the median cost of a delivery in microseconds.
func (s settings) pubsub(c contender, pipeline int) (float64, error) {
	server, err := s.start(c)
	if err != nil {
		return 0, err
	}
	defer server.Stop()
	a, err := newAudience(server)
	defer func() {
		for _, nc := range a.conns {
			nc.Close()
		}
	}()
	if err != nil {
		return 0, err
	}
	publisher, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(server.Port))
	if err != nil {
		return 0, err
	}
	defer publisher.Close()
	var costs []float64
	for run := range s.repeats + 1 {
		before, err := cpuTime(server.Pid)
		if err != nil {
			return 0, err
		}
		messages := pubsubMessages / s.divide / pipeline * pipeline
		if err := a.hear(publisher, messages, pipeline); err != nil {
			return 0, err
		}
		after, err := cpuTime(server.Pid)
		if err != nil {
			return 0, err
		}
		if run > 0 { // the first one warms it up
			costs = append(costs, float64((after-before).Nanoseconds())/1000/float64(messages*pubsubReaders))
		}
	}
	slices.Sort(costs)
	return costs[len(costs)/2], nil
}

// hear publishes messages and waits until everybody has got all of them.
func (a *audience) hear(publisher net.Conn, messages, pipeline int) error {
	text := strings.Repeat("x", 64)
	request := []byte(strings.Repeat(string(resp.AppendCommandString(nil, "PUBLISH", "channel", text)), pipeline))
	message := int64(len(fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$64\r\n%s\r\n", text)))
	goal := a.bytes.Load() + message*int64(messages)*pubsubReaders
	br := bufio.NewReader(publisher)
	for sent := 0; sent < messages; sent += pipeline {
		if _, err := publisher.Write(request); err != nil {
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
