package node

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/redstart-db/redstart/internal/command"
	"github.com/redstart-db/redstart/internal/version"
)

// allStacks is the most that is shown of what all goroutines are doing, in bytes.
const allStacks = 1 << 20

// Stacks tells what every goroutine is doing, that of the caller first.
func Stacks() []byte {
	b := make([]byte, allStacks)
	return b[:runtime.Stack(b, true)]
}

// ReportCrash writes to the log why the process is about to end and what it was doing.
// It takes no lock but the log's, as others may be held for ever.
func (n *Node) ReportCrash(why string, stack []byte) {
	b := version.Read()
	n.log.Warn("=== REDSTART BUG REPORT START: cut and paste from here ===")
	n.log.Warn(fmt.Sprintf("Redstart %s (redis %s) %s", version.Redstart, version.Redis, why))
	n.logText(fmt.Sprintf(`
------ STACK TRACE ------
%s
------ PROCESS ------
commit=%s modified=%v go=%s system=%s/%s loops=%d shards=%d up=%ds

=== REDSTART BUG REPORT END. Please report the crash with all of the above. ===
`, strings.TrimSpace(string(stack)), b.Commit, b.Modified, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		n.loops.Loops(), n.store.Shards(), int64(time.Since(n.self.started).Seconds())))
}

// ReportPanics has ReportCrash called for mistakes in commands, and then end, which
// should end the process.
func (n *Node) ReportPanics(end func()) {
	n.Exec.World.Stop()
	defer n.Exec.World.Go()
	n.env.Crashed = func(c *command.Ctx, why any, stack []byte) {
		sig := ""
		if e, ok := why.(runtime.Error); ok && strings.Contains(e.Error(), "invalid memory address") {
			sig = "by signal: 11, "
		}
		n.ReportCrash(fmt.Sprintf("crashed %sin %s with %d arguments: %v", sig, c.Spec.Name, len(c.Args), why), stack)
		end()
	}
}

// logText writes text of several lines to the log.
func (n *Node) logText(text string) {
	if h, ok := n.log.Handler().(*LogHandler); ok {
		h.Raw(text)
		return
	}
	n.log.Warn(text)
}
