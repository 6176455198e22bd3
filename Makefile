# Everything that this project does, by name.
#
# SPDX-License-Identifier: LGPL-2.1-or-later

BUILD = build
# libvirt as it is installed on the emulated Xen host
DEST = $(BUILD)/host-libvirt

.PHONY: help deps build install-tree demo check check-unit check-xen shell clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

deps: ## install the packages that the other targets need (apt, as root or with sudo)
	@scripts/install-deps

build: deps ## fetch, verify and patch libvirt, and build it with our files
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD)
	meson compile -C $(BUILD)

install-tree: build
	@rm -rf $(DEST)
	@DESTDIR="$(CURDIR)/$(DEST)" meson install -C $(BUILD) --no-rebuild --quiet

demo: install-tree ## show a guest with two device models on an emulated Xen host
	tests/xenhost/demo --libvirt $(DEST)

check: install-tree ## run all tests; the last line is their count
	scripts/run-checks --build $(BUILD) --libvirt $(DEST) unit xen

check-unit: build ## run our unit tests and libvirt's own
	scripts/run-checks --build $(BUILD) unit

check-xen: install-tree ## run the tests on the emulated Xen host (ONE=name for one of them)
	scripts/run-checks --libvirt $(DEST) xen $(ONE)

shell: install-tree ## give a shell on the emulated Xen host, which ends with it
	tests/xenhost/xenhost start --libvirt $(DEST) --name shell --reuse
	-tests/xenhost/xenhost shell --name shell
	tests/xenhost/xenhost stop --name shell

clean: ## remove what was built; the cache outside the repository stays
	rm -rf $(BUILD) subprojects/libvirt
