# The rooms below the nginx glue as a static library, with no nginx on the
# include path, and the programs that link it alone: unit tests, fuzzers,
# benchmarks.  Run from the top: make -f src/lib.mk BUILD=build/lib all
#
# CC, CPPFLAGS, CFLAGS and LDFLAGS are the caller's, as a distribution sets
# them.  Generated protobuf code goes to build/gen, whatever BUILD says, or
# where the absolute path QOE_GEN says; the nginx build (config) looks there.

BUILD     ?= build/lib
GEN        = $(or $(QOE_GEN),build/gen)
ifeq ($(origin CC),default)
CC         = gcc
endif
CFLAGS    ?= -O2 -g
# a distribution whose compiler warns of more empties this
WERROR     = -Werror
WARN       = -W -Wall -Wextra $(WERROR) -Wpointer-arith \
             -Wmissing-prototypes -Wstrict-prototypes -Wshadow
LIBS       = -ljansson -lprotobuf-c -lcurl -lz -lm -lpthread

# gzip by ISA-L where it can be compiled and linked; QOE_ISAL=no leaves it out
ISAL_TEST  = \#include <isa-l/igzip_lib.h>\nint main(void) \
             { struct isal_zstream s; isal_deflate_init(&s); return 0; }\n
QOE_ISAL  ?= $(shell printf '$(ISAL_TEST)' | $(CC) -x c -o /dev/null - -lisal \
                     2> /dev/null && echo yes || echo no)
ifeq ($(QOE_ISAL),yes)
LIBS      += -lisal
ISAL_FLAG  = -DQOE_ISAL=1
endif

# in an order in which each room knows those before it; see t/tools/lint.pl
ROOMS      = core event cmcd shm govern series view delivery qoe prom otlp net \
             spool helper
