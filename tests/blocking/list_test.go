package blocking

import (
	"strings"
	"testing"
	"time"
)

func TestArrivalOrder(t *testing.T) {
	each(t, func(w *world) {
		a := w.waiter("a", "BLPOP l 0")
		b := w.waiter("b", "BRPOP l 0")
		c := w.waiter("c", "BLPOP x l 0")
		w.blocked(3)
		w.do("RPUSH l 1", "1")
		a.gets("(l 1)")
		b.waits()
		w.do("RPUSH l 2 3 4", "3")
		b.gets("(l 4)")
		c.gets("(l 2)")
		w.do("LRANGE l 0 -1", "(3)")
		w.blocked(0)
		// One that comes back stands at the end.
		w.do("DEL l", "1")
		a.block("BLPOP l 0")
		b.block("BLPOP l 0")
		w.do("RPUSH l 1", "1")
		a.gets("(l 1)")
		a.block("BLPOP l 0")
		w.do("RPUSH l 2", "1")
		b.gets("(l 2)")
		w.do("RPUSH l 3", "1")
		a.gets("(l 3)")
	})
}

func TestManyPushes(t *testing.T) {
	each(t, func(w *world) {
		// LPUSH of several: a waiter sees the list when the command has ended.
		a := w.waiter("a", "BLPOP l 0")
		w.do("LPUSH l 1 2 3", "3")
		a.gets("(l 3)")
		w.do("DEL l", "1")
		a.block("BLMPOP 0 2 x l RIGHT COUNT 2")
		b := w.waiter("b", "BLMPOP 0 1 l LEFT COUNT 10")
		c := w.waiter("c", "BLPOP l 0")
		w.do("RPUSH l 1 2 3 4 5", "5")
		a.gets("(l (5 4))")
		b.gets("(l (1 2 3))")
		c.waits()
		w.do("EXISTS l", "0")
		w.do("RPUSH l z", "1")
		c.gets("(l z)")
	})
}

func TestSeveralKeys(t *testing.T) {
	each(t, func(w *world) {
		a := w.waiter("a", "BLPOP k1 k2 k3 0")
		w.do("RPUSH k3 three", "1")
		a.gets("(k3 three)")
		// Of several keys that become ready together, that which did first counts.
		a.block("BLPOP k1 k2 k3 0")
		w.do("MULTI", "OK")
		w.do("RPUSH k2 two", "QUEUED")
		w.do("RPUSH k1 one", "QUEUED")
		w.do("EXEC", "(1 1)")
		a.gets("(k2 two)")
		w.do("LRANGE k1 0 -1", "(one)")
		w.do("DEL k1", "1")
		// The same key several times.
		a.block("BLPOP k1 k1 k1 0")
		w.do("RPUSH k1 x y", "2")
		a.gets("(k1 x)")
		w.do("LPOP k1", "y")
		// The other keys do not remember.
		w.do("RPUSH k2 left", "1")
		w.do("LRANGE k2 0 -1", "(left)")
		a.do("PING", "PONG")
	})
}

func TestTimeouts(t *testing.T) {
	each(t, func(w *world) {
		c := w.client("c")
		for _, v := range []struct {
			line  string
			least time.Duration
		}{
			{"BLPOP l 0.1", 100}, {"BRPOP l 0.25", 250}, {"BLMOVE l m LEFT LEFT 0.05", 50}, {"BRPOPLPUSH l m 0.1", 100},
			{"BLMPOP 0.15 1 l LEFT", 150}, {"BLPOP l 0.0001", 0}, {"BLPOP l 1e-2", 10}, {"BLPOP l 0x1p-4", 62}, {"BLPOP l 1", 1000},
		} {
			began := time.Now()
			c.do(v.line, "nil")
			took := time.Since(began)
			if least := v.least * time.Millisecond; took < least || took > least+time.Minute {
				w.Errorf("%s took %v", v.line, took)
			}
		}
		// Who has gone takes nothing.
		w.do("RPUSH l x", "1")
		w.do("LRANGE l 0 -1", "(x)")
		w.blocked(0)
		w.do("DEL l", "1")
		// The first to time out is not the first who came.
		a := w.waiter("a", "BLPOP l 0")
		b := w.waiter("b", "BLPOP l 0.1")
		d := w.waiter("d", "BLPOP l 0")
		b.gets("nil")
		w.do("RPUSH l 1 2", "2")
		a.gets("(l 1)")
		d.gets("(l 2)")
		c.conn.Must(w.T, "HELLO", "3")
		c.do("BLPOP l 0.01", "nil")
	})
}

