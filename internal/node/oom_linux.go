package node

import (
	"bytes"
	"os"
	"strconv"

	"github.com/redstart-db/redstart/internal/config"
)

const oomScoreFile = "/proc/self/oom_score_adj"

// adjustOOMScore tells the system how likely it should be to end this process
// when memory runs out. When the directive is off again, so is the adjustment; what
// somebody else has set meanwhile is where the next one begins.
func (n *Node) adjustOOMScore() error {
	o := &n.oom
	if n.Config.OOMScoreAdj == config.OOMScoreNo && !o.set {
		return nil
	}
	if !o.set {
		b, err := os.ReadFile(oomScoreFile)
		if err == nil {
			o.initial, err = strconv.Atoi(string(bytes.TrimSpace(b)))
		}
		if err != nil {
			n.log.Warn("Unable to read oom_score_adj: " + reason(err))
			return err
		}
	}
	score := o.initial
	if n.Config.OOMScoreAdj != config.OOMScoreNo {
		score = oomScore(n.Config, o.initial, n.Config.ReplicaOf != nil)
	}
	if err := os.WriteFile(oomScoreFile, []byte(strconv.Itoa(score)), 0); err != nil {
		n.log.Warn("Unable to write oom_score_adj: " + reason(err))
		return err
	}
	o.set = n.Config.OOMScoreAdj != config.OOMScoreNo
	return nil
}
