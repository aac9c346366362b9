"""What people use Redis for, as they write it with redis-py, against the server on the port given."""

import json
import sys
import threading
import time
import unittest
import uuid

import redis

PORT = int(sys.argv.pop(1))

RELEASE = """
if redis.call("get", KEYS[1]) == ARGV[1] then
    return redis.call("del", KEYS[1])
end
return 0
"""

TOKEN_BUCKET = """
local rate, capacity, now, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local state = redis.call("HMGET", KEYS[1], "tokens", "at")
local tokens, at = tonumber(state[1]) or capacity, tonumber(state[2]) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local allowed = tokens >= asked
if allowed then
    tokens = tokens - asked
end
redis.call("HSET", KEYS[1], "tokens", tokens, "at", now)
redis.call("EXPIRE", KEYS[1], math.ceil(capacity / rate) * 2)
return { allowed and 1 or 0, math.floor(tokens) }
"""


class Usage(unittest.TestCase):
    def setUp(self):
        self.r = redis.Redis(port=PORT, decode_responses=True)
        self.addCleanup(self.r.close)
        self.r.flushall()

    def workers(self, n, f):
        """Runs f n times at once, each with a connection of its own."""
        failures = []

        def work(i):
            try:
                with redis.Redis(port=PORT, decode_responses=True) as r:
                    f(r, i)
            except BaseException as e:
                failures.append(e)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
            self.assertFalse(t.is_alive())
        self.assertEqual(failures, [])

    def test_lock(self):
        """A lock that one of several holds at a time, and that only its holder releases."""
        inside = []

        def work(r, i):
            release = r.register_script(RELEASE)
            token = str(uuid.uuid4())
            for _ in range(20):
                while not r.set("lock:job", token, nx=True, ex=10):
                    time.sleep(0.001)
                inside.append(i)
                self.assertEqual(len(inside), 1)
                inside.remove(i)
                self.assertEqual(release(keys=["lock:job"], args=["somebody else"]), 0)
                self.assertEqual(release(keys=["lock:job"], args=[token]), 1)

        self.workers(4, work)
        self.assertFalse(self.r.exists("lock:job"))
        # Who dies holding it loses it.
        self.assertTrue(self.r.set("lock:job", "gone", nx=True, px=50))
        self.assertIsNone(self.r.set("lock:job", "next", nx=True, px=50))
        time.sleep(0.1)
        self.assertTrue(self.r.set("lock:job", "next", nx=True, px=50))

    def test_lock_of_the_library(self):
        lock = self.r.lock("lock:library", timeout=5, blocking_timeout=1)
        self.assertTrue(lock.acquire())
        self.assertFalse(self.r.lock("lock:library", blocking=False).acquire())
        lock.extend(5)
        lock.reacquire()
        lock.release()
        with self.assertRaises(redis.exceptions.LockError):
            lock.release()
        with self.r.lock("lock:library", timeout=5):
            self.assertTrue(self.r.exists("lock:library"))

    def test_fixed_window(self):
        """At most 10 requests in a window: INCR, and EXPIRE with the first."""

        def allowed(r, user):
            key = f"rate:{user}:{int(time.time()) // 3600}"
            n = r.incr(key)
            if n == 1:
                r.expire(key, 3600)
            return n <= 10

        granted = []
        self.workers(4, lambda r, i: granted.extend(allowed(r, "u") for _ in range(10)))
        self.assertIn(sum(granted), (10, 20))  # the hour may end meanwhile
        key = next(self.r.scan_iter("rate:u:*"))
        self.assertTrue(0 < self.r.ttl(key) <= 3600)

    def test_sliding_window(self):
        """At most 5 requests in a time: a sorted set of them, in one pipeline."""

        def allowed(now, limit=5, window=60):
            with self.r.pipeline(transaction=True) as p:
                p.zremrangebyscore("window:u", 0, now - window)
                p.zadd("window:u", {str(uuid.uuid4()): now})
                p.zcard("window:u")
                p.expire("window:u", window + 1)
                _, added, n, expires = p.execute()
            self.assertEqual((added, expires), (1, True))
            return n <= limit

        self.assertEqual([allowed(1000 + i) for i in range(7)], [True] * 5 + [False] * 2)
        self.assertFalse(allowed(1060))
        self.assertTrue(allowed(1124))
        self.assertEqual(self.r.zcard("window:u"), 1)

    def test_token_bucket(self):
        bucket = self.r.register_script(TOKEN_BUCKET)

        def take(now, n=1):
            return bucket(keys=["bucket:u"], args=[2, 10, now, n])

        self.assertEqual(take(100, 10), [1, 0])
        self.assertEqual(take(100), [0, 0])
        self.assertEqual(take(101), [1, 1])
        self.assertEqual(take(101.5), [1, 1])
        self.assertEqual(take(1000, 4), [1, 6])
        self.assertEqual(self.r.hget("bucket:u", "tokens"), "6")
        self.assertEqual(self.r.ttl("bucket:u"), 10)
        self.r.script_flush()
        self.assertEqual(take(1000, 7), [0, 6])  # the library loads it again
        self.workers(4, lambda r, i: [r.register_script(TOKEN_BUCKET)(keys=["bucket:w"], args=[1, 100, 5, 1]) for _ in range(25)])
        self.assertEqual(take(1000, 6), [1, 0])
        self.assertEqual(self.r.hget("bucket:w", "tokens"), "0")

    def test_tags(self):
        """A cache of pages, of which all with a tag are removed together."""
        r = self.r

        def put(key, value, *tags):
            with r.pipeline() as p:
                p.set(key, value, ex=300)
                for t in tags:
                    p.sadd(f"tag:{t}", key)
                p.execute()

        def invalidate(tag):
            keys = r.smembers(f"tag:{tag}")
            with r.pipeline() as p:
                if keys:
                    p.unlink(*keys)
                p.delete(f"tag:{tag}")
                return p.execute()

        for i in range(300):
            put(f"page:{i}", json.dumps({"id": i}), "all", f"author:{i % 3}", *(["news"] if i % 10 == 0 else []))
        self.assertEqual(r.sintercard(2, ["tag:news", "tag:author:0"]), 10)
        self.assertEqual(r.sinter("tag:news", "tag:author:1"), {f"page:{i}" for i in range(300) if i % 10 == 0 and i % 3 == 1})
        self.assertEqual(invalidate("news"), [30, 1])
        self.assertIsNone(r.get("page:10"))
        self.assertEqual(json.loads(r.get("page:11")), {"id": 11})
        self.assertEqual(invalidate("author:1"), [90, 1])
        self.assertEqual(invalidate("none"), [0])
        self.assertEqual(len(list(r.scan_iter("page:*", count=50))), 180)

    def test_pubsub_pattern(self):
        p = self.r.pubsub()
        self.addCleanup(p.close)
        heard = []
        p.psubscribe(**{"news.*": lambda m: heard.append((m["pattern"], m["channel"], m["data"]))})
        p.subscribe("news.sport")
        for _ in range(2):
            self.assertIn(p.get_message(timeout=5)["type"], ("subscribe", "psubscribe"))
        self.assertEqual(self.r.pubsub_numpat(), 1)
        self.assertEqual(self.r.pubsub_numsub("news.sport"), [("news.sport", 1)])
        self.assertEqual(self.r.publish("news.sport", "goal"), 2)
        self.assertEqual(self.r.publish("weather", "rain"), 0)
        self.assertEqual(self.r.publish("news.", "é\r\n\0"), 1)
        direct = []
        deadline = time.time() + 5
        while len(heard) + len(direct) < 3 and time.time() < deadline:
            m = p.get_message(timeout=1)
            if m:
                direct.append((m["channel"], m["data"]))
        self.assertEqual(heard, [("news.*", "news.sport", "goal"), ("news.*", "news.", "é\r\n\0")])
        self.assertEqual(direct, [("news.sport", "goal")])
        p.unsubscribe()
        p.punsubscribe()
        for _ in range(2):
            self.assertIn(p.get_message(timeout=5)["type"], ("unsubscribe", "punsubscribe"))
        self.assertEqual(self.r.publish("news.sport", "nobody"), 0)

    def test_transfer(self):
        """Money moves between accounts by WATCH; none is lost, and no account is overdrawn."""
        self.r.mset({"account:a": 100, "account:b": 100})

        def transfer(r, source, target, amount):
            def move(p):
                balance = int(p.get(source))
                if balance < amount:
                    return False
                p.multi()
                p.decrby(source, amount)
                p.incrby(target, amount)
                return True

            return r.transaction(move, source, target, value_from_callable=True)

        def work(r, i):
            for n in range(30):
                pair = ("account:a", "account:b") if (n + i) % 2 else ("account:b", "account:a")
                transfer(r, *pair, 1 + (n * 7 + i) % 40)

        self.workers(4, work)
        a, b = map(int, self.r.mget("account:a", "account:b"))
        self.assertEqual(a + b, 200)
        self.assertTrue(a >= 0 and b >= 0)
        self.assertFalse(transfer(self.r, "account:a", "account:b", 201))
        with self.r.pipeline() as p:
            p.watch("account:a")
            self.r.incr("account:a")
            p.multi()
            p.set("account:a", 0)
            with self.assertRaises(redis.WatchError):
                p.execute()

    def test_consumer_group(self):
        """Events are each processed by one of several; what one leaves behind another takes over."""
        r = self.r
        r.xgroup_create("events", "billing", id="0", mkstream=True)
        with self.assertRaisesRegex(redis.ResponseError, "BUSYGROUP"):
            r.xgroup_create("events", "billing", id="0")
        done, lock = [], threading.Lock()

        def consume(r, i):
            while True:
                got = r.xreadgroup("billing", f"c{i}", {"events": ">"}, count=7, block=300)
                if not got:
                    return
                for event, fields in got[0][1]:
                    if int(fields["n"]) % 50 == 49:
                        continue  # it dies here
                    with lock:
                        done.append(int(fields["n"]))
                    self.assertEqual(r.xack("events", "billing", event), 1)

        def produce(r):
            for n in range(300):
                r.xadd("events", {"n": n, "kind": "paid"}, maxlen=10000, approximate=True)

        self.workers(4, lambda r, i: produce(r) if i == 3 else consume(r, i))
        self.assertEqual(sorted(done), [n for n in range(300) if n % 50 != 49])
        pending = r.xpending("events", "billing")
        self.assertEqual(pending["pending"], 6)
        self.assertEqual(sum(c["pending"] for c in pending["consumers"]), 6)
        self.assertEqual(len(r.xpending_range("events", "billing", "-", "+", 10)), 6)
        start, taken = "0-0", []
        while True:
            start, claimed, deleted = r.xautoclaim("events", "billing", "heir", min_idle_time=0, start_id=start, count=4)
            taken += [int(fields["n"]) for _, fields in claimed]
            self.assertEqual(deleted, [])
            r.xack("events", "billing", *[event for event, _ in claimed])
            if start == "0-0":
                break
        self.assertEqual(taken, [49, 99, 149, 199, 249, 299])
        info = r.xinfo_groups("events")[0]
        self.assertEqual((info["name"], info["pending"], info["entries-read"], info["lag"]), ("billing", 0, 300, 0))
        self.assertEqual({c["name"] for c in r.xinfo_consumers("events", "billing")} >= {"heir"}, True)
        self.assertEqual(r.xtrim("events", maxlen=10, approximate=False), 290)
        self.assertEqual(r.xlen("events"), 10)

    def test_leaderboard(self):
        r = self.r
        r.zadd("board", {f"player:{i}": i * 10 for i in range(1000)})
        self.assertEqual(r.zincrby("board", 5.5, "player:500"), 5005.5)
        self.assertEqual(r.zrevrange("board", 0, 2, withscores=True), [("player:999", 9990), ("player:998", 9980), ("player:997", 9970)])
        self.assertEqual(r.zrevrank("board", "player:500"), 499)
        self.assertIsNone(r.zrevrank("board", "nobody"))
        rank = r.zrevrank("board", "player:500")
        self.assertEqual(r.zrange("board", rank - 1, rank + 1, desc=True), ["player:501", "player:500", "player:499"])
        self.assertEqual(r.zcount("board", 9000, "+inf"), 100)
        self.assertEqual(r.zadd("board", {"player:0": 1}, gt=True, ch=True), 1)
        self.assertEqual(r.zadd("board", {"player:0": 0}, gt=True, ch=True), 0)
        r.zadd("week", {"player:1": 100000, "new": 7})
        self.assertEqual(r.zunionstore("total", {"board": 1, "week": 2}), 1001)
        self.assertEqual(r.zrevrange("total", 0, 0, withscores=True), [("player:1", 200010)])
        self.assertEqual(r.zremrangebyrank("total", 0, -101), 901)
        self.assertEqual(r.zmscore("board", ["player:3", "nobody"]), [30, None])
        self.assertEqual(r.zpopmax("board", 2), [("player:999", 9990), ("player:998", 9980)])

    def test_sessions(self):
        r = self.r
        token = uuid.uuid4().hex
        with r.pipeline() as p:
            p.hset(f"session:{token}", mapping={"user": 42, "name": "Ada", "csrf": "x"})
            p.expire(f"session:{token}", 1800)
            p.sadd("user:42:sessions", token)
            self.assertEqual(p.execute(), [3, True, 1])
        self.assertEqual(r.hgetall(f"session:{token}"), {"user": "42", "name": "Ada", "csrf": "x"})
        self.assertEqual(r.hincrby(f"session:{token}", "views"), 1)
        self.assertTrue(r.expire(f"session:{token}", 3600))
        self.assertTrue(1800 < r.ttl(f"session:{token}") <= 3600)
        self.assertEqual(r.hdel(f"session:{token}", "csrf", "none"), 1)
        r.pexpire(f"session:{token}", 30)
        deadline = time.time() + 5
        while r.exists(f"session:{token}") and time.time() < deadline:
            time.sleep(0.01)
        self.assertEqual(r.hgetall(f"session:{token}"), {})
        alive = [t for t in r.smembers("user:42:sessions") if r.exists(f"session:{t}")]
        self.assertEqual(alive, [])

    def test_reliable_queue(self):
        """Jobs move to a list of their worker while they are worked on, and back if it dies."""
        r = self.r
        jobs = [json.dumps({"id": i}) for i in range(200)]
        r.lpush("jobs", *jobs)
        done, lock = [], threading.Lock()

        def work(r, i):
            mine = f"jobs:{i}"
            while True:
                job = r.blmove("jobs", mine, timeout=0.2, src="RIGHT", dest="LEFT")
                if job is None:
                    return
                n = json.loads(job)["id"]
                if i == 0 and n > 100:
                    return  # it dies with a job in its hands
                with lock:
                    done.append(n)
                self.assertEqual(r.lrem(mine, 1, job), 1)

        self.workers(4, work)
        self.assertEqual(r.llen("jobs"), 0)
        left = r.lrange("jobs:0", 0, -1)
        self.assertLessEqual(len(left), 1)
        while r.lmove("jobs:0", "jobs", "RIGHT", "LEFT"):
            pass
        self.workers(1, lambda r, i: work(r, 9))
        self.assertEqual(sorted(done), list(range(200)))
        self.assertEqual(list(r.scan_iter("jobs*")), [])
        # One waits for work that comes later.
        timer = threading.Timer(0.1, lambda: self.r.rpush("urgent", "now"))
        timer.start()
        self.assertEqual(r.brpop(["jobs", "urgent"], timeout=5), ("urgent", "now"))
        timer.join()


if __name__ == "__main__":
    unittest.main()