func TestWhatWakes(t *testing.T) {
	each(t, func(w *world) {
		a := w.client("a")
		serve := func(line, want string) {
			w.Helper()
			a.block("BLPOP l 0")
			w.do(line, want)
			a.gets("(l x)")
			w.do("EXISTS l", "0")
		}
		serve("LPUSH l x", "1")
		w.do("RPUSH m x", "1")
		serve("RENAME m l", "OK")
		w.do("RPUSH m x", "1")
		serve("RENAMENX m l", "1")
		w.do("RPUSH m x", "1")
		serve("COPY m l", "1")
		serve("RPOPLPUSH m l", "x")
		w.do("RPUSH m x", "1")
		serve("LMOVE m l LEFT RIGHT", "x")
		w.do("SELECT 1", "OK")
		w.do("RPUSH l x", "1")
		a.block("BLPOP l 0")
		w.do("MOVE l 0", "1")
		a.gets("(l x)")
		w.do("RPUSH m x", "1")
		a.block("BLPOP l 0")
		w.do("COPY m l DB 0", "1")
		a.gets("(l x)")
		w.do("RENAME m l", "OK")
		a.block("BLPOP l 0")
		w.do("SWAPDB 0 1", "OK")
		a.gets("(l x)")
		w.do("SELECT 0", "OK")
		w.do("FLUSHALL", "OK")

		// The payload of a list with the element x.
		w.do("RPUSH m x", "1")
		r := w.admin.conn.Must(w.T, "DUMP", "m")
		a.block("BLPOP l 0")
		if r := w.admin.conn.Must(w.T, "RESTORE", "l", "0", string(r.Str)); show(&r) != "OK" {
			w.Fatal(show(&r))
		}
		a.gets("(l x)")

		// These do not make a list.
		a.block("BLPOP l 0")
		w.do("LPUSHX l x", "0")
		w.do("LINSERT l BEFORE a b", "0")
		w.do("SET l string", "OK")
		w.do("GETRANGE l 0 1", "st")
		w.do("EXPIRE l 100", "1")
		a.waits()
		w.do("DEL l", "1")
		w.do("ZADD m2 1 x", "1")
		w.do("RENAME m2 l", "OK")
		a.waits()
		w.do("FLUSHALL", "OK")
		a.waits()
		w.do("RPUSH l x", "1")
		a.gets("(l x)")
	})
}

func TestSortStoreWakes(t *testing.T) {
	each(t, func(w *world) {
		r, err := w.admin.conn.Do("COMMAND", "INFO", "sort")
		if err != nil {
			w.Fatal(err)
		}
		if show(&r) == "(nil)" {
			w.Skip("there is no SORT")
		}
		a := w.waiter("a", "BLPOP l 0")
		w.do("RPUSH m 3 1 2", "3")
		w.do("SORT m STORE l", "3")
		a.gets("(l 1)")
		w.do("LRANGE l 0 -1", "(2 3)")
	})
}

