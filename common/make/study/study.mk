# The study: four ways to use the base, and linear heads, compared on Food-101's official split: linear on the features that
# its heads take, cached on the best that a cache can hold, of larger images.
#
#   make study                          all of it, with the study's settings
#   make study SCALE=medium             100 images per class; SCALE=small: takes a few minutes
#   make study-copies                   stored augmented copies against live augmentation: accuracy against seconds
#   make study-plan                     which steps are done, which are left, and how long these take on this machine
#   DATA=DIR                            images/CLASS/… and meta/train.txt, meta/test.txt, as made by `make food101-data`
#   WEIGHTS=FILE|random                 of the base; default: those downloaded by `make weights`, else random
#   CLASSES=N|A,B,…                     the first N in byte order, or these
#   OUT=DIR                             everything goes to DIR/study, DIR/study-medium or DIR/study-small
#
# Each step leaves a file NAME.done. Only steps without it are run, and an interrupted step resumes where it stopped.
# Delete NAME.done, or change what it depends on, to repeat a step.

WEIGHTS ?= $(firstword $(wildcard weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5) random)
CLASSES ?= 10
SCALE   ?= full

# A scale: training and test images per class (0: all), then epochs of a head on cached features, of approaches that run
# the base, and of the network from scratch.
SCALE_full   := 0:0:50:50:50
SCALE_medium := 100:50:50:10:15
SCALE_small  := 24:16:30:4:5
SCALES       := full medium small
ifeq ($(filter $(SCALE),$(SCALES)),)
$(error SCALE=$(SCALE) is unknown; choose one of: $(SCALES))
endif
setting       = $(word $(1),$(subst :, ,$(SCALE_$(SCALE))))
limit         = $(if $(filter-out 0,$(call setting,$(1))),--limit-per-class $(call setting,$(1)))
HEAD_EPOCHS    := $(call setting,3)
EPOCHS         := $(call setting,4)
SCRATCH_EPOCHS := $(call setting,5)
STUDY          := $(OUT)/study$(if $(filter-out full,$(SCALE)),-$(SCALE))

# The study's own settings; train's defaults are others (train --help). Its heads take features as they are.
AS_THEY_ARE    := --scale none
ifeq ($(SCALE),full)
HEAD           := --hidden 4096,1072 --dropout 0.2 --learning-rate 0.001
# At full scale, fine-tuning uses augmentation too, so the frozen layers run in every epoch.
FINETUNE_ON     = $(FROM_IMAGES) $(AUGMENTATION)
FINETUNE_NEEDS :=
else
# With few images, and features of a possibly untrained base, a smaller head and smaller steps work better.
HEAD           := --hidden 512 --dropout 0.2 --batch-size 32 --learning-rate 0.0001
FINETUNE_ON     = $(STUDY)/cut.cache
FINETUNE_NEEDS := cut
endif

APPROACHES   := standalone linear cached bootstrap finetune tuned scratch
LARGE        := 320
AUGMENTATION := --rotation-range 90 --brightness-range 0.1,0.7 --width-shift-range 0.5 --height-shift-range 0.5 \
                --horizontal-flip --vertical-flip
# Fine-tuning that goes on from the linear head. The copies are stored at the cut, so that epochs are cheap. Rate and epochs
# were chosen on 500 other photographs; the head has seen all training images, so that none are left to stop early by.
MILD         := --horizontal-flip --width-shift-range 0.1 --height-shift-range 0.1 --zoom-range 0.15
TUNED        := --hidden none --learning-rate 0.00005 --batch-size 32 --epochs 2 --validation-split 0
PICK         := $(if $(shell echo '$(CLASSES)' | grep '[^0-9]'),--classes,--first-classes) $(CLASSES)
TRAIN_LIST   := $(PICK) --list $(STUDY)/train.txt $(call limit,1)
TEST_LIST    := $(PICK) --list $(STUDY)/test.txt $(call limit,2)
FROM_IMAGES   = --images $(DATA)/images $(TRAIN_LIST)
STUDY_FILES  := $(STUDY)/train.txt $(filter-out random%,$(WEIGHTS))

