# Daily commands; .ci/run is what a change has to pass.

GO ?= go
FUZZTIME ?= 30s
# Those that are nothing but the kernel's work (one command at a time) tell little.
PROFILELOADS ?= speed,types,evict,set-everysec-p16

.PHONY: build test race invariants lint diff clients official fuzz bench profile docs ci clean

build: ## the server, as ./bin/redstart
	CGO_ENABLED=0 $(GO) build -o bin/redstart ./cmd/redstart

test: ## all tests; those that need redis-server are skipped without it
	$(GO) test ./...

race: ## the tests of the packages under the race detector
	$(GO) test -race ./internal/...

invariants: ## the same with assertions compiled in
	$(GO) test -tags invariants ./internal/...

lint: ## formatting, vet, staticcheck
	.ci/run format vet staticcheck

diff: ## the same commands against redis-server 7.0.15
	REDSTART_REQUIRE_PEERS=1 $(GO) test -count=1 ./tests/diff

clients: ## common clients and tools against the server
	REDSTART_REQUIRE_PEERS=1 $(GO) test -count=1 ./tests/clients

official: build ## Redis's own test suite; UNITS="unit/scan unit/expire" chooses
	REDSTART_BIN=bin/redstart tests/official/run $(UNITS)

fuzz: ## each fuzz target for FUZZTIME
	FUZZTIME=$(FUZZTIME) .ci/run fuzz

bench: build ## CPU time per operation and bytes per key, beside redis-server
	REDSTART_BIN=$(CURDIR)/bin/redstart $(GO) run ./tests/bench $(BENCHFLAGS)

profile: ## cmd/redstart/default.pgo anew, which the compiler optimises for: of the loads that bench has
	rm -rf bin/profiles && mkdir -p bin/profiles
	REDSTART_PROFILES=$(CURDIR)/bin/profiles $(GO) run ./tests/bench -servers redstart -quick -loads $(PROFILELOADS)
	$(GO) tool pprof -proto bin/profiles/*.pprof >bin/default.pgo
	mv bin/default.pgo cmd/redstart/default.pgo

docs: ## the pages that are generated from the code
	$(GO) generate ./...

ci: ## everything
	.ci/run

clean:
	rm -rf bin
