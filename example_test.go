package redstart_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"

	"github.com/redis/go-redis/v9"
	"github.com/redstart-db/redstart"
)

func Example() {
	ctx := context.Background()
	db, err := redstart.Open(redstart.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	if _, err := db.Do(ctx, "SET", "greeting", "hello"); err != nil {
		log.Fatal(err)
	}
	s, err := redstart.String(db.Do(ctx, "GET", "greeting"))
	fmt.Println(s, err)
	// Output: hello <nil>
}

// A client library connects through memory, without a port.
func ExampleServer_Dialer() {
	ctx := context.Background()
	db, err := redstart.Open(redstart.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	client := redis.NewClient(&redis.Options{Dialer: db.Dialer()})
	defer client.Close()
	if err := client.Set(ctx, "greeting", "hello", 0).Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Get(ctx, "greeting").Val())
	// Output: hello
}

// Commands that belong together need a session.
func ExampleServer_Conn() {
	ctx := context.Background()
	db, err := redstart.Open(redstart.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	c, err := db.Conn()
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for _, command := range [][]any{
		{"MULTI"},
		{"SET", "a", 1},
		{"GET", "a"},
	} {
		if _, err := c.Do(ctx, command...); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(c.Do(ctx, "EXEC"))
	// Output: [OK 1] <nil>
}

// An instance that other programs can reach.
func ExampleServer_Serve() {
	db, err := redstart.Open(redstart.Options{MaxMemory: 64 << 20, MaxMemoryPolicy: "allkeys-lru"})
	if err != nil {
		log.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- db.Serve(ln) }()

	client := redis.NewClient(&redis.Options{Addr: ln.Addr().String()})
	fmt.Println(client.Ping(context.Background()).Val())
	client.Close()

	db.Close()
	fmt.Println(<-served)
	// Output:
	// PONG
	// redstart: closed
}

// With a folder the data is there again after the next Open.
func ExampleOptions_dir() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "redstart")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	for range 3 {
		db, err := redstart.Open(redstart.Options{
			Dir:        dir,
			Directives: map[string]string{"appendonly": "yes"}, // not only Close is to save
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(db.Do(ctx, "INCR", "starts"))
		if err := db.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}
