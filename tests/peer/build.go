package peer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Redstart returns the path of Redstart's program: REDSTART_BIN, or cmd/redstart
// built from the module of the working folder, once per process. The arguments in
// REDSTART_BUILD_FLAGS, such as "-race -tags invariants", go to the build.
func Redstart() (string, error) {
	if bin := os.Getenv("REDSTART_BIN"); bin != "" {
		return bin, nil
	}
	return built()
}

var built = sync.OnceValues(build)

func build() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	// One file per tree and flags; a running server keeps the one it has.
	flags := strings.Fields(os.Getenv("REDSTART_BUILD_FLAGS"))
	key := sha256.Sum256([]byte(root + "\x00" + strings.Join(flags, "\x00")))
	dir := filepath.Join(cache, "redstart", fmt.Sprintf("test-%x", key[:6]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	fresh := filepath.Join(dir, fmt.Sprintf("redstart.%d", os.Getpid()))
	args := append(append([]string{"build", "-o", fresh}, flags...), "./cmd/redstart")
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	bin := filepath.Join(dir, "redstart")
	return bin, os.Rename(fresh, bin)
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("not inside the module")
		}
		dir = up
	}
}
