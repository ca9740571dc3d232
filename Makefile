# Trunkline. Two commands are enough on a fresh Debian 12 with git, make and Go:
#
#   make run     install what is missing, build, start: prints the address and a one-time sign-in link
#   make test    install what is missing, build, run every test against real Docker, Open vSwitch and a browser
#
# and make test-kernel measures delay, rate and tunnels on two kernels that it boots, whatever this machine's own kernel lacks.
#
# Everything else: make help

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory
export PATH := $(PATH):/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin

VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)
# Where git refuses to read the checkout (another user's), go build would fail on the version stamp it takes from there.
VCS     := $(if $(filter unknown,$(VERSION)),-buildvcs=false)
LDFLAGS := -X main.Version=$(VERSION)
GOBUILD := go build $(VCS)
STATIC  := CGO_ENABLED=0 $(GOBUILD) -trimpath -ldflags '-s -w $(LDFLAGS)'

# How many packages are tested at once. They share one Docker engine, one Open vSwitch and the machine: more is quicker, and less calm.
TEST_PARALLEL ?= 1
TEST_PACKAGES ?= ./...
TEST_TIMEOUT  ?= 30m

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test test-kernel check build images daemons install install-test bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install daemons images build ## start Trunkline on this machine (as root); more flags by ARGS="--listen :8080"
	@exec bin/trunkline up --egress $(ARGS)

test: install-test daemons images build ## every test, with real Docker, Open vSwitch and a browser (as root)
	TRUNKLINE_REQUIRE_REAL=1 go test $(VCS) -count=1 -timeout $(TEST_TIMEOUT) -p $(TEST_PARALLEL) $(TEST_PACKAGES)
	TRUNKLINE_TEST_CONTROL=postgres go test $(VCS) -count=1 -timeout 10m -skip 'WhateverHappens|EveryRealLab' ./lab/control/

test-kernel: install-test daemons images build ## boot two kernels and measure a lab over both (as root); writes bench/out/kernel.json
	TRUNKLINE_TEST_KERNEL=1 TRUNKLINE_REQUIRE_REAL=1 TRUNKLINE_BINARIES=$(CURDIR)/bin go test $(VCS) -count=1 -timeout 25m -v ./internal/kernel/

check: ## formatting, vet and the fast tests; needs no root
	@bad=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }
	go vet $(TEST_PACKAGES)
	env -u TRUNKLINE_REQUIRE_REAL TRUNKLINE_NO_REAL=1 go test $(VCS) -short $(TEST_PACKAGES)

build: ## bin/trunkline, bin/trunkline-host and bin/trunkline-init
	@mkdir -p bin
	@[ -x bin/trunkline ] || echo "Building Trunkline. The first time takes a minute or two."
	@$(STATIC) -o bin/trunkline-init ./cmd/trunkline-init
	@$(STATIC) -o bin/trunkline-host ./cmd/trunkline-host
	@$(GOBUILD) -ldflags '$(LDFLAGS)' -o bin/trunkline ./cmd/trunkline
	@[ -z "$${SUDO_UID:-}" ] || chown -R "$$SUDO_UID:$$SUDO_GID" bin

images: daemons ## the node images that are missing or out of date; with a registry: BASE_FROM=debian:bookworm-slim
	@images/build.sh

daemons: install
	@internal/setup/daemons.sh start

install:
	@internal/setup/install.sh run

install-test:
	@internal/setup/install.sh test

bench: $(patsubst internal/bench/%/,bench-%,$(wildcard internal/bench/*/)) ## every bench, one after the other

bench-%: images build ## one bench, such as bench-deploy; prints its metrics and writes bench/out/NAME.json
	@mkdir -p bench/out
	go run $(VCS) ./internal/bench/$* $(ARGS)

clean: ## what was built; labs, images and daemons stay
	rm -rf bin bench/out
