# Isobar. `make run` starts everything on this machine, `make test` proves it; both install what is missing.
# Knobs: SAN=address,undefined|thread  WERROR=1  CC=clang  V=1 (shows the commands)  FAULTS=1 (fail points, for tests only)

CC      := $(if $(FUZZ),clang,$(if $(filter default,$(origin CC)),gcc,$(CC)))
comma   := ,
SAN     := $(if $(FUZZ),fuzzer-no-link$(comma)address$(comma)undefined,$(SAN))
BUILD   := build/$(if $(FUZZ),fuzz,$(if $(FAULTS),faults,$(if $(SAN),$(firstword $(subst $(comma), ,$(SAN))),$(notdir $(CC)))))
GEN     := build/gen
Q       := $(if $(V),,@)
VERSION := 0.1.0

PACKAGES := rdkafka libzmq hiredis libmicrohttpd libprotobuf-c libcurl jansson libcrypto zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -linih -lm -lpthread \
            -Wl,--push-state,--as-needed -lunistring -Wl,--pop-state
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion -Wformat=2
HARDEN   := -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
CFLAGS   ?= $(if $(FUZZ),-O1 -gline-tables-only,-O2 -g)
FLAGS    := -std=c17 -D_GNU_SOURCE $(HARDEN) $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) \
            $(if $(FUZZ),-fno-sanitize-recover=all) $(if $(FAULTS),-DISOBAR_FAULTS) \
            -DISOBAR_VERSION='"$(VERSION)"' -Icommon -isystem $(GEN) $(PKG_CFLAGS)
OURS     := $(WARN) $(if $(WERROR),-Werror)
# Where it is there, hundreds of programs of the tests are linked in a tenth of the time.
MOLD     := $(if $(shell command -v mold 2>/dev/null),-fuse-ld=mold)
LDFLAGS  += $(MOLD) -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN))

# Fuzz targets need half of the modules; when one is missing, the linker says so. What talks to others is left out.
UNFUZZED := $(if $(FUZZ),$(filter-out common/kafka_record.c,$(wildcard common/kafka_*.c)) \
            $(addprefix common/,channel.c channel_monitor.c channel_socket.c link.c link_id.c outbox.c zap.c) \
            $(wildcard worker/session*.c) worker/worker.c $(addprefix fetcher/,calls.c fetcher.c orders.c outcome.c) \
            $(addprefix coordinator/,catalogue.c coordinator.c inbox.c leader.c lease.c operator.c orders.c post.c publish.c \
            reading.c redirect.c security.c standby.c webhook.c) $(addprefix dashboard/,about.c live.c model.c part.c) \
            $(addprefix ctl/,audit.c cluster.c init.c installation.c journal.c judge.c keygen.c keyset.c namespace.c normals.c \
            normals_store.c partition.c plan.c provision.c recount.c render.c status.c stored.c trace.c tried.c verdict.c verify.c why.c) \
            $(wildcard ctl/cities*.c ctl/produce*.c ctl/deadletter*.c ctl/drain*.c ctl/expla*.c ctl/re[pqs]*.c ctl/rule*.c))