func TestTransactions(t *testing.T) {
	each(t, func(w *world) {
		a := w.waiter("a", "BLPOP l 0")
		exec := func(want string, lines ...string) {
			w.Helper()
			w.do("MULTI", "OK")
			for _, line := range lines {
				w.do(line, "QUEUED")
			}
			w.do("EXEC", want)
		}
		// What is gone when EXEC ends has never been there.
		exec("(1 1)", "RPUSH l x", "DEL l")
		a.waits()
		exec("(1 x)", "RPUSH l x", "LPOP l")
		a.waits()
		exec("(1 OK)", "RPUSH l x", "SET l string")
		a.waits()
		exec("(1 1 2 a)", "DEL l", "RPUSH l a", "RPUSH l b", "LPOP l")
		a.gets("(l b)")
		// A command that would wait does not.
		exec("(nil nil nil nil nil)", "BLPOP n 0", "BRPOP n 0", "BLMOVE n m LEFT LEFT 0", "BRPOPLPUSH n m 0", "BLMPOP 0 1 n LEFT")
		exec("(1 (n x))", "RPUSH n x", "BLPOP n 0")
		a.block("BLMOVE l m LEFT RIGHT 0")
		b := w.waiter("b", "BLPOP m 0")
		exec("(1 0)", "RPUSH l x", "LLEN m")
		a.gets("x")
		b.gets("(m x)")
	})
}

func TestWatch(t *testing.T) {
	each(t, func(w *world) {
		// Serving a waiter is a change of the key, for those who watch.
		w.do("WATCH l m", "OK")
		a := w.waiter("a", "BLMOVE l m LEFT RIGHT 0")
		b := w.client("b")
		b.do("RPUSH l x", "1")
		a.gets("x")
		w.do("MULTI", "OK")
		w.do("PING", "QUEUED")
		w.do("EXEC", "nil")
		w.do("WATCH m", "OK")
		w.do("MULTI", "OK")
		w.do("PING", "QUEUED")
		w.do("EXEC", "(PONG)")
		// One that waits and watches.
		a.do("WATCH l", "OK")
		a.block("BLPOP l 0")
		b.do("RPUSH l x", "1")
		a.gets("(l x)")
		a.do("MULTI", "OK")
		a.do("PING", "QUEUED")
		a.do("EXEC", "nil")
		a.do("WATCH k", "OK")
		a.block("BLPOP l 0")
		b.do("RPUSH l x", "1")
		a.gets("(l x)")
		a.do("MULTI", "OK")
		a.do("PING", "QUEUED")
		a.do("EXEC", "(PONG)")
		a.do("WATCH k", "OK")
		a.block("BLPOP l 0.1")
		b.do("SET k v", "OK")
		a.gets("nil")
		a.do("MULTI", "OK")
		a.do("PING", "QUEUED")
		a.do("EXEC", "nil")
	})
}

