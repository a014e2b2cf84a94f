# What a user and a developer need; `make help` lists it. Each target installs what it needs.
UV := hack/uv
RUN := $(UV) run --locked --quiet
BEGIN := $(shell date +%s)
# Modules of hack.programs: they find, fetch or build what others have made.
PROGRAMS := kubernetes helm cyclonus prometheus tinyproxy crds health release yaml_language_server openapi_generator typescript chromium wiremock prism otelcol

.PHONY: help demo check test chart policies observability image cluster cluster-up cluster-status cluster-down cluster-test e2e fuzz lockouts lossless mutants bench bench-poslog bench-peers bench-operator sbom release-check crd format clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## From manifests to orders, step by step; KEEP=1 leaves it running, PORT_OFFSET=N moves its ports
	@$(RUN) --no-dev --extra operator python -m hack.demo $(if $(KEEP),--keep)

# Compiled modules are kept: each worker would compile all of them anew.
check test: export PYTHONDONTWRITEBYTECODE :=

# The static checks and the unit tests side by side. Each property is tried with 30 examples; with 100 in `make test`.
check: sync ## Lint, types, import rules, unit tests: under a minute
	@$(MAKE) --no-print-directory --output-sync --jobs=2 static unit

.PHONY: static unit
static:
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports --no-logo
	@echo "static checks: $$(($$(date +%s) - $(BEGIN))) s"
unit:
	$(RUN) pytest -q -n 3 --hypothesis-profile=check tests/unit
	@echo "unit tests: $$(($$(date +%s) - $(BEGIN))) s"

# What needs programs of others, or runs the whole product, waits more than it computes: four files of tests at a
# time keep two cores busy, the longest ones first. Each worker has API servers of its own, 1 GB in all. What is
# measured under attack runs alone.
SIDE_BY_SIDE := -n 4 --dist loadfile --no-loadscope-reorder
test: sync ## All that needs no cluster: check, a real API server (built once, in minutes), end to end
	@$(RUN) python -m hack.timed --target 720 \
		$(if $(CHECKED),,"check:60=make check") \
		"more examples=$(RUN) pytest -q -n 2 -m hypothesis tests/unit" \
		"compiled=$(RUN) python -m hack.compiled >/dev/null" \
		"programs=$(foreach program,$(PROGRAMS),$(RUN) python -m hack.programs.$(program) >/dev/null &&) true" \
		"side by side=$(RUN) pytest -q $(SIDE_BY_SIDE) tests/e2e/fuzz tests/integration tests/e2e/processes" \
		"under attack=$(RUN) pytest -q tests/e2e/bounds"

chart: sync ## Lint and test the Helm chart (helm is built once, in minutes)
	@$(RUN) python -m hack.programs.helm >/dev/null
	$(RUN) pytest -q tests/integration/chart

policies: sync ## Check the NetworkPolicies against a table of flows (helm and cyclonus are built once, in minutes)
	@$(RUN) python -m hack.programs.helm >/dev/null
	@$(RUN) python -m hack.programs.cyclonus >/dev/null
	$(RUN) pytest -q tests/integration/policies

observability: sync ## Try each query of dashboard and alerts at a real Prometheus; draw docs/observability.svg and docs/dashboard.svg anew
	@$(RUN) python -m hack.programs.kubernetes >/dev/null
	OBSERVABILITY_PICTURES=docs $(RUN) pytest -q tests/integration/rules tests/integration/observability

image: sync ## Build the image with docker, else (as root) buildah; print its size, start-up and memory
	@$(RUN) python -m hack.image

cluster: cluster-up
cluster-up: ## Have a cluster: that of KUBECONFIG, kind where Docker is, else (root, Linux) a node built once, in minutes
	@hack/cluster/cluster up

cluster-status: ## Say what runs there
	@hack/cluster/cluster status || test $$? = 3

cluster-down: ## End it, and remove all that it left
	@hack/cluster/cluster down