PROTOS   := $(wildcard proto/*.proto)
GEN_C    := $(PROTOS:proto/%.proto=$(GEN)/%.pb-c.c) $(GEN)/script.c
GEN_H    := $(PROTOS:proto/%.proto=$(GEN)/%.pb-c.h)
COMMON_O := $(patsubst common/%.c,$(BUILD)/common/%.o,$(filter-out $(UNFUZZED),$(wildcard common/*.c))) $(GEN_C:$(GEN)/%.c=$(BUILD)/gen/%.o)
PROGRAMS := isobar-coordinator isobar-worker isobar-fetcher isobar-dashboard isobarctl isobar-devbroker isobar-owmsim
isobar-coordinator_DIR := coordinator
isobar-worker_DIR      := worker
isobar-fetcher_DIR     := fetcher
isobar-dashboard_DIR   := dashboard
isobarctl_DIR          := ctl
isobar-devbroker_DIR   := tests/devbroker
isobar-owmsim_DIR      := tests/owmsim
isobar-sim_DIR         := tests/sim
isobar-apply_DIR       := tests/oracle
isobar-quota_DIR       := tests/quota
isobar-rhythm_DIR      := tests/rhythm
isobar-crowd_DIR       := tests/load
UNIT     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))

# As many jobs as there are processors, unless the caller says how many.
SUBMAKE  = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all run test check pictures faults chaos load soak fresh fuzz fuzzers lint clean install unit setup programs results
.SECONDARY:
all: setup
	$(Q)$(SUBMAKE) programs
programs: $(PROGRAMS:%=$(BUILD)/bin/%)
	@:
# Recipes that need what setup installs call make again, so that pkg-config answers are fresh.
setup:
	$(Q)deploy/local/setup.sh run

# A program is all .c files of its directory, linked with common.
define program
$(BUILD)/bin/$(1): $(patsubst %.c,$(BUILD)/%.o,$(wildcard $($(1)_DIR)/*.c)) $($(1)_EXTRA) $(BUILD)/libisobar.a
	@mkdir -p $$(@D) && echo "LD $$@"
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $(PKG_LIBS)
endef
# Its commands are done by the functions of isobarctl (dashboard/clerk.h).
isobar-dashboard_EXTRA := $(BUILD)/gen/assets.o $(BUILD)/libctl.a
# explain judges rows by the worker's own processing; plan, and the coordinator, ask providers for their weights. Of archives
# the linker takes what that needs.
isobar-coordinator_EXTRA := $(BUILD)/libproviders.a
isobarctl_EXTRA := $(BUILD)/libworker.a $(BUILD)/libproviders.a
# The simulator stands in for what the components are built on, so its objects come before the library's.
isobar-sim_EXTRA := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,\
                    $(wildcard worker/*.c coordinator/*.c fetcher/*.c)))
isobar-rhythm_EXTRA := $(BUILD)/fetcher/schedule.o $(BUILD)/fetcher/rhythm.o
isobar-apply_EXTRA := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard worker/*.c)))
# The pure modules of both sides.
isobar-quota_EXTRA := $(patsubst %,$(BUILD)/%.o,coordinator/quota coordinator/quota_ledger coordinator/quota_ledger_codec \
                      coordinator/quota_deal fetcher/meter fetcher/bucket fetcher/allowance fetcher/schedule fetcher/rhythm)
$(foreach p,$(PROGRAMS) isobar-sim isobar-apply isobar-rhythm isobar-quota isobar-crowd,$(eval $(call program,$(p))))

$(BUILD)/libisobar.a: $(COMMON_O)
$(BUILD)/libworker.a: $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard worker/*.c)))
$(BUILD)/libctl.a: $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard ctl/*.c)))
$(BUILD)/libproviders.a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard fetcher/provider*.c))
$(BUILD)/libisobar.a $(BUILD)/libworker.a $(BUILD)/libctl.a $(BUILD)/libproviders.a $(BUILD)/libcomponents.a:
	@echo "AR $@"; rm -f $@; ar rcs $@ $^

# -MD, not -MMD: generated headers lie in a system folder, and what includes them must follow the .proto files.
$(BUILD)/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D) && echo "CC $<"
	$(Q)$(CC) $(FLAGS) $(OURS) -MD -MP -c -o $@ $<
$(BUILD)/gen/%.o: $(GEN)/%.c | $(GEN_H)
	@mkdir -p $(@D) && echo "CC $<"
	$(Q)$(CC) $(FLAGS) -MD -MP -c -o $@ $<

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: proto/%.proto
	@mkdir -p $(@D) && echo "PROTOC $<"
	$(Q)protoc-c -Iproto --c_out=$(GEN) $<
# Lua text as C strings: one line of source, one literal.
$(GEN)/script.c: proto/acquire.lua proto/load.lua proto/commit.lua proto/reset.lua
	@mkdir -p $(@D) && echo "GEN $@"
	$(Q)(echo '#include "script.h"'; for f in $^; do n=$$(basename $$f .lua); echo "const char script_$${n}_lua[] ="; \
	  sed 's/\\/\\\\/g; s/"/\\"/g; s/^/    "/; s/$$/\\n"/' $$f; echo '    ;'; done) > $@

# The page: bundled by esbuild, embedded as C arrays.
WEB      := dashboard/web
$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	@echo "NPM $(WEB)"
	$(Q)cd $(WEB) && npm ci --no-audit --no-fund --silent && touch node_modules/.package-lock.json
$(GEN)/assets.c: $(wildcard $(WEB)/src/* $(WEB)/src/*/*) $(WEB)/build.mjs dashboard/openapi.json $(WEB)/node_modules/.package-lock.json
	@echo "WEB $@"
	$(Q)node $(WEB)/build.mjs $@