ifeq ($(wildcard $(filter-out random%,$(WEIGHTS))),)
$(filter-out random%,$(WEIGHTS)):
	@echo 'WEIGHTS=$@: there is no such file; download the published weights by `make weights`, or give WEIGHTS=random' >&2; exit 1
endif

.PHONY: features $(APPROACHES) compare study study-copies study-plan

# `make study` prints the plan before its first step.
FIRST := $(if $(filter study,$(MAKECMDGOALS)),study-plan)

# Runs $(2) and writes the seconds it took to NAME.done. Skipped images (status 3) are not a failure.
define study_step
@mkdir -p $(STUDY)
@start=$$(date +%s); echo '$(strip $(2))'; $(2) || test $$? -eq 3 || exit; echo $$(($$(date +%s) - start)) >$(STUDY)/$(1).done
endef
# Trains a network with the options $(2), and writes its history and curves beside the model.
define study_network
$(call study_step,$(1),$(BUILD)/train --approach $(1) --validation-order keras --resume $(2) \
    --history $(STUDY)/$(1).csv --plot $(STUDY)/$(1).png $(3) $(STUDY)/$(1).h5)
endef

study: compare ## the whole study: all approaches, compared (DATA= WEIGHTS= CLASSES= OUT= SCALE=medium|small)

# A few images for each step, timed once.
PER_CLASS   := 8
PROBE_LIST   = $(PICK) --list $(STUDY)/train.txt --limit-per-class $(PER_CLASS)
PROBE_IMAGES = --images $(DATA)/images $(PROBE_LIST) $(AUGMENTATION)
study-plan: $(STUDY)/train.txt $(STUDY)/test.txt $(filter-out random%,$(WEIGHTS)) | $(BUILD)/extract $(BUILD)/train ## study: steps done and left, and how long these take on this machine
	@STUDY='$(STUDY)' WEIGHTS='$(WEIGHTS)' SCALES='$(foreach s,$(SCALES),$(s):$(SCALE_$(s)))' SCALE='$(SCALE)' PICK='$(PICK)' PER_CLASS=$(PER_CLASS) \
	    PROBE_extract='$(BUILD)/extract --weights $(WEIGHTS) $(PROBE_LIST) $(DATA)/images' \
	    PROBE_cut='$(BUILD)/extract --weights $(WEIGHTS) --layer block5_conv2 $(PROBE_LIST) $(DATA)/images' \
	    PROBE_cached='$(BUILD)/train --approach finetune $(HEAD) --weights $(WEIGHTS)' \
	    PROBE_standalone='$(BUILD)/train $(HEAD) $(AS_THEY_ARE)' \
	    PROBE_bootstrap='$(BUILD)/train --approach bootstrap $(HEAD) --weights $(WEIGHTS) $(PROBE_IMAGES)' \
	    PROBE_finetune='$(BUILD)/train --approach finetune $(HEAD) --unfreeze 2 --weights $(WEIGHTS) $(PROBE_IMAGES)' \
	    PROBE_scratch='$(BUILD)/train --approach scratch $(PROBE_IMAGES)' common/make/study/plan

features: $(STUDY)/train.done ## study: the features of its training images
standalone linear cached bootstrap finetune tuned scratch: %: $(STUDY)/%.done ## study: train by one approach

$(DATA)/meta/train.txt $(DATA)/meta/test.txt:
	@echo '$@ is missing: download Food-101 by `make food101-data`, or give its folder as DATA=DIR' >&2; exit 1

# The official lists without the images that DATA lacks, so that a reduced copy of Food-101 can be used.
$(STUDY)/train.txt $(STUDY)/test.txt: $(STUDY)/%.txt: $(DATA)/meta/%.txt
	@mkdir -p $(STUDY)
	@find -L $(DATA)/images -type f -printf '%P\n' | sed 's/\.[^.]*$$//' | awk -v list=$< 'NR == FNR { have[$$0]; next } \
	    $$0 in have { print; next } { missing++ } \
	    END { if (missing) print list ": " missing " of its images are missing" >"/dev/stderr" }' - $< >$@