cluster-test: sync ## Test the source-built node: boot one, try it, end it, compare the machine with before (root)
	$(RUN) pytest -q tests/e2e/node

e2e: sync ## From helm install to orders in a real cluster; IMAGE=… one that it pulls, KEEP=1 leaves the cluster, TESTS=…
	$(RUN) python -m hack.e2e $(if $(KEEP),--keep) $(TESTS)

fuzz: sync ## Hostile clients and servers; SIDE=requests|answers|interleavings, else each in turn (REQUESTS, SECONDS, SEED)
	$(RUN) python tests/e2e/fuzz/campaign.py $(if $(SIDE),--side $(SIDE)) $(if $(REQUESTS),--requests $(REQUESTS)) --seconds $(or $(SECONDS),3600) --seed $(or $(SEED),1)

lockouts: sync ## 10,000 simulated runs (RUNS) of a fleet with a wrong credential: how many logins that costs (some three hours)
	TENANTPROXY_RUNS=$(or $(RUNS),10000) $(RUN) pytest -q -s tests/unit/proxy/credentials/test_fleet.py

lossless: sync ## EVENTS (100000) store events by way of relays that are killed, to an OMS that fails: what came of it (some three minutes)
	TENANTPROXY_EVENTS=$(or $(EVENTS),100000) $(RUN) pytest -q -s tests/e2e/processes/test_lossless.py

mutants: ## Mutate the guards' code and run their tests; MODULE=routes, claims, … picks one (10 minutes for all)
	$(RUN) --extra operator --group dev --group mutants python -m hack.mutants $(MODULE)

bench: sync ## Speed as a ratio to a naive forwarder; memory and start-up; BEFORE=… another checkout, to compare with
	$(RUN) --extra operator --group dev --group bench python -m bench $(if $(BEFORE),--before $(abspath $(BEFORE)))

bench-poslog: sync ## Store events per second of a core, beside a naive filter; memory for one of 5 MB (some seconds)
	$(RUN) --extra proxy python -m bench.poslog

bench-peers: sync ## The same beside programs in Go and Rust that do the same work (built once, in minutes); OPTIONS="--quick --only overload"
	$(RUN) --extra operator --group dev --group bench python -m bench.peers $(OPTIONS)

bench-operator: sync ## The operator beside one in Go, with fleets of SIZES (500) TenantProxies, on a real API server; QUICK=1
	@$(RUN) python -m hack.programs.kubernetes >/dev/null
	PYTHONPATH=tests $(RUN) python -m bench.scale --sizes $(or $(SIZES),500) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick)

sbom: sync ## Write what the packages depend on (CycloneDX), of the present commit, to dist/
	@$(RUN) python -m hack.release sbom

release-check: sync ## Try all of a release that needs no outside registry (root, for the image; WITHOUT_IMAGE=1 leaves it out)
	@$(RUN) python -m hack.programs.helm >/dev/null
	@$(RUN) python -m hack.programs.release >/dev/null
	$(RUN) python -m hack.release check $(if $(WITHOUT_IMAGE),--without-image)

crd: sync ## Generate crds/, docs/reference.md, the dashboard, schemas and parts of the chart from the models and values.yaml
	$(RUN) tenantproxy-operator crd > crds/tenantproxies.yaml
	$(RUN) tenantproxy-operator crd --output json-schema > crds/tenantproxy.schema.json
	$(RUN) python -m tenantproxy_operator.api.reference > docs/reference.md
	$(RUN) python -m hack.observability.dashboard
	$(RUN) python -m hack.chart
	$(RUN) python -m hack.poslog_document

format: sync ## Format the code
	$(RUN) ruff check --fix
	$(RUN) ruff format

clean: ## Remove what builds and tests leave in the tree
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis dist

.PHONY: sync
sync:
	@$(UV) sync --locked --quiet --extra operator --group dev