# A unit test sees common and the pure modules of the components; each runs in a process and directory of its own.
# The two files of the dashboard that need the embedded page are left out.
PURE_O   := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c dashboard/api.c dashboard/page.c $(UNFUZZED),\
            $(wildcard coordinator/*.c worker/*.c fetcher/*.c ctl/*.c dashboard/*.c)))
$(BUILD)/libcomponents.a: $(PURE_O)
$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libcomponents.a $(BUILD)/libisobar.a
	@mkdir -p $(@D) && echo "LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS)
# Fuzz targets (tests/fuzz/README.md), built with FUZZ=1: by clang, for libFuzzer, with both sanitizers.
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/bin/%,$(wildcard tests/fuzz/fuzz_*.c))
$(FUZZERS): $(BUILD)/bin/%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/kit.o \
            $(BUILD)/libcomponents.a $(BUILD)/libisobar.a
	@mkdir -p $(@D) && echo "LD $@"
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ -lcmocka $(PKG_LIBS)
fuzzers: $(FUZZERS)
unit-programs: $(UNIT) $(patsubst %,$(BUILD)/bin/isobar-%,sim apply rhythm quota crowd)
unit: $(UNIT)
	$(Q)for t in $^; do echo "TEST $$t"; $$t || exit 1; done

# ---- the two commands ----

option = $(if $($(1)),--$(2) '$($(1))')
run: all
	$(Q)exec python3 deploy/local/run.py --bin $(BUILD)/bin $(call option,KAFKA,kafka) $(call option,REDIS,redis) \
	  $(call option,PORT,port) $(call option,WORKERS,workers) $(call option,FETCHERS,fetchers) \
	  $(call option,CITIES,cities) $(call option,SOURCE,source)

# ONLY=unit,system runs some suites (tests/run.py --list names them).
test:
	$(Q)deploy/local/setup.sh run test fuzz
	$(Q)tests/kafka/install.sh
	$(Q)$(SUBMAKE) WERROR=1 programs unit-programs
	$(Q)$(SUBMAKE) WERROR=1 SAN=address,undefined CFLAGS="-O1 -g1" programs unit-programs
	$(Q)$(SUBMAKE) WERROR=1 FAULTS=1 programs
	$(Q)$(SUBMAKE) WERROR=1 FUZZ=1 fuzzers
	$(Q)cd tests/browser && npm ci --no-audit --no-fund --silent
	$(Q)/usr/bin/python3 tests/run.py $(if $(ONLY),--only $(ONLY))
check: test
# The pictures of docs/dashboard.md anew.
pictures:
	$(Q)deploy/local/setup.sh run test
	$(Q)$(SUBMAKE) WERROR=1 programs
	$(Q)cd tests/browser && npm ci --no-audit --no-fund --silent
	$(Q)mkdir -p docs/pictures && cd tests/browser && KEEP=1 node --test test_views.mjs
# Every fault with the counts of the acceptance; `make test` runs a selection. ONLY=name runs the tests that match.
faults:
	$(Q)deploy/local/setup.sh run test
	$(Q)tests/kafka/install.sh
	$(Q)$(SUBMAKE) WERROR=1 programs
	$(Q)$(SUBMAKE) WERROR=1 FAULTS=1 programs
	$(Q)FULL=1 /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/faults $(if $(ONLY),-k '$(ONLY)')
# Random faults for TIME seconds; SEED=n draws the same ones again.
chaos:
	$(Q)deploy/local/setup.sh run test
	$(Q)tests/kafka/install.sh
	$(Q)$(SUBMAKE) WERROR=1 FAULTS=1 programs
	$(Q)TIME=$(or $(TIME),600) $(if $(SEED),SEED=$(SEED)) /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/faults/test_chaos.py
# The dashboard under load with the counts of the acceptance; `make test` runs fewer clients.
load:
	$(Q)deploy/local/setup.sh run test
	$(Q)$(SUBMAKE) WERROR=1 programs $(BUILD)/bin/isobar-crowd
	$(Q)FULL=1 /usr/bin/python3 tests/run.py --only load
# The page left open: ten thousand cities for five minutes, and a day of seconds as fast as they go.
soak:
	$(Q)deploy/local/setup.sh run test
	$(Q)$(SUBMAKE) WERROR=1 programs
	$(Q)cd tests/browser && npm ci --no-audit --no-fund --silent
	$(Q)/usr/bin/python3 tests/run.py --only soak
# Each fuzz target for TIME seconds, beginning with what the runs before have learnt. ONLY=rules,provider names some.
fuzz:
	$(Q)deploy/local/setup.sh run test fuzz
	$(Q)$(SUBMAKE) WERROR=1 FUZZ=1 fuzzers
	$(Q)/usr/bin/python3 tests/fuzz/fuzz.py --time $(or $(TIME),60) $(if $(ONLY),--only '$(ONLY)')
# A minimal Debian and a fresh clone: `make fresh SUITE=trixie FRESH=run CA=authority.pem`.
fresh:
	$(Q)deploy/local/setup.sh fresh
	$(Q)/usr/bin/python3 tests/fresh/fresh.py $(if $(SUITE),--suite $(SUITE)) $(if $(FRESH),--only $(FRESH)) $(if $(CA),--ca $(CA))
results:
	$(Q)python3 tests/results.py
lint:
	$(Q)deploy/local/setup.sh run test lint
	$(Q)$(SUBMAKE) programs
	$(Q)tests/lint.sh

PREFIX ?= /usr/local
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/isobar
	install -m 755 $(filter-out %devbroker %owmsim,$(PROGRAMS:%=$(BUILD)/bin/%)) $(DESTDIR)$(PREFIX)/bin
	install -m 644 data/cities.csv data/ATTRIBUTION.md LICENSE $(DESTDIR)$(PREFIX)/share/isobar

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