$(STUDY)/train.done: $(STUDY_FILES) | $(BUILD)/extract $(FIRST)
	$(call study_step,train,$(BUILD)/extract --weights $(WEIGHTS) $(TRAIN_LIST) $(DATA)/images $(STUDY)/train.cache)

$(STUDY)/cut.done: $(STUDY_FILES) | $(BUILD)/extract $(FIRST)
	$(call study_step,cut,$(BUILD)/extract --weights $(WEIGHTS) --layer block5_conv2 $(TRAIN_LIST) $(DATA)/images \
	    $(STUDY)/cut.cache)

$(STUDY)/standalone.done: $(STUDY)/train.done | $(BUILD)/train $(FIRST)
	$(call study_network,standalone,$(HEAD) $(AS_THEY_ARE) --epochs $(HEAD_EPOCHS),$(STUDY)/train.cache)

$(STUDY)/linear.done: $(STUDY)/train.done | $(BUILD)/train $(FIRST)
	$(call study_step,linear,$(BUILD)/train --head linear --folds 5 $(STUDY)/train.cache $(STUDY)/linear.h5)

$(STUDY)/large.done: $(STUDY_FILES) | $(BUILD)/extract $(FIRST)
	$(call study_step,large,$(BUILD)/extract --weights $(WEIGHTS) --side $(LARGE) $(TRAIN_LIST) $(DATA)/images $(STUDY)/large.cache)

$(STUDY)/cached.done: $(STUDY)/large.done | $(BUILD)/train $(FIRST)
	$(call study_step,cached,$(BUILD)/train --head linear $(STUDY)/large.cache $(STUDY)/cached.h5)

$(STUDY)/bootstrap.done: $(STUDY_FILES) | $(BUILD)/train $(FIRST)
	$(call study_network,bootstrap,$(HEAD) --epochs $(EPOCHS) --weights $(WEIGHTS) $(FROM_IMAGES) $(AUGMENTATION),)

$(STUDY)/finetune.done: $(STUDY_FILES) $(FINETUNE_NEEDS:%=$(STUDY)/%.done) | $(BUILD)/train $(FIRST)
	$(call study_network,finetune,$(HEAD) --epochs $(EPOCHS) --learning-rate 0.0001 --unfreeze 2 --weights $(WEIGHTS),\
	    $(FINETUNE_ON))

$(STUDY)/mild.done: $(STUDY_FILES) | $(BUILD)/extract $(FIRST)
	$(call study_step,mild,$(BUILD)/extract --weights $(WEIGHTS) --layer block4_pool $(TRAIN_LIST) $(MILD) --augment 4 $(DATA)/images \
	    $(STUDY)/mild.cache)

$(STUDY)/tuned.done: $(STUDY)/mild.done $(STUDY)/linear.done | $(BUILD)/train $(FIRST)
	$(call study_step,tuned,$(BUILD)/train --approach finetune --resume --from $(STUDY)/linear.h5 $(TUNED) --weights $(WEIGHTS) \
	    --history $(STUDY)/tuned.csv --augmented-cache $(STUDY)/mild.cache $(STUDY)/tuned.h5)

$(STUDY)/scratch.done: $(STUDY)/train.txt | $(BUILD)/train $(FIRST)
	$(call study_network,scratch,--epochs $(SCRATCH_EPOCHS) $(FROM_IMAGES) $(AUGMENTATION),)

compare: $(STUDY)/compare.done ## study: accuracies, times and confusion matrices of all approaches, side by side
	@cat $(STUDY)/compare.txt $(STUDY)/times.txt
	@echo "Look at $(STUDY)/compare.png, $(STUDY)/report/index.html and the curves in $(STUDY)."

$(STUDY)/compare.done: $(APPROACHES:%=$(STUDY)/%.done) $(STUDY)/test.txt | $(BUILD)/evaluate $(FIRST)
	$(call study_step,compare,$(BUILD)/evaluate --weights $(WEIGHTS) $(TEST_LIST) --title "Food-101 by VGG16" \
	    --confusion $(STUDY)/compare.png --json $(STUDY)/compare.json --report $(STUDY)/report \
	    $(DATA)/images $(APPROACHES:%=$(STUDY)/%.h5) >$(STUDY)/compare.txt)
	@$(study_times) >$(STUDY)/times.txt

