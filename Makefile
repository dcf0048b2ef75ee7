# SPDX-License-Identifier: GPL-2.0
#
# Each target calls one script.  Variables, which scripts find in their
# environment: BASE= and FLAVOUR= choose the kernel, T= one test, mutant, model,
# row or patch, JOBS= the number of boots at a time, KDIR= your kernel tree.
# ARCH=, CROSS_COMPILE= and LLVM= are kbuild's, which treats an empty one as set.
export BASE CONFIG DEBUG_INFO FLAVOUR KDIR KEEP ROUNDS RT T

# For another target it would be ignored without a word.
ifeq ($(origin KDIR),command line)
ifeq ($(filter apply,$(MAKECMDGOALS)),)
$(error KDIR= is for make apply; the others build $(or $(BASE),the default base) in build/)
endif
endif

help:
	@sed -n 's/^#: \{0,1\}//p' Makefile

.PHONY: help run check check-full check-bochs check-deb mutants models audit bench rt \
	report shell kernel tree apply series bisect-check static matrix deb clean
.SILENT:

#: Try it
#:   run          build, boot, count the IPIs that isolated CPUs receive [ROUNDS=]
run:
	harness/run

#:   bench        count IPIs by source, the cost of entries and of purges [T=part]
bench:
	harness/bench $(T)

#:   rt           oslat, cyclictest and rtla on PREEMPT_RT kernels [ROUNDS=]
rt:
	harness/rt

#:   report       an HTML page from the results of run, bench, rt and check
report:
	harness/report

#:   shell        a shell in the guest, with the tests in it
shell:
	harness/shell

#:
#: Use it
#:   apply        apply the series to your clean git tree [KDIR=tree]
apply:
	harness/apply

#:   deb          Debian packages [CONFIG=path|running|vm RT=1 DEBUG_INFO=1]
deb:
	harness/deb

#:
#: Develop
#:   tree         prepare the patched source tree; prints its path last
tree:
	harness/kernel/prepare

#:   kernel       build a kernel; prints its directory last [FLAVOUR= ARCH= LLVM=]
kernel:
	harness/kernel/build

#:   check        the tests that a contributor runs [T=test FLAVOUR= JOBS=]
check:
	harness/check

#:   clean        remove build/
clean:
	harness/clean

#:
#: Verify
#:   mutants      break the kernel in each known way: a test must fail [T=mutant]
mutants:
	verify/mutate

#:   models       search the interleavings of the protocol for violations [T=model]
models:
	verify/models/search-models

#:   audit        check the code before the entry hooks and after the exit hooks
audit:
	verify/audit/audit-all

#:   matrix       build and boot other configurations, architectures [T=row KEEP=1]
matrix:
	harness/ci/matrix

#:   check-bochs  the tests that need PCID or INVPCID, under Bochs [JOBS=]
check-bochs:
	harness/ci/check-bochs

#:   check-deb    install the packages in a virtual machine and follow the guide
check-deb:
	harness/ci/check-deb

#:   check-full   check, static, the kernel's own suites, NMI storms, check-bochs,
#:                check-deb, rt, models, audit, mutants
check-full: check
	harness/ci/static
	harness/ci/check-suites
	harness/ci/check-bochs
	harness/ci/check-deb
	harness/rt
	verify/models/search-models
	verify/audit/audit-all
	verify/mutate

#:
#: Send
#:   series       write the mails of the series, signed off by you, and check them
series:
	harness/series

#:   static       the kernel's static checkers: no new complaint of the series
static:
	harness/ci/static

#:   bisect-check build and boot the kernel after each patch [T=NNNN]
bisect-check:
	harness/ci/bisect-check

#:
#: BASE=6.1 has run, check, shell, kernel and tree use another kernel series
#: (harness/kernel/bases).  FLAVOUR= is a configuration of harness/kernel/config.
