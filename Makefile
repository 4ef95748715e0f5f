# The front door. Thin on purpose: Meson builds, the scripts in tools/ do the rest.
#
#   make help       lists the targets
#
# ARGS    passed to the demo or the benchmark       make demo ARGS=--once
# SUITE   the Debian that `make fresh` makes        make fresh SUITE=trixie WHAT=demo
# PREFIX  where `make install` puts things (/usr/local); DESTDIR for packagers

BUILD := build
SUITE ?= bookworm
ARGS ?=

.DEFAULT_GOAL := build
.PHONY: help demo build test bench fresh format lint install clean
MAKEFLAGS += --no-print-directory

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: build ## install what is missing, build, mirror a stand-in Jira and print a report (ARGS=--once ends by itself)
	@tools/demo $(ARGS)

build: ## install what is missing and build build/tenon and build/tenon-sandbox
	@tools/setup build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD)
	@ninja -C $(BUILD)

test: ## install what is missing and run what CI runs
	@tools/setup test
	@tools/test

bench: ## install what is missing and measure against the floor and the peer
	@tools/setup test
	@bench/run $(ARGS)

fresh: ## run the README's two commands on a new minimal Debian (SUITE=bookworm|trixie, WHAT=build|demo|test|all, KEEP=1); needs root
	@WHAT="$(WHAT)" KEEP="$(KEEP)" MIRROR="$(MIRROR)" tools/fresh $(SUITE)

format: ## lay the C sources out as CI wants them
	@tools/format

lint: build ## judge the sources: layout, layers, clang-tidy, single use
	@tools/setup test
	@tools/test lint

install: build ## install into PREFIX (/usr/local), below DESTDIR
	@test -z "$(PREFIX)" || meson configure $(BUILD) -Dprefix="$(PREFIX)"
	@DESTDIR="$(DESTDIR)" meson install -C $(BUILD)

clean: ## remove what was built
	rm -rf build build-asan build-tsan