# For networks, epochs and seconds from their histories, which include interrupted runs; for other steps, the step's seconds.
define study_times
{ printf '\n%-12s %8s %10s\n' step epochs seconds; \
  for step in train large cut mild linear cached; do test -f $(STUDY)/$$step.done && \
      printf '%-12s %8s %10.1f\n' $$step - $$(cat $(STUDY)/$$step.done); done; \
  for name in $(filter-out linear cached,$(APPROACHES)); do awk -F, -v name=$$name \
      'NR > 1 { seconds += $$6 } END { printf "%-12s %8d %10.1f\n", name, NR - 1, seconds }' $(STUDY)/$$name.csv; done; }
endef

# Augmented copies that are stored once and drawn from in each epoch, against live augmentation: a head for each number of
# copies. One cache grows from step to step, so the seconds of K copies are those of all steps up to K.
COPIES := 1 2 4 8
up_to   = $(shell for k in $(COPIES); do test $$k -le $(1) && echo $$k; done)
before  = $(lastword $(filter-out $(1),$(call up_to,$(1))))
# Total seconds of steps $(1) and of the epochs of network $(2).
spent   = awk 'FNR == 1 && FILENAME ~ /csv$$/ { next } FILENAME ~ /csv$$/ { $$1 = $$6 } { s += $$1 } END { printf "%.1f\n", s }' FS=, \
              $(1:%=$(STUDY)/%.done) $(STUDY)/$(2).csv

study-copies: $(STUDY)/copies.done ## study: K stored copies against live augmentation, accuracy against seconds
	@cat $(STUDY)/copies.txt
	@echo "Look at $(STUDY)/copies.png; $(STUDY)/copies.csv has the numbers."

define copies_rules
$$(STUDY)/cache-$(1).done: $(if $(call before,$(1)),$$(STUDY)/cache-$(call before,$(1)).done) $$(STUDY_FILES) | $$(BUILD)/extract
	$$(call study_step,cache-$(1),$$(BUILD)/extract --weights $$(WEIGHTS) $$(TRAIN_LIST) $$(AUGMENTATION) --augment $(1) \
	    $$(DATA)/images $$(STUDY)/copies.cache)

$$(STUDY)/copies-$(1).done: $$(STUDY)/cache-$(1).done | $$(BUILD)/train
	$$(call study_step,copies-$(1),$$(BUILD)/train --approach bootstrap --validation-order keras --resume $$(HEAD) $$(AS_THEY_ARE) --epochs $$(HEAD_EPOCHS) \
	    --augmented-cache $$(STUDY)/copies.cache --copies $(1) --history $$(STUDY)/copies-$(1).csv $$(STUDY)/copies-$(1).h5)
endef
$(foreach k,$(COPIES),$(eval $(call copies_rules,$(k))))

COPIES_MODELS := standalone $(COPIES:%=copies-%) bootstrap
$(STUDY)/copies.done: $(COPIES_MODELS:%=$(STUDY)/%.done) $(STUDY)/test.txt | $(BUILD)/evaluate $(BUILD)/copies-figure
	$(call study_step,copies,$(BUILD)/evaluate --weights $(WEIGHTS) $(TEST_LIST) --json $(STUDY)/copies.json $(DATA)/images \
	    $(COPIES_MODELS:%=$(STUDY)/%.h5) >$(STUDY)/copies-report.txt)
	@{ printf '0 '; $(call spent,train,standalone); \
	   $(foreach k,$(COPIES),printf '$(k) '; $(call spent,$(addprefix cache-,$(call up_to,$(k))),copies-$(k));) \
	   printf 'live '; $(call spent,,bootstrap); } >$(STUDY)/copies.seconds
	@$(BUILD)/copies-figure $(STUDY)/copies.json $(STUDY)/copies.seconds $(STUDY)/copies.csv $(STUDY)/copies.png >$(STUDY)/copies.txt
