"""Uses redis-py as programs do, against the server on the port given."""

import datetime
import sys
import threading
import time
import unittest

import redis

PORT = int(sys.argv.pop(1))


class Client(unittest.TestCase):
    def setUp(self):
        self.r = redis.Redis(port=PORT, decode_responses=True)
        self.addCleanup(self.r.close)
        self.r.flushall()

    def test_strings(self):
        r = self.r
        self.assertTrue(r.set("a", "é\r\n"))
        self.assertEqual(r.get("a"), "é\r\n")
        self.assertIsNone(r.get("none"))
        self.assertIsNone(r.set("a", "x", nx=True))
        self.assertTrue(r.set("b", 1, ex=100))
        self.assertEqual(r.set("b", 2, keepttl=True, get=True), "1")
        self.assertTrue(0 < r.ttl("b") <= 100)
        self.assertEqual(r.incr("b", 5), 7)
        self.assertEqual(r.incrbyfloat("b", 0.5), 7.5)
        self.assertTrue(r.mset({"x": 1, "y": 2}))
        self.assertEqual(r.mget(["x", "none", "y"]), ["1", None, "2"])
        self.assertFalse(r.msetnx({"x": 1, "z": 2}))
        self.assertEqual(r.append("x", "23"), 3)
        self.assertEqual(r.getrange("x", 1, -1), "23")
        self.assertEqual(r.setrange("x", 5, "!"), 6)
        self.assertEqual(r.getdel("x"), "123\0\0!")
        self.assertEqual(r.getex("y", px=50000), "2")

    def test_bytes(self):
        r = redis.Redis(port=PORT)
        self.addCleanup(r.close)
        every = bytes(range(256)) * 1000
        self.assertTrue(r.set(b"\0\xff\r\n", every))
        self.assertEqual(r.get(b"\0\xff\r\n"), every)
        self.assertEqual(r.keys(), [b"\0\xff\r\n"])

    def test_bits(self):
        r = self.r
        self.assertEqual(r.setbit("bits", 7, 1), 0)
        self.assertEqual(r.getbit("bits", 7), 1)
        self.assertEqual(r.bitcount("bits"), 1)
        self.assertEqual(r.bitpos("bits", 1), 7)
        self.assertEqual(r.bitop("NOT", "other", "bits"), 1)
        field = r.bitfield("counters").set("u8", 0, 250).incrby("u8", 0, 10, "SAT").get("u8", 0)
        self.assertEqual(field.execute(), [0, 255, 255])

    def test_keys(self):
        r = self.r
        for i in range(500):
            r.set(f"key:{i}", i)
        self.assertEqual(r.dbsize(), 500)
        self.assertEqual(set(r.scan_iter("key:1*", count=50)), {f"key:{i}" for i in range(500) if str(i)[0] == "1"})
        self.assertEqual(len(list(r.scan_iter(_type="string"))), 500)
        self.assertEqual(r.exists("key:1", "key:1", "none"), 2)
        self.assertEqual(r.type("key:1"), "string")
        self.assertTrue(r.rename("key:1", "key:0"))
        self.assertTrue(r.copy("key:0", "copied"))
        self.assertEqual(r.restore("again", 0, redis.Redis(port=PORT).dump("copied")), "OK")
        self.assertEqual(r.get("again"), "1")
        self.assertEqual(r.delete("key:0", "key:2", "none"), 2)
        self.assertEqual(r.unlink("key:3"), 1)
        self.assertTrue(r.expireat("key:4", datetime.datetime.now() + datetime.timedelta(hours=1)))
        self.assertTrue(3590 < r.ttl("key:4") <= 3600)
        self.assertTrue(r.persist("key:4"))
        self.assertEqual(r.ttl("key:4"), -1)
        self.assertTrue(r.pexpire("key:5", 1))
        time.sleep(0.05)
        self.assertIsNone(r.get("key:5"))
        self.assertTrue(r.move("key:6", 5))
        self.assertEqual(r.object("encoding", "key:7"), "int")
        self.assertIsNotNone(r.randomkey())

    def test_pipeline(self):
        pipe = self.r.pipeline(transaction=False)
        for i in range(10000):
            pipe.set(f"k{i}", i).get(f"k{i}")
        replies = pipe.execute()
        self.assertEqual(replies[1::2], [str(i) for i in range(10000)])
        pipe = self.r.pipeline()
        pipe.incr("n").incr("n").get("n")
        self.assertEqual(pipe.execute(), [1, 2, "2"])
        pipe.set("s", "x").incr("s").set("after", 1)
        with self.assertRaisesRegex(redis.ResponseError, "value is not an integer or out of range"):
            pipe.execute()
        self.assertEqual(self.r.get("after"), "1")

    def test_watch(self):
        self.r.set("n", 1)

        def double(pipe):
            n = int(pipe.get("n"))
            pipe.multi()
            pipe.set("n", n * 2)

        self.assertEqual(self.r.transaction(double, "n"), [True])
        with self.r.pipeline() as pipe:
            pipe.watch("n")
            self.r.set("n", 5)
            pipe.multi()
            pipe.set("n", 0)
            with self.assertRaises(redis.WatchError):
                pipe.execute()
        self.assertEqual(self.r.get("n"), "5")

    def test_threads(self):
        def work():
            for _ in range(500):
                self.r.incr("n")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(self.r.get("n"), "4000")

    def test_server(self):
        r = self.r
        self.assertTrue(r.ping())
        self.assertEqual(r.echo("x"), "x")
        self.assertEqual(r.info("server")["redis_version"].split(".")[0], "7")
        self.assertIn("used_memory", r.info())
        self.assertEqual(r.config_get("databases"), {"databases": "16"})
        self.assertTrue(r.config_set("slowlog-log-slower-than", "0"))
        r.get("slow")
        self.assertEqual(r.slowlog_get(1)[0]["command"], b"GET slow")
        self.assertTrue(r.config_set("slowlog-log-slower-than", "10000"))
        self.assertTrue(r.client_setname("python"))
        self.assertEqual(r.client_getname(), "python")
        self.assertIn("python", [c["name"] for c in r.client_list()])
        self.assertEqual(r.client_id(), r.client_info()["id"])
        self.assertTrue(abs(r.time()[0] - time.time()) < 5)
        self.assertEqual(r.command_count(), len(r.command()))
        self.assertTrue(r.memory_usage("none") is None)
        with self.assertRaisesRegex(redis.ResponseError, "unknown command"):
            r.execute_command("NOSUCH")

    def test_password(self):
        self.r.config_set("requirepass", "s3cret")
        try:
            with redis.Redis(port=PORT) as r, self.assertRaises(redis.AuthenticationError):
                r.ping()
            with redis.Redis(port=PORT, password="wrong") as r, self.assertRaisesRegex(redis.ResponseError, "WRONGPASS"):
                r.ping()
            with redis.Redis(port=PORT, password="s3cret") as r:
                self.assertTrue(r.ping())
            with redis.Redis(port=PORT, username="default", password="s3cret", db=2) as r:
                self.assertTrue(r.set("a", 1))
        finally:
            self.r.config_set("requirepass", "")

    def test_monitor(self):
        with self.r.monitor() as m:
            self.r.set("seen", "yes")
            self.assertEqual(m.next_command()["command"], "SET seen yes")


if __name__ == "__main__":
    unittest.main()