func TestUnblock(t *testing.T) {
	each(t, func(w *world) {
		for _, line := range []string{"BLPOP l 0", "BRPOP l 100", "BLMOVE l m LEFT LEFT 0", "BRPOPLPUSH l m 0", "BLMPOP 0 1 l LEFT"} {
			a := w.waiter("a", line)
			w.do("CLIENT UNBLOCK "+a.id, "1")
			a.gets("nil")
			w.do("CLIENT UNBLOCK "+a.id, "0")
			a.block(line)
			w.do("CLIENT UNBLOCK "+a.id+" TIMEOUT", "1")
			a.gets("nil")
			a.block(line)
			w.do("CLIENT UNBLOCK "+a.id+" ERROR", "1")
			a.gets("-UNBLOCKED client unblocked via CLIENT UNBLOCK")
			a.do("PING", "PONG")
		}
		w.do("CLIENT UNBLOCK 999999", "0")
		w.do("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range")
		a := w.waiter("a", "BLPOP l 0")
		w.do("CLIENT UNBLOCK "+a.id+" FOO", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		// It takes nothing any more, and the next one does.
		b := w.waiter("b", "BLPOP l 0")
		w.do("CLIENT UNBLOCK "+a.id, "1")
		w.do("RPUSH l x", "1")
		a.gets("nil")
		b.gets("(l x)")
		// Who is unblocked and served in one transaction is unblocked.
		a.block("BLPOP l 0")
		w.do("MULTI", "OK")
		w.do("RPUSH l x", "QUEUED")
		w.do("CLIENT UNBLOCK "+a.id, "QUEUED")
		w.do("EXEC", "(1 1)")
		a.gets("nil")
		w.do("LRANGE l 0 -1", "(x)")
	})
}

func TestDisconnect(t *testing.T) {
	each(t, func(w *world) {
		a := w.waiter("a", "BLPOP l m 0")
		b := w.waiter("b", "BLPOP l 0")
		a.conn.Close()
		w.blocked(1)
		w.do("RPUSH l x", "1")
		b.gets("(l x)")
		w.do("RPUSH m x", "1")
		w.do("LRANGE m 0 -1", "(x)")
		b.block("BLPOP l 0")
		w.do("CLIENT KILL ID "+b.id, "1")
		w.do("RPUSH l y", "1")
		w.do("LRANGE l 0 -1", "(y)")
		w.blocked(0)
	})
}

func TestChains(t *testing.T) {
	each(t, func(w *world) {
		a := w.waiter("a", "BLMOVE l1 l2 LEFT RIGHT 0")
		b := w.waiter("b", "BLMOVE l2 l3 LEFT RIGHT 0")
		c := w.waiter("c", "BRPOPLPUSH l3 l4 0")
		d := w.waiter("d", "BLPOP l4 0")
		w.do("RPUSH l1 x", "1")
		a.gets("x")
		b.gets("x")
		c.gets("x")
		d.gets("(l4 x)")
		w.do("EXISTS l1 l2 l3 l4", "0")
		// A circle.
		a.block("BLMOVE l1 l2 LEFT RIGHT 0")
		b.block("BLMOVE l2 l1 LEFT RIGHT 0")
		w.do("RPUSH l1 x", "1")
		a.gets("x")
		b.gets("x")
		w.do("LRANGE l1 0 -1", "(x)")
		w.do("DEL l1", "1")
		// A circle of one.
		a.block("BLMOVE l1 l1 LEFT RIGHT 0")
		b.block("BLPOP l1 0")
		w.do("RPUSH l1 x y", "2")
		a.gets("x")
		b.gets("(l1 y)")
		w.do("LRANGE l1 0 -1", "(x)")
		w.do("DEL l1", "1")
		// Both move to a list that others wait for, who were there before.
		c.block("BLPOP to 0")
		d.block("BLPOP to 0")
		a.block("BLMOVE l1 to LEFT LEFT 0")
		b.block("BLMOVE l1 to LEFT LEFT 0")
		w.do("RPUSH l1 1 2 3", "3")
		a.gets("1")
		b.gets("2")
		c.gets("(to 2)")
		d.gets("(to 1)")
		w.do("LRANGE l1 0 -1", "(3)")
	})
}

func TestWrongTypes(t *testing.T) {
	each(t, func(w *world) {
		const wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		// The destination is looked at only when there is something to move.
		w.do("SET s x", "OK")
		a := w.waiter("a", "BLMOVE l s LEFT LEFT 0")
		b := w.waiter("b", "BRPOPLPUSH l s 0")
		c := w.waiter("c", "BLPOP l 0")
		w.do("RPUSH l x", "1")
		a.gets(wrong)
		b.gets(wrong)
		c.gets("(l x)")
		// It may have become another one while one waited.
		w.do("DEL s", "1")
		a.block("BLMOVE l s LEFT LEFT 0")
		w.do("SET s x", "OK")
		w.do("RPUSH l x", "1")
		a.gets(wrong)
		w.do("LRANGE l 0 -1", "(x)")
		// Those who wait for lists and for something else at one key.
		w.do("DEL l", "1")
		a.block("BLPOP l 0")
		w.do("SET l x", "OK")
		b.block("BLMOVE m l LEFT LEFT 0")
		w.do("DEL l", "1")
		w.do("RPUSH m 1", "1")
		b.gets("1")
		a.gets("(l 1)")
	})
}

func TestPipelineBehind(t *testing.T) {
	each(t, func(w *world) {
		a := w.client("a")
		a.block("BLPOP l 0")
		a.send("SET k v")
		a.send("GET k")
		a.waits()
		w.do("EXISTS k", "0")
		w.do("RPUSH l x", "1")
		a.gets("(l x)")
		a.gets("OK")
		a.gets("v")
		// In one packet, with what serves it.
		if err := a.conn.SendRaw([]byte("RPUSH l 1 2\r\nBLPOP l 0\r\nBLPOP l 0\r\nPING\r\nBLPOP l 0.05\r\nPING\r\n")); err != nil {
			w.Fatal(err)
		}
		for _, want := range []string{"2", "(l 1)", "(l 2)", "PONG", "nil", "PONG"} {
			a.gets(want)
		}
		// Nobody reads the reply of one that wants none.
		a.send("CLIENT REPLY SKIP")
		a.block("BLPOP l 0")
		w.do("RPUSH l x", "1")
		a.do("PING", "PONG")
		a.send("CLIENT REPLY OFF")
		a.block("BLPOP l 0")
		w.do("RPUSH l x", "1")
		w.blocked(0)
		a.do("CLIENT REPLY ON", "OK")
		w.do("EXISTS l", "0")
	})
}

func TestClientList(t *testing.T) {
	each(t, func(w *world) {
		a := w.waiter("a", "BLPOP l 0")
		line := w.admin.conn.Must(w.T, "CLIENT", "LIST", "ID", a.id).String()
		for _, field := range []string{" flags=b ", " cmd=blpop ", " db=0 ", " multi=-1 ", " sub=0 "} {
			if !strings.Contains(line, field) {
				w.Errorf("no%sin %s", field, line)
			}
		}
		w.blocked(1)
		w.do("RPUSH l x", "1")
		a.gets("(l x)")
		line = w.admin.conn.Must(w.T, "CLIENT", "LIST", "ID", a.id).String()
		if !strings.Contains(line, " flags=N ") {
			w.Errorf("still blocked: %s", line)
		}
		w.blocked(0)
	})
}

func TestDatabases(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.client("a"), w.client("b")
		a.do("SELECT 5", "OK")
		a.block("BLPOP l 0")
		b.block("BLPOP l 0")
		w.do("SELECT 5", "OK")
		w.do("RPUSH l five", "1")
		a.gets("(l five)")
		b.waits()
		a.block("BLMOVE l m LEFT LEFT 0")
		w.do("RPUSH l x", "1")
		a.gets("x")
		w.do("LRANGE m 0 -1", "(x)")
		w.do("FLUSHDB", "OK")
		// A swap moves the data, not those who wait.
		a.block("BLPOP l 0")
		w.do("SELECT 7", "OK")
		w.do("RPUSH l seven", "1")
		w.do("SWAPDB 7 5", "OK")
		a.gets("(l seven)")
		b.waits()
		w.do("SELECT 0", "OK")
		w.do("RPUSH l zero", "1")
		b.gets("(l zero)")
	})
}

