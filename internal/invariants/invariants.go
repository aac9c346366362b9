// Package invariants tells whether the build carries the costly self-checks: poisoned memory, double-free detection,
// accounting checks. They are compiled in with `-tags invariants` and vanish otherwise, because Enabled is a constant.
package invariants
