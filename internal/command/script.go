package command

// ScriptOptions say what a script may do.
type ScriptOptions struct {
	Name     string // of the function, or the SHA of the script
	Function bool
	ReadOnly bool
	AllowOOM bool
	Stale    bool // may run on a replica that has lost its master
}

// RunningScript is the script that runs.
type RunningScript struct {
	Name     string
	Function bool
	Command  []string
	Start    int64 // monotonic nanoseconds
}
