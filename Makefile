# vggcache: three programs around one cache of VGG16 features. `make help` lists the targets.

VERSION := 0.1.0
BUILD   := build
PREFIX  := /usr/local
OUT     := out
DATA    := data/food-101
ifeq ($(origin CC),default)
CC      := gcc
endif

# Debian packages that the build, the demo and the tests need (see common/make/install-packages).
BUILD_PACKAGES := gcc libc6-dev pkg-config libglib2.0-dev libvips-dev libjpeg-dev libopenblas-dev liblmdb-dev liblinear-dev \
                  libhdf5-dev libjansson-dev libxxhash-dev libseccomp-dev libarchive-dev libcairo2-dev libpango1.0-dev \
                  libfontconfig-dev libssl-dev libprotobuf-c-dev protobuf-c-compiler
DEMO_PACKAGES  := $(BUILD_PACKAGES) fonts-dejavu-core
FETCH_PACKAGES := curl ca-certificates
TEST_PACKAGES  := $(DEMO_PACKAGES) $(FETCH_PACKAGES) perl python3 python3-numpy python3-h5py python3-lmdb python3-xxhash python3-pil python3-jsonschema liblinear-tools chromium chromium-driver
KERAS_PACKAGES := $(BUILD_PACKAGES) python3-venv
SLURM_PACKAGES := $(DEMO_PACKAGES) python3 slurm-wlm munge
CHECK_PACKAGES := $(BUILD_PACKAGES) git python3 clang clang-format clang-tidy
COVERAGE_PACKAGES := gcovr
DEB_PACKAGES   := $(BUILD_PACKAGES) dpkg-dev lintian
DISTRIBUTIONS_PACKAGES := git debootstrap
ARM64_PACKAGES := $(CHECK_PACKAGES) perl gcc-aarch64-linux-gnu qemu-user mmdebstrap
FUZZ_PACKAGES  := $(BUILD_PACKAGES) clang libclang-rt-dev

# Expanded when a recipe runs, not when make starts, as pkg-config may have to be installed first.
LIBRARIES = vips libjpeg glib-2.0 gthread-2.0 lmdb hdf5 jansson libxxhash libseccomp libarchive cairo pangocairo fontconfig libcrypto libprotobuf-c
CPPFLAGS  = -D_GNU_SOURCE -DVGGCACHE_VERSION='"$(VERSION)"' -I. $(shell pkg-config --cflags $(LIBRARIES) openblas)
LDLIBS    = $(shell pkg-config --libs $(LIBRARIES)) -lm
CFLAGS   ?= -O3 -g

# Flags that CFLAGS and LDFLAGS on the command line do not replace.
NEEDED  := -std=gnu11 -Wall -Wextra -Wno-unused-parameter -pthread
HARDEN  := -fPIE -fstack-protector-strong
LINKING := -pie -Wl,-z,relro,-z,now

SANITIZERS := address undefined thread
ifdef SANITIZER
ifneq ($(filter-out $(SANITIZERS),$(SANITIZER)),)
$(error SANITIZER=$(SANITIZER) is unknown; choose one of: $(SANITIZERS))
endif
BUILD   := build/$(SANITIZER)
NEEDED  += -fsanitize=$(SANITIZER) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LINKING += -fsanitize=$(SANITIZER)
else
HARDEN  += -D_FORTIFY_SOURCE=2
endif
COMPILE  = $(CC) $(CPPFLAGS) $(CFLAGS) $(NEEDED) $(HARDEN)
LINK     = $(CC) $(CFLAGS) $(NEEDED) $(LDFLAGS) $(LINKING)

# One short line per file; V=1 shows the commands, -s nothing.
SAY = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-4s %s\n' $(1) $(@:$(BUILD)/%=%) &&)

PROGRAMS := extract train evaluate

# A second make after the packages are installed, on all processors unless the caller chose a number of jobs.
BUILD_NOW = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

