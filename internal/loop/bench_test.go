package loop

import (
	"net"
	"testing"
)

// BenchmarkRoundTrip asks one request at a time; BenchmarkPipelined 100 together.
func BenchmarkRoundTrip(b *testing.B) { benchmark(b, 1) }
func BenchmarkPipelined(b *testing.B) { benchmark(b, 100) }

func benchmark(b *testing.B, pipeline int) {
	g, err := New(Config{Loops: 1, Handler: HandlerFunc(func(*Conn) (Client, []byte) { return repeat{}, nil })})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := g.Serve(ln); err != nil {
		b.Fatal(err)
	}
	run := func(name string, nc net.Conn) {
		defer nc.Close()
		b.Run(name, func(b *testing.B) {
			req, reply := make([]byte, 10*pipeline), make([]byte, 10*pipeline)
			b.ReportAllocs()
			for i := 0; i < b.N; i += pipeline {
				if _, err := nc.Write(req); err != nil {
					b.Fatal(err)
				}
				for n := 0; n < len(reply); {
					k, err := nc.Read(reply[n:])
					if err != nil {
						b.Fatal(err)
					}
					n += k
				}
			}
		})
	}
	tcp, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	run("tcp", tcp)
	client, server := Pipe()
	if err := g.ServeConn(server); err != nil {
		b.Fatal(err)
	}
	run("pipe", client)
}

// repeat returns what it gets.
type repeat struct{}

func (repeat) Process(in, out []byte) (int, []byte, Status) {
	return len(in), append(out, in...), Continue
}
func (repeat) Queued(int) bool { return true }

func (repeat) Buffered(int, int) bool { return true }
func (repeat) Closed(error)           {}
