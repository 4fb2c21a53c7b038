# vggcache: three programs over one cache of VGG16 features.   `make help` lists the targets.

VERSION := 0.1.0
BUILD   := build
PREFIX  := /usr/local
CC      ?= gcc

# What a build, the demo and the tests need, by Debian's names (see common/install-packages).
BUILD_PACKAGES := gcc libc6-dev pkg-config libglib2.0-dev libvips-dev libopenblas-dev liblmdb-dev liblinear-dev \
                  libhdf5-dev libjansson-dev libxxhash-dev libcairo2-dev libpango1.0-dev libfontconfig-dev
DEMO_PACKAGES  := $(BUILD_PACKAGES) fonts-dejavu-core
TEST_PACKAGES  := $(DEMO_PACKAGES) perl python3 python3-numpy python3-h5py python3-pil liblinear-tools

# Expanded when a recipe runs, not when make starts: pkg-config itself may still have to be installed.
LIBRARIES = vips glib-2.0 gthread-2.0 openblas lmdb hdf5 jansson libxxhash cairo pangocairo fontconfig
CPPFLAGS  = -D_GNU_SOURCE -DVGGCACHE_VERSION='"$(VERSION)"' -I. $(shell pkg-config --cflags $(LIBRARIES))
LDLIBS    = $(shell pkg-config --libs $(LIBRARIES)) -llinear -lm
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu11 -Wall -Wextra -Wno-unused-parameter -pthread

SANITIZERS := address undefined thread
ifdef SANITIZER
ifneq ($(filter-out $(SANITIZERS),$(SANITIZER)),)
$(error SANITIZER=$(SANITIZER) is unknown; choose one of: $(SANITIZERS))
endif
BUILD   := build/$(SANITIZER)
CFLAGS  += -fsanitize=$(SANITIZER) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=$(SANITIZER)
endif

PROGRAMS := extract train evaluate

# common/simd/*.c is compiled once per instruction set, with ISA naming it; the set is chosen at run time.
ARCH := $(shell uname -m)
ifeq ($(ARCH),x86_64)
ISAS := baseline avx2 avx512
endif
ISAS ?= baseline
ISA_FLAGS_baseline :=
ISA_FLAGS_avx2     := -mavx2 -mfma
ISA_FLAGS_avx512   := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
COMMON_SOURCES := $(filter-out common/simd/%,$(wildcard common/*/*.c))
SIMD_SOURCES   := $(wildcard common/simd/*.c)
COMMON_OBJECTS := $(call objects,$(COMMON_SOURCES)) \
                  $(foreach isa,$(ISAS),$(patsubst %.c,$(BUILD)/obj/%.$(isa).o,$(SIMD_SOURCES)))
PROGRAM_OBJECTS = $(call objects,$(wildcard $(1)/*.c))
UNIT_TESTS     := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*.c))

.PHONY: all help demo test unit-tests packages-build packages-demo packages-test clean install format
.DELETE_ON_ERROR:

all: packages-build ## build build/extract, build/train and build/evaluate
	@$(MAKE) --no-print-directory $(PROGRAMS:%=$(BUILD)/%)

$(foreach p,$(PROGRAMS),$(eval $(BUILD)/$(p): $(call PROGRAM_OBJECTS,$(p)) $(BUILD)/libcommon.a))
$(PROGRAMS:%=$(BUILD)/%):
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/libcommon.a: $(COMMON_OBJECTS)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

define simd_rule
$(BUILD)/obj/common/simd/%.$(1).o: common/simd/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(CFLAGS) -O3 $$(ISA_FLAGS_$(1)) -DISA=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS),$(eval $(call simd_rule,$(isa))))

# A unit test is one file; it may reach every object of the programs but their main().
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libprograms.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(BUILD)/libprograms.a: $(call objects,$(filter-out %/main.c,$(wildcard $(PROGRAMS:%=%/*.c))))
	rm -f $@ && ar rcs $@ $^

unit-tests: $(UNIT_TESTS)

test: packages-test ## build everything and run all tests
	@$(MAKE) --no-print-directory $(PROGRAMS:%=$(BUILD)/%) unit-tests
	@BUILD=$(BUILD) tests/run

packages-build packages-demo packages-test: packages-%:
	@common/install-packages $($(shell echo $* | tr a-z A-Z)_PACKAGES)

clean: ## remove what was built
	rm -rf build

format: ## lay out the sources by .clang-format
	clang-format -i $$(git ls-files '*.c' '*.h')

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