# common/arithmetic/simd/*.c is compiled once per instruction set, with -DISA=SET; the set is chosen at run time.
ARCH := $(shell uname -m)
ifeq ($(ARCH),x86_64)
ISAS := baseline avx2 avx512
endif
ISAS ?= baseline
ISA_FLAGS_baseline :=
ISA_FLAGS_avx2     := -mavx2 -mfma -mf16c
ISA_FLAGS_avx512   := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
COMMON_SOURCES := $(wildcard common/*/*.c)
SIMD_SOURCES   := $(wildcard common/arithmetic/simd/*.c)
# Compiled once more without fused multiply-adds, for portable convolutions (common/arithmetic/conv.h).
UNFUSED        := $(ISAS:%=%_unfused)
UNFUSED_SOURCES := common/arithmetic/simd/multiply.c common/arithmetic/simd/winograd.c
$(foreach isa,$(ISAS),$(eval ISA_FLAGS_$(isa)_unfused := $(ISA_FLAGS_$(isa)) -ffp-contract=off))
COMMON_OBJECTS := $(call objects,$(COMMON_SOURCES)) \
                  $(foreach isa,$(ISAS),$(SIMD_SOURCES:%.c=$(BUILD)/obj/%.$(isa).o)) \
                  $(foreach isa,$(UNFUSED),$(UNFUSED_SOURCES:%.c=$(BUILD)/obj/%.$(isa).o))
PROGRAM_OBJECTS = $(call objects,$(wildcard $(1)/*.c $(1)/*/*.c))
UNIT_TESTS     := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*/*.c tests/unit/*/*/*.c))
TEST_TOOLS     := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))

BENCHMARKS     := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

.PHONY: all always deps check check-format check-clang check-tidy coverage help demo bench bench-peers man dist test test-arm64 test-distributions test-machines test-keras test-slurm torture unit-tests fuzz bench-layers bench-store bench-growth weights food101-data packages-build packages-demo packages-test packages-fuzz packages-fetch packages-check packages-coverage packages-arm64 packages-keras packages-deb packages-distributions clean deb install format
.DELETE_ON_ERROR:

all: ## build build/extract, build/train and build/evaluate; installs nothing
	@common/make/install-packages --check $(BUILD_PACKAGES)
	+@$(BUILD_NOW) $(PROGRAMS:%=$(BUILD)/%)

deps: packages-build ## install the packages that a build needs

$(foreach p,$(PROGRAMS),$(eval $(BUILD)/$(p): $(call PROGRAM_OBJECTS,$(p)) $(BUILD)/libcommon.a))
$(PROGRAMS:%=$(BUILD)/%):
	$(call SAY,LINK) $(LINK) $^ $(LDLIBS) -o $@

# ONNX's format: its description becomes C.
ONNX := $(BUILD)/obj/evaluate/export/onnx.pb-c
$(ONNX).c $(ONNX).h &: evaluate/export/onnx.proto
	@mkdir -p $(@D)
	$(call SAY,PB) protoc-c --proto_path=$(<D) --c_out=$(@D) $<
$(ONNX).o: $(ONNX).c $(BUILD)/flags
	$(call SAY,CC) $(COMPILE) -I$(BUILD)/obj -c $< -o $@
$(BUILD)/obj/evaluate/export/onnx_graph.o: CPPFLAGS += -I$(BUILD)/obj
$(BUILD)/obj/evaluate/export/onnx_graph.o: | $(ONNX).h
$(BUILD)/evaluate $(BUILD)/libprograms.a: $(ONNX).o

# Included by the assembler, which reports no dependencies.
$(BUILD)/obj/evaluate/report/report_assets.o: $(addprefix evaluate/report/,report.css report.js review.html review.js)

$(BUILD)/libcommon.a: $(COMMON_OBJECTS)
	$(call SAY,AR) rm -f $@ && ar rcs $@ $^

# Contains the compiler and its flags; rewritten, and so newer than the objects, when these change.
FLAGS = $(COMPILE) | $(LINK)
$(BUILD)/flags: always
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@

# `make -j all unit-tests`: the make within `all` and this one must not write the same objects at once.
ifneq ($(filter all,$(MAKECMDGOALS)),)
$(BUILD)/flags: | all
endif

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SAY,CC) $(COMPILE) -MMD -MP -c $< -o $@

define simd_rule
$(BUILD)/obj/common/arithmetic/simd/%.$(1).o: common/arithmetic/simd/%.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(call SAY,CC) $$(COMPILE) -O3 $$(ISA_FLAGS_$(1)) -DISA=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS) $(UNFUSED),$(eval $(call simd_rule,$(isa))))

# The same bits on every machine: no fused multiply-adds, even if CFLAGS selects a processor that has them.
$(BUILD)/obj/common/arithmetic/conv_reference.o $(BUILD)/obj/common/vgg16/tiles.o \
    $(ISAS:%=$(BUILD)/obj/common/arithmetic/simd/affine_kernels.%.o): NEEDED += -ffp-contract=off

# Opened when it is needed (train/linear/liblinear.c), by the name under which the loader knows the one compiled for.
LIBLINEAR = $(shell readelf -d $$($(CC) -print-file-name=liblinear.so) | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
$(BUILD)/obj/train/linear/liblinear.o: CPPFLAGS += -DLIBLINEAR='"$(LIBLINEAR)"'

# A unit test is one file, linked with all objects of the programs except their main().
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libprograms.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(call SAY,LINK) $(LINK) $^ $(LDLIBS) -o $@
$(BUILD)/libprograms.a: $(call objects,$(filter-out %/main.c,$(wildcard $(PROGRAMS:%=%/*.c) $(PROGRAMS:%=%/*/*.c))))
	$(call SAY,AR) rm -f $@ && ar rcs $@ $^

