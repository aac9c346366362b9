package pubsub

import (
	"fmt"
	"sync"
	"testing"

	"github.com/redstart-db/redstart/internal/session"
)

// ear is a connection that keeps what is pushed.
type ear struct {
	session.Conn
	mu  sync.Mutex
	got []string
}

func (e *ear) Push(b []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = append(e.got, string(b))
}

func (e *ear) heard() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := fmt.Sprintf("%q", e.got)
	e.got = nil
	return s
}

func TestDelivery(t *testing.T) {
	var h Hub
	var a, b ear
	sa, sb := h.NewSubscriber(&a, 2), h.NewSubscriber(&b, 3)
	sa.Subscribe(Channel, []byte("c"))
	sa.Subscribe(Channel, []byte("c"))
	sa.Subscribe(Shard, []byte("c"))
	sb.Subscribe(Channel, []byte("c"))
	sb.Subscribe(Pattern, []byte("[a-c]"))
	check := func(k Kind, want int, heardA, heardB string) {
		t.Helper()
		if n := h.Publish(k, []byte("c"), []byte("x")); n != want {
			t.Errorf("sent %d times, want %d", n, want)
		}
		if got := a.heard(); got != heardA {
			t.Errorf("a heard %s, want %s", got, heardA)
		}
		if got := b.heard(); got != heardB {
			t.Errorf("b heard %s, want %s", got, heardB)
		}
	}
	const (
		message2 = `"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n"`
		message3 = `">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n"`
		pattern3 = `">4\r\n$8\r\npmessage\r\n$5\r\n[a-c]\r\n$1\r\nc\r\n$1\r\nx\r\n"`
		shard2   = `"*3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nx\r\n"`
	)
	check(Channel, 3, "["+message2+"]", "["+message3+" "+pattern3+"]")
	check(Shard, 1, "["+shard2+"]", "[]")
	sa.Unsubscribe(Channel, []byte("c"))
	sa.Unsubscribe(Channel, []byte("c"))
	check(Channel, 2, "[]", "["+message3+" "+pattern3+"]")
	sb.Leave()
	check(Channel, 0, "[]", "[]")
	sa.Leave()
	for k := range kinds {
		if len(h.topics[k]) != 0 || sa.Count(k) != 0 {
			t.Errorf("topics of kind %d are left: %v", k, h.topics[k])
		}
	}
}

// Subscribers that come and go while others publish miss nothing that is sent
// between their confirmation and their end, in order.
func TestOrderAmongMany(t *testing.T) {
	var h Hub
	var wg sync.WaitGroup
	ears := make([]ear, 8)
	for i := range ears {
		s := h.NewSubscriber(&ears[i], 2)
		s.Subscribe(Channel, []byte("c"))
		defer s.Leave()
	}
	for i := range 4 {
		wg.Add(2)
		go func() {
			defer wg.Done()
			for n := range 200 {
				h.Publish(Channel, []byte("c"), fmt.Appendf(nil, "%d-%d", i, n))
			}
		}()
		go func() {
			defer wg.Done()
			var e ear
			for range 200 {
				s := h.NewSubscriber(&e, 3)
				s.Subscribe(Channel, []byte("c"))
				s.Subscribe(Pattern, []byte("*"))
				s.Leave()
			}
		}()
	}
	wg.Wait()
	first := ears[0].heard()
	for i := 1; i < len(ears); i++ {
		if ears[i].heard() != first {
			t.Fatalf("subscriber %d heard something else than the first, or in another order", i)
		}
	}
}
