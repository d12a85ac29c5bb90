# Each target is a line or two that you can also type. CI runs the same.
GO ?= go
MAJORS ?= 13 14 15 16 17 18
FUZZTIME ?= 30s
TRIALS ?= 310
# A guard against hangs: a machine that is forty times as busy needs it, too.
TIMEOUT ?= 2h

.PHONY: build demo test test-all update test-matrix bench fixes-campaign plan-campaign fuzz faults race vulncheck lint e2e conformance release-snapshot

build: ## bin/assay
	$(GO) build -o bin/assay ./cmd/assay

demo: build ## a bad change (exit code 1 is right) and the same change made well
	@echo '== testdata/demo/bad: the last 3 migrations are new'
	@bin/assay lint -C testdata/demo/bad --latest 3; code=$$?; echo "exit code $$code"; test $$code -eq 1
	@echo
	@echo '== testdata/demo/good: the last 9 migrations do the same with care'
	@bin/assay lint -C testdata/demo/good --latest 9; code=$$?; echo "exit code $$code"; test $$code -eq 0

test: ## every package, on one PostgreSQL, with a sample of many similar cases
	$(GO) test -timeout $(TIMEOUT) ./...

test-all: ## every case on one PostgreSQL: the long form of test
	ASSAY_TEST_ALL=1 $(GO) test -count=1 -timeout $(TIMEOUT) ./...

update: ## rewrite every expected output and generated page; then read the diff
	$(GO) test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

test-matrix: ## the checks' fixtures on every supported major
	@set -e; for major in $(MAJORS); do \
		echo "== PostgreSQL $$major"; \
		ASSAY_TEST_MAJORS=$$major ASSAY_TEST_SCHEMAS=300 ASSAY_TEST_ALL=1 $(GO) test -count=1 -timeout $(TIMEOUT) ./analyzers ./internal/devdb/... ./internal/pipeline ./policy/...; \
	done

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

fixes-campaign: ## every fix of testdata/fixes.txtar in the layout of every format; takes hours
	ASSAY_TEST_FIXES=1 $(GO) test -count=1 -v -timeout $(TIMEOUT) -run TestFixesEverywhere ./cmd/assay

plan-campaign: ## plan between the states of real histories (ASSAY_CORPORA), there and back; takes an hour
	ASSAY_TEST_ALL=1 $(GO) test -count=1 -v -timeout $(TIMEOUT) -run TestPlanCampaign ./cmd/assay

fuzz: ## each fuzz target for FUZZTIME: a time, or a number of inputs such as 500x
	@set -e; for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$pkg/*_test.go | cut -c6-); do \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
		done; \
	done

faults: ## harm to TRIALS runs, and docs/reliability.md of what came of it
	$(GO) test -count=1 -timeout $(TIMEOUT) ./internal/faults -run TestFaults -trials $(TRIALS) -page

race: ## the tests under the race detector, one package at a time
	$(GO) test -race -p 1 -timeout $(TIMEOUT) ./...

vulncheck: ## known vulnerabilities in what the program calls
	@if curl -fsS --max-time 30 -o /dev/null $${GOVULNDB:-https://vuln.go.dev}/index/db.json; then \
		$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...; \
	else \
		echo "vulncheck: left out: the database of vulnerabilities cannot be reached (GOVULNDB names another)" >&2; \
	fi

lint:
	$(GO) vet ./...
	golangci-lint run

e2e: ## the ways into CI, with the real tools
	integrations/e2e/run

conformance: ## the migration tools themselves beside assay, and docs/formats.md of what came of it
	integrations/conformance/run -page

release-snapshot: ## what goreleaser would release, for this machine
	integrations/e2e/release-snapshot
