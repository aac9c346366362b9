// Command redstart is the server.
package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/redstart-db/redstart/internal/config"
	"github.com/redstart-db/redstart/internal/node"
)

func main() {
	cfg := config.Default()
	if len(os.Args) > 2 && os.Args[1] == "--port" {
		fmt.Sscan(os.Args[2], &cfg.Port)
	}
	n, err := node.Open(cfg, slog.Default())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", cfg.Port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := n.Serve(ln); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("Ready to accept connections on", ln.Addr())
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGINT, syscall.SIGTERM)
	<-sig
	n.Close()
}
