# Everything that this project does, by name.
#
# SPDX-License-Identifier: LGPL-2.1-or-later

BUILD = build
# libvirt as it is installed on the emulated Xen host
DEST = $(BUILD)/host-libvirt
# what clang builds, with sanitizers
SANITIZE = $(BUILD)-sanitize
# what gcc builds, with ThreadSanitizer
THREADS = $(BUILD)-threads
# libvirt, as each of the patches makes it
SERIES = $(BUILD)-series
# a copy of all, to be broken
MUTANTS = $(BUILD)-mutants
# how long each fuzzer looks
SECONDS = 120
# how many emulated hosts run scenarios side by side; each keeps two cores busy
HOSTS = 1
# after how many minutes 'make check' begins no scenario any more: on a machine that is too slow
# for all of them, those that are left, which prove the least, are named, and count as skipped
MINUTES = 50
# how often the kill matrix makes all fail, and kills the secondary of a disk that is written to
ROUNDS = 24
KILLS = 50

.PHONY: help deps build install-tree demo check check-unit check-xen check-sanitize check-threads check-series fuzz mutants lint deps-sanitize coverage benchmark soak kill-matrix shell clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

deps: ## install the packages that the other targets need (apt, as root or with sudo)
	@scripts/install-deps

build: deps ## fetch, verify and patch libvirt, and build it with our files
	@test -f $(BUILD)/build.ninja || scripts/step $(BUILD)/log/setup.log \
		"fetching, verifying and patching libvirt, and configuring the build" meson setup $(BUILD)
	@scripts/step $(BUILD)/log/compile.log "building libvirt, the scope library and the tests" \
		meson compile -C $(BUILD)

install-tree: build
	@rm -rf $(DEST)
	@DESTDIR="$(CURDIR)/$(DEST)" meson install -C $(BUILD) --no-rebuild --quiet

demo: install-tree ## show a guest with two device models on an emulated Xen host
	tests/xenhost/demo --libvirt $(DEST)

check: install-tree ## run the tests, none of them begun after MINUTES=50; the last line is their count
	scripts/run-checks --build $(BUILD) --libvirt $(DEST) --hosts $(HOSTS) --minutes $(MINUTES) unit xen

check-unit: build ## run our unit tests and libvirt's own
	scripts/run-checks --build $(BUILD) unit

check-xen: install-tree ## run the tests on emulated Xen hosts (ONE=name for one of them, HOSTS=2 on four cores)
	scripts/run-checks --libvirt $(DEST) --hosts $(HOSTS) xen $(ONE)

soak: install-tree ## let domains with device models live 50 times each, and compare the host's resources
	tests/xenhost/soak --libvirt $(DEST)

kill-matrix: install-tree ## make secondaries fail a thousand times, for two hours, and add to docs/reliability.rst (ROUNDS=24, KILLS=50)
	tests/xenhost/kill-matrix --libvirt $(DEST) --rounds $(ROUNDS) --kills $(KILLS) \
		--results $(BUILD)/kill-matrix.json --document docs/reliability.rst

coverage: deps ## print what the unit tests run of the configuration code
	scripts/coverage --build $(BUILD)-coverage

benchmark: install-tree ## measure beside unpatched libvirt, and write docs/performance.md
	stock=$$(scripts/build-stock --build $(BUILD)) && \
	scripts/bench-conversion --build $(BUILD) --document docs/performance.md && \
	tests/xenhost/benchmark --libvirt $(DEST) --stock "$$stock/install" --document docs/performance.md && \
	tests/xenhost/looks --libvirt $(DEST) --document docs/performance.md

check-sanitize: deps-sanitize ## run our unit tests under AddressSanitizer and UBSan
	scripts/build-sanitize $(SANITIZE)
	scripts/check-sanitize $(SANITIZE)

check-threads: deps ## look for data races, in our unit tests and in a daemon that clients crowd
	scripts/build-sanitize --threads $(THREADS) all
	scripts/check-sanitize $(THREADS)
	@rm -rf $(THREADS)/host-libvirt
	@DESTDIR="$(CURDIR)/$(THREADS)/host-libvirt" meson install -C $(THREADS) --no-rebuild --quiet
	tests/xenhost/check --libvirt $(THREADS)/host-libvirt --name threads crowd short-soak guest-crash deaths-at-bad-times restarts-at-bad-times

check-series: build ## build and test libvirt after each of the patches
	tests/check-series --build $(BUILD) $(SERIES)

fuzz: deps-sanitize ## look for inputs that break our parsers (SECONDS=120, ONE=name)
	scripts/build-sanitize $(SANITIZE) $(if $(ONE),tests/fuzz/$(ONE),fuzzers)
	scripts/fuzz --build $(SANITIZE) --seconds $(SECONDS) $(ONE)

mutants: deps ## break the code on purpose and look whether a test sees it; writes docs/mutants.md (ONE=word)
	scripts/mutants --copy $(MUTANTS) $(if $(ONE),"$(ONE)",--document)

lint: deps ## look at our C files with clang-tidy and cppcheck
	@scripts/install-deps lint
	scripts/build-sanitize $(SANITIZE)
	scripts/lint $(SANITIZE)

deps-sanitize: deps
	@scripts/install-deps sanitize

shell: install-tree ## give a shell on the emulated Xen host, which ends with it
	tests/xenhost/xenhost start --libvirt $(DEST) --name shell --reuse
	-tests/xenhost/xenhost shell --name shell
	tests/xenhost/xenhost stop --name shell

clean: ## remove what was built; the cache outside the repository stays
	rm -rf $(BUILD) $(BUILD)-coverage $(SANITIZE) $(THREADS) $(SERIES) $(MUTANTS) subprojects/*/
