# SPDX-License-Identifier: Apache-2.0
# One door for people and for CI: every job CI runs is a target here.
SWIFT ?= swift
FLAGS := --explicit-target-dependency-import-check error
CODE := Package.swift Sources Tests Benchmarks
SEEDS ?= 1000
FIRST_SEED ?= 1
export SWIFT_BACKTRACE := enable=no

.PHONY: help setup build release test lint format golden charts image sim demo demo-node helm stories \
	bench parity clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

setup: ## install what is missing: system libraries and the tools that tests use
	@scripts/setup

build: setup ## debug build; warnings are errors, arrows between rooms are checked
	$(SWIFT) build $(FLAGS)
	@scripts/link-names debug

release: setup ## optimised build of everything that ships
	$(SWIFT) build $(FLAGS) -c release
	@scripts/link-names release

test: setup ## every test: rooms, simulation, real processes, parity with etcd
	@scripts/run-tests

lint: ## formatting and naming; nothing is rewritten
	$(SWIFT) format lint --strict --parallel --recursive $(CODE)

format: ## rewrite in house style
	$(SWIFT) format --in-place --parallel --recursive $(CODE)

golden: ## rewrite golden files; then read the diff
	KEELSON_REWRITE=1 $(SWIFT) test $(FLAGS) --filter Golden
	git diff --stat -- '*/Golden/*' Manifests charts docs/api.md

charts: ## check charts and manifests (REWRITE=1 rewrites what is rendered)
	@scripts/charts $(if $(REWRITE),--rewrite)

image: ## build dist/keelson-VERSION.tar, an OCI image, without a daemon
	@scripts/image

sim: setup ## simulate SEEDS clusters (SEEDS=1000 FIRST_SEED=1)
	$(SWIFT) build $(FLAGS) -c release --product keelson-sim
	.build/release/keelson-sim run --seeds $(SEEDS) --first $(FIRST_SEED)

demo: setup ## a cluster on Kubernetes objects: faults, repairs, backup, restore
	@scripts/demo-kubernetes

helm: release ## a life of both charts by real Helm on the sandbox
	@python3 Tests/SandboxTests/helm.py --bin .build/release

stories: release ## the operator's second day on real processes (ONLY=name,name for some)
	@python3 Tests/SandboxTests/stories.py --bin .build/release $(if $(ONLY),--only $(ONLY))

demo-node: setup ## three members without Kubernetes, the leader is killed, nothing is lost
	@scripts/demo

bench: setup ## etcd and keelson-node in turns, one load generator
	@scripts/bench

parity: release ## the same cases on real etcd and on keelson-node
	@scripts/parity

clean: ## remove build products
	rm -rf .build .cache
