# Sluice, the short commands. Each makes the machine able to do its part first
# (deps/setup.sh says what it installs), then builds under build/.

JOBS ?= $(shell nproc 2>/dev/null || echo 2)
FUZZ_SECONDS ?= 60
CTEST ?= ctest
ROOT := $(CURDIR)

# $(call build,preset,targets): quiet unless it fails.
define build
@mkdir -p build
@{ { [ -f build/$(1)/Makefile ] || cmake --preset $(1); } && \
   cmake --build build/$(1) -j $(JOBS) --target $(2); } >build/$(1).log 2>&1 || \
   { cat build/$(1).log; exit 1; }
endef

# What scripts under test/ are told: $(call told,preset)
told = SLUICE_BIN=$(ROOT)/build/$(1)/sluice SLUICE_MOCK_BIN=$(ROOT)/build/$(1)/sluice-mock \
       SLUICE_BUILD=$(ROOT)/build/$(1) SLUICE_SOURCE=$(ROOT) \
       PATH="$$PATH:/usr/sbin:$(ROOT)/deps/.tools/bin"

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# ./sluice and ./sluice-mock
define programs
$(call build,release,sluice sluice-mock $(1))
@ln -sf build/release/sluice sluice
@ln -sf build/release/sluice-mock sluice-mock
endef

run: ## build, then serve on 127.0.0.1:8080 (with the mock provider if no provider key is set)
	@sh deps/setup.sh run
	$(call programs)
	@sh conf/dev-run.sh

release: ## build ./sluice as it is deployed: once to watch itself at work, and again, laid out by that
	@sh deps/setup.sh run test
	$(call build,profile,sluice sluice-mock bench_load bench_words)
	@$(call told,profile) python3 -B test/bench/train.py
	@cmake --preset release >build/release.log
	$(call programs,bench_load bench_words)

# Tests wait for three quarters of their time: three at once leave two cores room.
test: ## everything that needs neither clang nor npm, under the sanitizers (ONLY=regex for a part)
	@sh deps/setup.sh test
	$(call build,asan,all)
	@cd build/asan && rm -f Testing/Temporary/LastTestsFailed*.log && \
	    { $(CTEST) -j 3 --output-on-failure $(if $(ONLY),-R '$(ONLY)') || \
	      sh $(ROOT)/test/again.sh $(CTEST); }

test-clients: ## the official clients, fetched by npm, those of guides, and the dashboard in Chromium, against the gateway
	@sh deps/setup.sh test clients
	$(call build,asan,sluice sluice-mock)
	@$(call told,asan) sh test/clients/run.sh
	@$(call told,asan) python3 -B test/browser/t_dashboard.py

bench: release ## this gateway and nginx in turn, against the same provider; what lists of words cost
	@sh deps/setup.sh bench test
	@$(call told,release) sh test/bench/run.sh

bench-faults: release ## providers fail under load: client errors, latencies, retries, queue, with figures
	@$(call told,release) python3 -B test/bench/faults.py

fuzz: ## each fuzz target for FUZZ_SECONDS (60), its corpus grows
	@sh deps/setup.sh fuzz
	$(call build,fuzz,fuzzers)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) sh test/fuzz/run.sh build/fuzz/test

lint: ## the house rules, formatting, shell, YAML, and clang's warnings
	@sh deps/setup.sh test lint
	$(call build,clang,all)
	@$(call told,clang) sh test/lint/run.sh

format: ## write the formatting that lint asks for
	@sh deps/setup.sh lint
	@find src test -name '*.[ch]' -print0 | xargs -0 clang-format -i

clean: ## forget what was built (deps/.prefix and deps/.tools stay)
	rm -rf build sluice sluice-mock

.DEFAULT_GOAL := help
.PHONY: help run release test test-clients bench bench-faults fuzz lint format clean
