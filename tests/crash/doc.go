// Package crash kills servers with SIGKILL at random moments, during rewrites and
// snapshots too, and wants everything back that was acknowledged.
//
// REDSTART_CRASHES is how often a server is killed (20), REDSTART_SEED replays the
// choices of a run, though not its moments.
package crash
