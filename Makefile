# SPDX-License-Identifier: GPL-2.0
#
# BASE=6.12 chooses the kernel (harness/kernel/bases), FLAVOUR=base its configuration
# (harness/kernel/config), KDIR= a tree to apply the series to, T= one test or mutant.  ARCH=,
# CROSS_COMPILE= and LLVM= are kbuild's, which would take empty ones for given.
export BASE CONFIG DEBUG_INFO FLAVOUR KDIR KEEP ROUNDS RT T

# Given on the command line for another target, it would be believed to be used.
ifeq ($(origin KDIR),command line)
ifeq ($(filter apply,$(MAKECMDGOALS)),)
$(error KDIR= is for make apply; the others build $(or $(BASE),the default base) in build/)
endif
endif

help:
	@sed -n 's/^#: //p' Makefile

.PHONY: help run check check-full check-bochs check-deb mutants models audit bench rt \
	report shell kernel tree apply series bisect-check static matrix deb clean
.SILENT:

#: make run		build, boot with isolated CPUs, show what reaches them [ROUNDS=]
run:
	harness/run

#: make check		the tests a contributor runs [T=name FLAVOUR=]
check:
	harness/check

#: make check-full	those, static, the kernel's own suites, storms, Bochs, packages, rt, models, mutants
check-full: check
	harness/ci/static
	harness/ci/check-suites
	harness/ci/check-bochs
	harness/ci/check-deb
	harness/rt
	verify/models/search-models
	verify/audit/audit-all
	verify/mutate

#: make check-bochs	the tests that gain from a second emulator
check-bochs:
	harness/ci/check-bochs

#: make check-deb	install the packages in a virtual machine, and follow the guide there
check-deb:
	harness/ci/check-deb

#: make mutants		break the kernel in each known way: a test must notice [T=name]
mutants:
	verify/mutate

#: make models		search the interleavings of the protocol and of wrong orders [T=name]
models:
	verify/models/search-models

#: make audit		walk what runs before the entry hooks and after the exit hooks
audit:
	verify/audit/audit-all

#: make bench		measure what arrives, what entries cost, what initiators pay [T=part]
bench:
	harness/bench $(T)

#: make rt		oslat, cyclictest and rtla on PREEMPT_RT: who is interrupted [ROUNDS=]
rt:
	harness/rt

#: make report		a page of what run, bench, rt and check left, with figures
report:
	harness/report

#: make shell		a shell in the guest, with the tests in it
shell:
	harness/shell

#: make kernel		build the kernel; last line: its build directory [FLAVOUR= ARCH= LLVM=]
kernel:
	harness/kernel/build

#: make tree		the patched source tree; last line: its path
tree:
	harness/kernel/prepare

#: make apply KDIR=	lay the series over a clean git tree of yours
apply:
	harness/apply

#: make series		write the mails of the series, signed off by you, and prove them
series:
	harness/series

#: make bisect-check	build and boot the kernel after each commit of the series
bisect-check:
	harness/ci/bisect-check

#: make static		ask the kernel's static checkers: nothing new against the pristine files
static:
	harness/ci/static

#: make matrix		build, and boot, other configurations and architectures [T=row KEEP=]
matrix:
	harness/ci/matrix

#: make deb		Debian packages [CONFIG=path|running|vm RT=1 DEBUG_INFO=1]
deb:
	harness/deb

#: make clean		remove build/
clean:
	harness/clean

#: BASE=6.1 has run, check, shell, kernel and tree do so for another kernel (harness/kernel/bases).
