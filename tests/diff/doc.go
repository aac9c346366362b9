// Package diff runs the same commands against Redstart and against redis-server
// 7.0.15 and compares the replies byte for byte, in RESP2 and in RESP3.
//
// The commands are in testdata/<group>/<command>.txt, one a line, quoted as in
// redis-cli. Empty lines and lines that begin with # say nothing. Each script
// starts with empty servers, one connection and database 0, and at its end the
// data of both servers is compared too. A line that begins with ! is a
// directive:
//
//	!conn N        use connection N from here on; it is opened at its first use
//	!resp3 !resp2  switch the connection's protocol, whatever this pass uses
//	!sleep MS      wait
//	!send CMD      send a command and leave its reply for !read
//	!read          compare the next reply or push message
//	!raw "BYTES"   send bytes as they are and compare the next reply
//	!part "BYTES"  send bytes as they are and read nothing
//	!eof           the server has to close the connection; it is opened anew
//	!silent MS     no reply may come within that time
//
// and these change how replies are compared, those without "all" only the next:
//
//	!mask RE       what the regular expression matches is left out, in the
//	               replies written as resp.Value.String does
//	!maskall RE    the same to the end of the script
//	!sort          the order of elements does not matter, on any level
//	!kind          only the type of the reply matters
//	!near N        integers may differ by up to N
//	!differs WHY   the replies are known to differ; it is an error if they do not
//
// testdata/known lists what Redstart does not have yet, each with a reason:
// commands, which are then left out on both sides, and whole scripts, which have
// to fail. What stands there and is not so any more is an error too.
package diff