# Small programs that the Python tests run.
$(BUILD)/tools/%: $(BUILD)/obj/tests/tools/%.o $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(call SAY,LINK) $(LINK) $^ $(LDLIBS) -o $@

unit-tests: $(UNIT_TESTS) $(TEST_TOOLS) $(BUILD)/demo-images $(BUILD)/copies-figure $(BUILD)/bench/layers

# The tool that makes system calls fail traces its child, and supports only x86-64.
ifeq ($(ARCH),x86_64)
unit-tests: $(BUILD)/tools/inject $(BUILD)/tools/fail_allocation.so
endif
$(BUILD)/tools/inject: $(BUILD)/obj/tests/torture/inject.o
	@mkdir -p $(@D)
	$(call SAY,LINK) $(LINK) $^ $(shell pkg-config --libs libseccomp) -o $@
$(BUILD)/tools/%.so: tests/torture/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SAY,LINK) $(COMPILE) -fPIC -shared $< -o $@

# Fuzzing by libFuzzer, in a separate build by clang; FUZZ_SECONDS per target.
FUZZ_SECONDS := 30
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_SEEDS_fuzz_image := tests/golden/images
# Bytes of an input, from the start: libFuzzer's begin with one or two, and grow as there are more than targets with processes try.
FUZZ_LENGTH_fuzz_cache := 64
FUZZ_LENGTH_fuzz_hdf5 := 48
FUZZ_LENGTH_fuzz_model := 200
FUZZ_LENGTH_fuzz_tar := 240
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

fuzz: packages-fuzz ## fuzz every reader of files, FUZZ_SECONDS=30 each
	+@CFLAGS='-O1 -g $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' $(BUILD_NOW) CC=clang BUILD=build/fuzz \
	    $(FUZZ_TARGETS:%=build/fuzz/targets/%)
	@for target in $(FUZZ_TARGETS); do $(MAKE) --no-print-directory BUILD=build/fuzz run-$$target || exit 1; done

run-fuzz_%:
	@mkdir -p $(BUILD)/corpus/fuzz_$*
	@$(BUILD)/targets/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4000 -print_final_stats=1 $(FUZZ_LENGTH_fuzz_$*:%=-len_control=0 -max_len=%) \
	    -artifact_prefix=$(BUILD)/ $(BUILD)/corpus/fuzz_$* $(FUZZ_SEEDS_fuzz_$*) >$(BUILD)/fuzz_$*.log 2>&1 || \
	    { tail -n 40 $(BUILD)/fuzz_$*.log; exit 1; }
	@awk '/number_of_executed_units/ { print "fuzz_$*: " $$2 " inputs, none of them did harm" }' $(BUILD)/fuzz_$*.log

