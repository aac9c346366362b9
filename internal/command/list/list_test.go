package list_test

import (
	"testing"

	"github.com/redstart-db/redstart/internal/command/commandtest"
	"github.com/redstart-db/redstart/internal/command/keys"
	"github.com/redstart-db/redstart/internal/command/list"
	"github.com/redstart-db/redstart/internal/command/strings"
)

func newServer(tb testing.TB) *commandtest.Server {
	return commandtest.New(tb, list.Specs(), keys.Specs(), strings.Specs())
}

// TestSpecs compares the table with what COMMAND INFO documents.
func TestSpecs(t *testing.T) { commandtest.CheckSpecs(t, list.Specs(), "list") }