SRCS       = $(wildcard $(ROOMS:%=src/%/*.c))
PROTOS     = $(shell cd proto && find . -name '*.proto' | sed 's,^\./,,' | sort)
GEN_SRCS   = $(PROTOS:%.proto=$(GEN)/%.pb-c.c)
# the files of the live page as C, for the room nginx alone
UI_SRC     = $(GEN)/ngx_http_openqoe_ui.c
UI_FILES   = $(wildcard ui/*.* ui/vendor/*.js)

INCS       = $(ROOMS:%=-Isrc/%) -isystem $(GEN)

# OBJECTS=DIR: the library is made of the objects that nginx's build has left
# there (objs/addon, each in a folder named as that of its source), and only
# the programs are compiled.
ifneq ($(OBJECTS),)
OBJS       = $(SRCS:src/%.c=$(OBJECTS)/%.o)
GEN_OBJS   = $(foreach s,$(GEN_SRCS:.c=.o), \
               $(OBJECTS)/$(notdir $(patsubst %/,%,$(dir $s)))/$(notdir $s))
else
OBJS       = $(SRCS:%.c=$(BUILD)/%.o)
GEN_OBJS   = $(GEN_SRCS:$(GEN)/%.c=$(BUILD)/gen/%.o)
endif
LIB        = $(BUILD)/libqoe.a

# what the decoder is compared with
ORACLE     = $(BUILD)/liboracle.a
ORACLE_OBJS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard t/oracle/*.c))

UNITS      = $(patsubst t/unit/%.c,$(BUILD)/unit/%, \
               $(wildcard $(ROOMS:%=t/unit/%/*_test.c)))

# the decoder has a scanner for processors without SSE2: its tests and its fuzzer
# are built a second time, with objects of that form in place of the library's
PORTABLE_OBJS = $(patsubst %.c,$(BUILD)/portable/%.o, \
                  $(wildcard src/event/qoe_fast*.c))
UNITS     += $(patsubst t/unit/event/%.c,$(BUILD)/unit/portable/%, \
               $(wildcard t/unit/event/fast*_test.c))

FUZZERS    = $(patsubst t/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard t/fuzz/*_fuzz.c)) \
             $(BUILD)/fuzz/fast_portable_fuzz
PROGRAM    = $(BUILD)/openqoe-spool
VERSION    = $(shell sed -n 's/^.define NGX_HTTP_OPENQOE_VERSION *//p' \
                         src/nginx/ngx_http_openqoe.h)
# what several tools share is no tool
TOOL_RUN   = t/tools/scenario_run.c
TOOLS      = $(patsubst t/tools/%.c,$(BUILD)/tools/%, \
               $(filter-out $(TOOL_RUN),$(wildcard t/tools/*.c)))
BENCHES    = $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))

COMPILE    = $(CC) -std=gnu11 $(CPPFLAGS) $(CFLAGS) -fPIC \
             -fno-semantic-interposition -MMD -MP $(INCS)
LINK       = $(COMPILE) $(WARN) $(LDFLAGS)

all: $(LIB)
gen: $(GEN)/.done $(UI_SRC)
units: $(UNITS)
fuzzers: $(FUZZERS)
tools: $(TOOLS)
programs: $(PROGRAM)
benches: $(BENCHES)

.PHONY: all gen units fuzzers tools programs benches isal rooms version \
        mutate-vars install install-module install-tools
.SECONDARY:

# for config and build.sh
rooms:
	@echo $(ROOMS)

# for packages
version:
	@echo $(VERSION)

# for t/tools/mutate.pl: a name, a tab and a value
mutate-vars:
	@printf '%s\t%s\n' rooms '$(ROOMS)' cc '$(CC)' \
	    compile '$(COMPILE) $(ISAL_FLAG)' warn '$(WARN)' libs '$(LIBS)'

# what was found, for build.sh
isal:
	@echo $(QOE_ISAL)

# the library came, or is left out now: the object of another answer is old
$(BUILD)/.isal-$(QOE_ISAL):
	mkdir -p $(BUILD)
	rm -f $(BUILD)/.isal-*
	touch $@

ISAL_USERS = $(BUILD)/src/net/qoe_gzip_isal.o $(BUILD)/unit/net/gzip_test
$(ISAL_USERS): COMPILE += $(ISAL_FLAG)
$(ISAL_USERS): $(BUILD)/.isal-$(QOE_ISAL)

# protobuf-c 1.5 deprecates protoc-c, which needs no protoc beside itself
PROTOC    ?= $(shell command -v protoc-gen-c > /dev/null \
                     && command -v protoc || echo protoc-c)

# one stamp: protoc writes all of them in one run
$(GEN)/.done: $(PROTOS:%=proto/%)
	mkdir -p $(GEN)
	$(PROTOC) --proto_path=proto --c_out=$(GEN) $(PROTOS)
	touch $@

$(GEN_SRCS): $(GEN)/.done ;

$(UI_SRC): $(UI_FILES)
	mkdir -p $(@D)
	ui/embed.sh > $@.new
	mv $@.new $@

$(LIB): $(OBJS) $(GEN_OBJS)
	mkdir -p $(@D)
	rm -f $@
	ar rcs $@ $^

$(ORACLE): $(ORACLE_OBJS)
	mkdir -p $(@D)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/t/oracle/%.o: t/oracle/%.c $(GEN)/.done
	mkdir -p $(@D)
	$(COMPILE) $(WARN) -c -o $@ $<

$(BUILD)/src/%.o: src/%.c $(GEN)/.done
	mkdir -p $(@D)
	$(COMPILE) $(WARN) -c -o $@ $<

$(BUILD)/gen/%.o: $(GEN)/%.c
	mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(BUILD)/unit/%: t/unit/%.c $(ORACLE) $(LIB)
	mkdir -p $(@D)
	$(LINK) -It/unit -It/oracle -o $@ $< $(ORACLE) $(LIB) $(LIBS)

$(BUILD)/portable/%.o: %.c
	mkdir -p $(@D)
	$(COMPILE) -DQOE_FAST_PORTABLE $(WARN) -c -o $@ $<

$(BUILD)/unit/portable/%: t/unit/event/%.c $(PORTABLE_OBJS) $(ORACLE) $(LIB)
	mkdir -p $(@D)
	$(LINK) -DQOE_FAST_PORTABLE -It/unit -It/oracle -o $@ $< \
	    $(PORTABLE_OBJS) $(ORACLE) $(LIB) $(LIBS)

$(BUILD)/fuzz/fast_portable_fuzz: t/fuzz/fast_fuzz.c $(PORTABLE_OBJS) \
                                  $(ORACLE) $(LIB)
	mkdir -p $(@D)
	$(LINK) -It/oracle -fsanitize=fuzzer -o $@ $< $(PORTABLE_OBJS) $(ORACLE) \
	    $(LIB) $(LIBS)

$(BUILD)/fuzz/%: t/fuzz/%.c $(ORACLE) $(LIB)
	mkdir -p $(@D)
	$(LINK) -It/oracle -fsanitize=fuzzer -o $@ $< $(ORACLE) $(LIB) $(LIBS)

$(BUILD)/tools/scenario_cli $(BUILD)/tools/view_cli: $(TOOL_RUN)

$(BUILD)/tools/%: t/tools/%.c $(LIB)
	mkdir -p $(@D)
	$(LINK) -MF $@.d -o $@ $(filter %.c,$^) $(LIB) $(LIBS)

$(PROGRAM): $(wildcard tools/*.[ch]) $(LIB)
	mkdir -p $(@D)
	$(LINK) -MF $@.d -DOPENQOE_VERSION='$(VERSION)' \
	    -o $@ $(filter %.c,$^) $(LIB) $(LIBS)

$(BUILD)/bench/%: bench/%.c $(ORACLE) $(LIB)
	mkdir -p $(@D)
	$(LINK) -It/oracle -o $@ $< $(ORACLE) $(LIB) $(LIBS)

# "install" copies what was built: the module, which nginx's build makes, to
# the directory where the nginx of this machine looks for modules; the tool,
# its manual page and the examples below PREFIX.  DESTDIR stands before each
# path.
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
EXAMPLEDIR ?= $(PREFIX)/share/doc/openqoe/examples
DATADIR    ?= $(PREFIX)/share/openqoe
MODULE     ?= build/ngx_http_openqoe_module.so
MODULEDIR  ?= $(or $(shell PATH="$$PATH:/usr/sbin" nginx -V 2>&1 \
                | tr ' ' '\n' | sed -n 's/^--modules-path=//p'), \
                /usr/lib/nginx/modules)
INSTALL    ?= install

install: install-module install-tools

install-module:
	@test -f "$(MODULE)" \
	    || { echo "no $(MODULE): run ./build.sh build first" >&2; exit 1; }
	$(INSTALL) -d "$(DESTDIR)$(strip $(MODULEDIR))"
	$(INSTALL) -m 644 "$(MODULE)" "$(DESTDIR)$(strip $(MODULEDIR))/"

install-tools: $(PROGRAM)
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1" \
	    "$(DESTDIR)$(EXAMPLEDIR)" "$(DESTDIR)$(DATADIR)/grafana" \
	    "$(DESTDIR)$(DATADIR)/prometheus"
	$(INSTALL) -m 755 $(PROGRAM) "$(DESTDIR)$(BINDIR)/"
	$(INSTALL) -m 644 tools/openqoe-spool.1 "$(DESTDIR)$(MANDIR)/man1/"
	$(INSTALL) -m 644 conf/*.conf "$(DESTDIR)$(EXAMPLEDIR)/"
	$(INSTALL) -m 644 deploy/grafana/*.json "$(DESTDIR)$(DATADIR)/grafana/"
	$(INSTALL) -m 644 deploy/prometheus/rules.yml \
	    deploy/prometheus/alerts.yml "$(DESTDIR)$(DATADIR)/prometheus/"

-include $(OBJS:.o=.d) $(ORACLE_OBJS:.o=.d) $(PORTABLE_OBJS:.o=.d) \
         $(UNITS:%=%.d) $(TOOLS:%=%.d) $(FUZZERS:%=%.d)