# A target may have its own of a library's functions (muldefs).
$(BUILD)/targets/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/libprograms.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(call SAY,LINK) $(LINK) -fsanitize=fuzzer -Wl,-z,muldefs $^ $(LDLIBS) -o $@

test: packages-test ## build everything and run all tests
	+@$(BUILD_NOW) $(PROGRAMS:%=$(BUILD)/%) unit-tests
	@BUILD=$(BUILD) tests/run

test-machines: packages-check ## run the arithmetic's tests with every BLAS core that this processor supports, built by gcc and by clang
	+@$(BUILD_NOW) unit-tests
	+@$(BUILD_NOW) CC=clang BUILD=build/clang CFLAGS='-O3 -Werror' unit-tests
	@BUILD=$(BUILD) CLANG_BUILD=build/clang tests/run-machines

torture: packages-test ## make every system call of every program fail in turn, and check that nothing is lost
	+@$(BUILD_NOW) $(PROGRAMS:%=$(BUILD)/%) unit-tests
	@BUILD=$(BUILD) /usr/bin/python3 tests/torture/torture.py --every

# Debian's arm64 libraries are in a separate folder, where pkg-config's variables make that build find them.
ARM64_ROOT  := $(abspath build/arm64/root)
ARM64_TESTS := $(patsubst tests/unit/%.c,build/arm64/tests/%,$(wildcard tests/unit/arithmetic/*.c tests/unit/network/*.c tests/unit/vgg16/*.c))
test-arm64: packages-arm64 ## test arithmetic, networks and the base built for aarch64, under qemu-user
	@common/make/arm64-root $(ARM64_ROOT) $(filter-out gcc pkg-config libopenblas-dev,$(BUILD_PACKAGES)) libopenblas-pthread-dev
	@PKG_CONFIG_SYSROOT_DIR=$(ARM64_ROOT) \
	    PKG_CONFIG_LIBDIR=$(ARM64_ROOT)/usr/lib/aarch64-linux-gnu/pkgconfig:$(ARM64_ROOT)/usr/share/pkgconfig \
	    $(BUILD_NOW) ARCH=aarch64 CC='aarch64-linux-gnu-gcc --sysroot=$(ARM64_ROOT)' BUILD=build/arm64 $(ARM64_TESTS)
	@BUILD=build/arm64 EMULATOR='qemu-aarch64 -L $(ARM64_ROOT)' tests/run $(ARM64_TESTS)

# Keras and onnxruntime are references of these tests alone: in a virtual environment within build/, in the versions they were
# written with.
KERAS       := build/keras
KERAS_PARTS := keras==3.15.1 tensorflow-cpu==2.21.0 h5py pillow onnx==1.23.2 onnxruntime==1.32.0
test-keras: packages-keras ## run models and the base in Keras and onnxruntime, which it installs in build/ (WEIGHTS=FILE: the published base too)
	+@$(BUILD_NOW) $(PROGRAMS:%=$(BUILD)/%) $(BUILD)/demo-images
	@echo '$(KERAS_PARTS)' | cmp -s - $(KERAS)/installed || { /usr/bin/python3 -m venv $(KERAS) && $(KERAS)/bin/pip install -q $(KERAS_PARTS) && echo '$(KERAS_PARTS)' >$(KERAS)/installed; }
	@BUILD=$(BUILD) WEIGHTS=$(abspath $(filter-out random%,$(WEIGHTS))) prove --exec $(KERAS)/bin/python tests/keras/test_keras.py tests/cli/test_onnx.py \
	    tests/cli/test_real_base.py

DISTRIBUTIONS := trixie
test-distributions: packages-distributions ## demo, tests and package in fresh systems, DISTRIBUTIONS=trixie
	@common/make/test-distributions build/distributions $(DISTRIBUTIONS)

test-slurm: packages-build ## test shards on a real Slurm of one node, started in a scratch folder
	+@$(BUILD_NOW) $(BUILD)/extract $(BUILD)/demo-images
	@common/make/install-packages $(SLURM_PACKAGES) || true
	@BUILD=$(BUILD) /usr/bin/python3 tests/cluster/test_slurm.py

demo: packages-demo ## run the main workflow on a small image set that it draws itself, in out/demo
	+@$(BUILD_NOW) $(PROGRAMS:%=$(BUILD)/%) $(BUILD)/demo-images
	@BUILD=$(BUILD) common/make/demo/run $(OUT)/demo

$(BUILD)/demo-images: $(BUILD)/obj/common/make/demo/make_images.o $(BUILD)/libcommon.a
	$(call SAY,LINK) $(LINK) $^ $(LDLIBS) -o $@

$(BUILD)/copies-figure: $(BUILD)/obj/common/make/study/copies_figure.o $(BUILD)/libcommon.a
	$(call SAY,LINK) $(LINK) $^ $(LDLIBS) -o $@

# Published files: URL, bytes and MD5 (from keras-applications' vgg16.py and the Food-101 page).
WEIGHTS_URL   := https://storage.googleapis.com/tensorflow/keras-applications/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5
WEIGHTS_CHECK := 58889256 6d6bbae143d832006294945121d1f1fc
FOOD101_URL   := http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz
FOOD101_CHECK := 4996278331 85eeb15f3717b99a5da872d97d918f87

weights: packages-fetch ## download Keras's no-top weights of VGG16 (59 MB) to weights/
	@common/make/fetch $(WEIGHTS_URL) $(WEIGHTS_CHECK) weights/$(notdir $(WEIGHTS_URL))

food101-data: packages-fetch ## download Food-101 (5 GB) beside DATA and unpack it to DATA
	@common/make/fetch $(FOOD101_URL) $(FOOD101_CHECK) $(DATA:/=).tar.gz $(DATA:/=)

# Their newest versions; the tables name them.
PEERS       := build/peers
PEERS_PARTS := keras tensorflow-cpu torch onnxruntime openvino scikit-learn h5py pillow
bench-peers: packages-keras ## install the peers of `make bench` into build/peers (5 GB)
	/usr/bin/python3 -m venv $(PEERS) && $(PEERS)/bin/pip install -q --upgrade $(PEERS_PARTS)

BENCH_PYTHON = $(firstword $(wildcard $(PEERS)/bin/python3) /usr/bin/python3)
bench: packages-build ## compare extraction, heads and whole commands (PHOTOS=, WEIGHTS=) with the peers that bench-peers has installed
	+@$(BUILD_NOW) $(PROGRAMS:%=$(BUILD)/%) $(BENCHMARKS)
	@for bench in extract train linear; do $(BENCH_PYTHON) tests/bench/bench_$$bench.py && echo || exit; done
	@$(BENCH_PYTHON) tests/bench/bench_whole.py $(if $(PHOTOS),--photos $(PHOTOS)) $(if $(WEIGHTS),--weights $(WEIGHTS))

bench-layers: packages-build ## time of each layer's stages in the base, and their share of the processor's peak
	+@$(BUILD_NOW) $(BUILD)/bench/layers
	@$(BUILD)/bench/layers

bench-store: packages-build ## speed of packing and expanding features, for each instruction set and --store
	+@$(BUILD_NOW) $(BUILD)/bench/packing
	@$(BUILD)/bench/packing

bench-growth: packages-build ## time and memory for 100 to 100,000 images: table and plot in out/growth (12 GB, 15 minutes)
	+@$(BUILD_NOW) $(PROGRAMS:%=$(BUILD)/%) $(BUILD)/bench/generate $(BUILD)/bench/growth_plot
	@BUILD=$(BUILD) /usr/bin/python3 tests/bench/bench_growth.py --out $(OUT)/growth

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libprograms.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(call SAY,LINK) $(LINK) $^ $(LDLIBS) -o $@

MAN_PAGES := $(PROGRAMS:%=$(BUILD)/man/vggcache-%.1)
man: $(MAN_PAGES) ## make the man pages, from the tables that --help prints
$(BUILD)/man/vggcache-%.1: $(BUILD)/%
	@mkdir -p $(@D)
	$< --man > $@

install: all ## install vggcache-extract, -train, -evaluate and their man pages below PREFIX
	+@$(BUILD_NOW) $(MAN_PAGES)
	for p in $(PROGRAMS); do install -D -m 755 $(BUILD)/$$p $(DESTDIR)$(PREFIX)/bin/vggcache-$$p && \
	    install -D -m 644 $(BUILD)/man/vggcache-$$p.1 $(DESTDIR)$(PREFIX)/share/man/man1/vggcache-$$p.1 || exit 1; done

DEB = $(BUILD)/vggcache_$(VERSION)_$(shell dpkg --print-architecture).deb
deb: packages-deb ## the programs and their man pages as a Debian package, build/vggcache_VERSION_ARCH.deb
	@rm -rf $(BUILD)/deb
	+@$(MAKE) --no-print-directory -s install DESTDIR=$(BUILD)/deb PREFIX=/usr
	@CC='$(CC)' common/make/deb $(VERSION) $(BUILD)/deb $(DEB)

dist: ## the source of this commit as build/vggcache-VERSION.tar.gz
	@mkdir -p $(BUILD)
	git archive --format=tar.gz --prefix=vggcache-$(VERSION)/ -o $(BUILD)/vggcache-$(VERSION).tar.gz HEAD

packages-build packages-demo packages-test packages-fuzz packages-fetch packages-check packages-coverage packages-arm64 packages-keras packages-deb packages-distributions: packages-%:
	@common/make/install-packages $($(shell echo $* | tr a-z A-Z)_PACKAGES)

clean: ## remove what was built
	rm -rf build

# ---- Static checks ----
SOURCES = $(shell git ls-files '*.c' '*.h')

check: check-format check-clang check-tidy ## check layout, clang's warnings, clang-tidy's small set and the order of rooms
	@/usr/bin/python3 tests/test_rooms.py >$(BUILD)/rooms.log || { cat $(BUILD)/rooms.log; exit 1; }
	@echo 'check: all is well'

check-format: packages-check
	@clang-format --dry-run -Werror $(SOURCES)

check-clang: packages-check
	+@$(BUILD_NOW) CC=clang BUILD=build/clang CFLAGS='-O3 -Werror' $(PROGRAMS:%=build/clang/%) unit-tests

TIDY_FLAGS = $(filter-out -DVGGCACHE_VERSION%,$(CPPFLAGS)) -I$(BUILD)/obj -DVGGCACHE_VERSION=__FILE__ -DLIBLINEAR=__FILE__ -DISA=baseline -std=gnu11
check-tidy: packages-check $(ONNX).h
	@mkdir -p $(BUILD)
	@git ls-files 'common/*.c' 'extract/*.c' 'train/*.c' 'evaluate/*.c' | xargs -P $(shell nproc) -n 8 \
	    sh -c 'clang-tidy --quiet "$$@" -- $(TIDY_FLAGS)' tidy >$(BUILD)/tidy.log 2>&1 || { grep -A4 -E '(error|warning):' $(BUILD)/tidy.log; exit 1; }

coverage: packages-test packages-coverage ## share of the code that the tests run: total, and the files below 80 %
	+@CFLAGS='-O1 -g --coverage -fprofile-update=atomic' $(BUILD_NOW) BUILD=build/coverage $(PROGRAMS:%=build/coverage/%) unit-tests
	@BUILD=build/coverage tests/run | tail -n 1
	@gcovr --root . --object-directory build/coverage/obj --exclude tests --exclude common/make --csv build/coverage/files.csv 2>build/coverage/gcovr.log
	@awk -F, 'NR > 1 { lines += $$2; covered += $$3; if ($$2 && $$3 / $$2 < 0.8) printf "%5.1f %%  %s\n", 100 * $$3 / $$2, $$1 } \
	    END { printf "%.1f %% of %d lines run\n", 100 * covered / lines, lines }' build/coverage/files.csv

format: ## format the sources by .clang-format
	clang-format -i $$(git ls-files '*.c' '*.h')

include common/make/study/study.mk

help: ## show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PRECIOUS: $(BUILD)/obj/%.o
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
