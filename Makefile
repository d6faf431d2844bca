# One target per thing a person or CI does; CI calls these same targets. `make` alone lists them.

CARGO ?= cargo
# Never `-p`: cargo would build shared crates once more for each choice of packages.
LAB   := $(CARGO) run --release --bin lab --
# Not `:=`: the script is told which target asks.
BUILD  = e2e/prerequisites.sh $@
# Tests against real parts wait most of their time: more of them at once than there are cores.
TEST_THREADS ?= 4

.DEFAULT_GOAL := help
.PHONY: help demo test check fmt lint doc tidy unit integration faults bench bench-growth scale kills freeze outages e2e generate deny advisories images lab-up lab-env lab-down clean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## from a bare machine to records in ReductStore, read back and compared (PLAN=1 only says what it would do)
ifdef PLAN
	@cat e2e/demo/plan.txt
else
	@$(BUILD)
	$(CARGO) run --release --bin demo -- $(DEMO_ARGS)
endif

test: ## what CI asks of a change (`make e2e` and `make deny` are run apart)
	@$(BUILD)
	@$(MAKE) --no-print-directory fmt lint doc unit integration

check: fmt lint tidy ## the quick part of `make test`, without tests that need the lab

fmt: ## fails where the code is not formatted
	$(CARGO) fmt --all --check

lint: ## clippy, warnings are errors
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --workspace --test cluster -- -D warnings

doc: ## builds the API documentation, broken links are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

tidy: ## the house rules that clippy does not know
	$(CARGO) test --workspace --test tidy

unit: ## tests that need nothing but the compiler
	$(CARGO) test --workspace --lib --bins --test agreement --test generated --test groups --test manifests --test offsets --test tidy
	$(CARGO) test --workspace --doc --quiet

# Brokers and tools of tests live for seconds: code that is compiled twice for speed costs more than it brings.
integration: export JAVA_TOOL_OPTIONS = -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
integration: ## tests against the real Kafka, ReductStore and kube-apiserver that the lab starts
	$(CARGO) build --workspace --bins
	target/debug/lab up kafka store apiserver
	status=0; $(CARGO) test --workspace --test integration --test registry --test replaced_topics --test topic_ids -- --test-threads=$(TEST_THREADS) || status=$$?; \
	  target/debug/lab down; exit $$status

faults: ## kills store, broker and members, tears logs, freezes members: nothing may be lost or stored twice (QUICK=1: a tenth of it)
	@$(BUILD)
	@# The build without the commit gate must lose something: that proves the faults and the checker.
	$(CARGO) build --release --workspace --bin kafkasink-runtime --features kafkasink-runtime/no-commit-gate
	install -D target/release/kafkasink-runtime target/no-commit-gate/kafkasink-runtime
	$(CARGO) build --release --workspace --bin kafkasink-runtime --bin faults
	target/release/faults $(if $(QUICK),--quick) $(FAULTS_ARGS)

freeze: ## 64 partitions of 1 MB messages and a store that says nothing for ten minutes, inside 256 MiB (needs root; about 12 minutes)
	@$(BUILD)
	$(CARGO) build --workspace --bins
	KAFKASINK_TEST_FREEZE_SECONDS=600 $(CARGO) test --workspace --test integration -- frozen_store

outages: ## the broker hangs, and is gone, for three minutes; full disk, quota and standstill as in `make test` (needs root; about 5 minutes)
	@$(BUILD)
	$(CARGO) build --workspace --bins
	KAFKASINK_TEST_AWAY_SECONDS=180 $(CARGO) test --workspace --test integration -- outages::

e2e: ## the cluster itself: DNS, Services, exec, and that nothing of it stays on the machine (needs root)
	@$(BUILD)
	@$(CARGO) build --workspace --bins
	@$(CARGO) test --workspace --test cluster && echo "e2e: passed" || { echo "e2e: failed"; exit 1; }

bench: ## throughput, CPU, memory and latency beside a pipeline without guarantees (about 20 minutes; BENCH_ARGS="--help")
	@$(BUILD)
	@$(CARGO) build --release --workspace --bin kafkasink-runtime --bin bench
	@target/release/bench $(BENCH_ARGS)

bench-growth: ## CPU per message while a million messages are stored (about 10 minutes)
	@$(MAKE) --no-print-directory bench BENCH_ARGS="--cases growth --results target/bench/growth.json"

scale: ## 500 KafkaSinks under one operator: how soon they are ready, what it costs at rest (about 15 minutes; SCALE_ARGS="--help")
	@$(BUILD)
	@$(CARGO) build --release --workspace --bin kafkasink-operator --bin scale
	@target/release/scale $(SCALE_ARGS)

kills: ## kills the operator 50 times while 20 resources are created, edited and deleted (about 5 minutes; KILLS=NUMBER SEED=NUMBER)
	@$(BUILD)
	$(CARGO) build --workspace --bins
	KAFKASINK_TEST_KILLS=$(or $(KILLS),50) $(if $(SEED),KAFKASINK_TEST_SEED=$(SEED)) $(CARGO) test --workspace --test integration -- kill_storm

generate: ## writes the generated files anew (the CRD and its chart)
	$(CARGO) run --quiet --bin kafkasink-operator -- crd > target/kafkasinks.yaml
	cp target/kafkasinks.yaml crds/kafkasinks.yaml
	cp target/kafkasinks.yaml charts/kafkasink-crds/files/kafkasinks.yaml

deny: ## licences, sources and banned crates (needs cargo-deny)
	$(CARGO) deny check bans licenses sources

advisories: ## known vulnerabilities of dependencies (needs cargo-deny and the advisory database)
	$(CARGO) deny check advisories

images: ## writes the two images as OCI archives into target/images
	@$(BUILD)
	$(LAB) images --to target/images

lab-up: ## starts Kafka and ReductStore on 127.0.0.1; `eval "$(make -s lab-env)"` names them
	@$(BUILD)
	$(LAB) up kafka store

lab-env: ## prints how to reach what the lab runs, for `eval`
	@$(CARGO) run --quiet --release --bin lab -- env

lab-down: ## stops what the lab started and leaves the machine as it was
	$(LAB) down

clean: ## removes what was built here (the lab's cache stays; `rm -r` of the folder that `make demo PLAN=1` names frees it)
	$(CARGO) clean
