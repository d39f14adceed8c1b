# Builds the bd-* programs from cmd/*.c and lib/*.c into build/.
#
#   make            everything            make check     lint, then every test
#   make asan       build/asan, with the address and undefined behaviour sanitizers
#   make sweep      the long versions of the kill and race tests
#   make valgrind   the filters' tests under valgrind
#   make fuzz       each parser under libFuzzer, for a minute
#   make install    into $(DESTDIR)$(PREFIX)

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
B ?= build
CC = gcc
CFLAGS ?= -O2 -g
WERROR ?=

VERSION := $(shell cat VERSION)
WARN = -Wall -Wextra -pedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
       -Wformat=2 -Wvla -Wconversion -Wcast-qual -Wundef $(WERROR)
HARDEN = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DBD_VERSION='"$(VERSION)"' -Ilib $(WARN) $(HARDEN) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(LDFLAGS)
LDLIBS = -lcurl -lssl -lcrypto

CMDS := $(patsubst cmd/%.c,%,$(wildcard cmd/*.c))
LIBO := $(patsubst lib/%.c,$(B)/lib/%.o,$(wildcard lib/*.c))
FRONT := $(filter-out %.sh,$(notdir $(wildcard scripts/baudolo*)))
SOURCED := $(notdir $(wildcard scripts/baudolo*.sh))
PAGES := $(notdir $(wildcard man/*.[1-8]))

all: $(CMDS:%=$(B)/bin/%) $(FRONT:%=$(B)/bin/%) $(SOURCED:%=$(B)/bin/%)

$(B)/libbd.a: $(LIBO)
	rm -f $@
	$(AR) rcs $@ $(LIBO)

$(B)/lib/%.o: lib/%.c VERSION Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/cmd/%.o: cmd/%.c VERSION Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/bin/bd-%: $(B)/cmd/bd-%.o $(B)/libbd.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/t/%.so: t/helper/%.so.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $<

$(B)/t/%: t/helper/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LDLIBS)

$(FRONT:%=$(B)/bin/%): $(B)/bin/%: scripts/% VERSION
	@mkdir -p $(@D)
	sed 's/@VERSION@/$(VERSION)/' $< >$@.tmp
	chmod 755 $@.tmp
	mv $@.tmp $@

$(SOURCED:%=$(B)/bin/%): $(B)/bin/%: scripts/% VERSION
	@mkdir -p $(@D)
	sed 's/@VERSION@/$(VERSION)/' $< >$@.tmp
	mv $@.tmp $@

-include $(LIBO:.o=.d) $(CMDS:%=$(B)/cmd/%.d)
.SECONDARY: $(CMDS:%=$(B)/cmd/%.o)

lint:
	for f in scripts/* .ci/run; do shellcheck -s sh $$f || exit; done # each as it stands alone
	mandoc -Tlint -W warning man/*.[1-8]
	$(MAKE) B=$(B)/gcc CC=gcc WERROR=-Werror all
	$(MAKE) B=$(B)/clang CC=clang WERROR=-Werror all

check: all lint
	scripts/test

ASAN = B=$(B)/asan CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all' \
       LDFLAGS='-static-libasan -static-libubsan' HARDEN=-fPIE
asan:
	$(MAKE) $(ASAN) all

# All tests with it, but for those that look at how much memory a program has.
asan-check: asan
	BAUDOLO_BIN=$(abspath $(B))/asan/bin BAUDOLO_TEST_TAGS='!memory' scripts/test

# A fuzzer of one parser: make build/fuzz/frames && build/fuzz/frames -max_total_time=60
FUZZERS := $(patsubst t/fuzz/%.c,%,$(wildcard t/fuzz/*.c))
FUZZ = -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=address,undefined,fuzzer
$(B)/fuzz/%: t/fuzz/%.c $(B)/fuzz/lib/libbd.a
	clang $(ALL_CFLAGS) $(FUZZ) -o $@ $^ $(LDLIBS)

$(B)/fuzz/lib/libbd.a: FORCE
	$(MAKE) B=$(B)/fuzz/lib CC=clang CFLAGS='$(FUZZ)-no-link' HARDEN=-fPIE $@

# All of them, a minute each, from what is kept and what they have found since.
FUZZ_SECONDS ?= 60
fuzz: $(FUZZERS:%=$(B)/fuzz/%)
	for f in $(FUZZERS); do \
	  scripts/corpus unpack t/fuzz/corpus/$$f $(B)/fuzz/corpus/$$f && \
	  $(B)/fuzz/$$f -close_fd_mask=2 -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	    -artifact_prefix=$(B)/fuzz/$$f- $(B)/fuzz/corpus/$$f || exit 1; done

# Adds to what is kept what they have found: a few inputs that reach what those do not, and the short ones of other ways.
corpus: $(FUZZERS:%=$(B)/fuzz/%)
	for f in $(FUZZERS); do \
	  rm -rf $(B)/fuzz/kept && scripts/corpus unpack t/fuzz/corpus/$$f $(B)/fuzz/kept && \
	  for way in -use_counters=0 -max_len=160; do \
	    $(B)/fuzz/$$f -close_fd_mask=2 -merge=1 $$way $(B)/fuzz/kept $(B)/fuzz/corpus/$$f || exit 1; done && \
	  scripts/corpus pack $(B)/fuzz/kept >t/fuzz/corpus/$$f || exit 1; done

# Without libFuzzer: each input that is kept, once, with the sanitizers.
$(B)/replay/%: t/fuzz/%.c t/fuzz/replay/replay.c $(B)/libbd.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

replay:
	$(MAKE) $(ASAN) $(FUZZERS:%=$(B)/asan/replay/%)

# The filters under valgrind, in their own tests but for those that take too long or look at system calls. (It knows no openat2(2), which others need.)
FILTERS = coverage databases generations instances match options plan prune scrub settle status
FILTER_TESTS = 13-plan 20-options 37-settle 72-databases 73-match 84-scrub 85-status 86-list 87-generations 88-prune
valgrind: all
	rm -rf $(B)/valgrind && mkdir $(B)/valgrind && cp -s $(abspath $(CMDS:%=$(B)/bin/%)) $(B)/valgrind
	for f in $(FILTERS); do ln -sf $(abspath t/helper/valgrind) $(B)/valgrind/bd-$$f || exit 1; done
	cp $(FRONT:%=$(B)/bin/%) $(SOURCED:%=$(B)/bin/%) $(B)/valgrind
	BAUDOLO_BIN=$(abspath $(B))/valgrind BAUDOLO_TEST_TAGS='!native' scripts/test $(FILTER_TESTS:%=t/%.bats)

FORCE:

sweep: all
	BAUDOLO_TEST_LONG=1 BAUDOLO_TEST_TIMEOUT=14400 scripts/test

install: all
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 $(CMDS:%=$(B)/bin/%) $(FRONT:%=$(B)/bin/%) $(DESTDIR)$(BINDIR)
	install -m 644 $(SOURCED:%=$(B)/bin/%) $(DESTDIR)$(BINDIR)
	for p in $(PAGES); do \
	  install -D -m 644 man/$$p $(DESTDIR)$(MANDIR)/man$${p##*.}/$$p || exit 1; done

uninstall:
	cd $(DESTDIR)$(BINDIR) && rm -f $(CMDS) $(FRONT) $(SOURCED)
	for p in $(PAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${p##*.}/$$p; done

clean:
	rm -rf $(B)

.PHONY: all lint check asan asan-check fuzz corpus replay valgrind sweep install uninstall clean