func TestExpiry(t *testing.T) {
	each(t, func(w *world) {
		a := w.client("a")
		// A list whose time is over when it is looked at is none.
		w.do("RPUSH m x", "1")
		w.do("DEBUG SET-ACTIVE-EXPIRE 0", "OK")
		w.do("PEXPIRE m 1", "1")
		time.Sleep(5 * time.Millisecond)
		a.block("BLPOP m 0")
		w.do("RPUSH m y", "1")
		a.gets("(m y)")
		w.do("RPUSH m x", "1")
		w.do("PEXPIRE m 1", "1")
		w.do("SELECT 1", "OK")
		a.block("BLPOP l 0")
		time.Sleep(5 * time.Millisecond)
		w.do("SWAPDB 0 1", "OK")
		a.waits()
		// So is one whose time is over when the transaction that made it ends.
		w.do("SELECT 0", "OK")
		w.do("DEL l", "0")
		w.do("MULTI", "OK")
		for _, line := range []string{"RPUSH l x", "PEXPIRE l 1", "DEBUG SLEEP 0.02", "LLEN l"} {
			w.do(line, "QUEUED")
		}
		w.do("EXEC", "(1 1 OK 1)")
		a.waits()
		w.do("RPUSH l y", "1")
		a.gets("(l y)")
		w.do("DEBUG SET-ACTIVE-EXPIRE 1", "OK")
	})
}
