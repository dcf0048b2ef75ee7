# SPDX-License-Identifier: GPL-2.0
#
# BASE=6.12 chooses the kernel (vm/bases), FLAVOUR=base its configuration
# (vm/config), KDIR= a tree to apply the series to, T= one test or mutant.  ARCH=,
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
	vm/run

#: make check		the tests a contributor runs [T=name FLAVOUR=]
check:
	vm/check

#: make check-full	those, static, the kernel's own suites, storms, Bochs, packages, rt, models, mutants
check-full: check
	vm/static
	vm/check-suites
	vm/check-bochs
	vm/check-deb
	vm/rt
	proof/models/run
	proof/audit/all
	proof/mutate

#: make check-bochs	the tests that gain from a second emulator
check-bochs:
	vm/check-bochs

#: make check-deb	install the packages in a virtual machine, and follow the guide there
check-deb:
	vm/check-deb

#: make mutants		break the kernel in each known way: a test must notice [T=name]
mutants:
	proof/mutate

#: make models		search the interleavings of the protocol and of wrong orders [T=name]
models:
	proof/models/run

#: make audit		walk what runs before the entry hooks and after the exit hooks
audit:
	proof/audit/all

#: make bench		measure what arrives, what entries cost, what senders pay [T=part]
bench:
	vm/bench $(T)

#: make rt		oslat, cyclictest and rtla on PREEMPT_RT: who is interrupted [ROUNDS=]
rt:
	vm/rt

#: make report		a page of what run, bench, rt and check left, with figures
report:
	vm/report

#: make shell		a shell in the guest, with the tests in it
shell:
	vm/shell

#: make kernel		build the kernel; last line: its build directory [FLAVOUR= ARCH= LLVM=]
kernel:
	vm/kernel

#: make tree		the patched source tree; last line: its path
tree:
	vm/prepare

#: make apply KDIR=	lay the series over a clean git tree of yours
apply:
	vm/apply

#: make series		write the mails of the series, signed off by you, and prove them
series:
	vm/series

#: make bisect-check	build and boot the kernel after each commit of the series
bisect-check:
	vm/bisect-check

#: make static		ask the kernel's static checkers: nothing new against the pristine files
static:
	vm/static

#: make matrix		build, and boot, other configurations and architectures [T=row KEEP=]
matrix:
	vm/matrix

#: make deb		Debian packages [CONFIG=path|running|vm RT=1 DEBUG_INFO=1]
deb:
	vm/deb

#: make clean		remove build/
clean:
	vm/clean

#: BASE=6.1 has run, check, shell, kernel and tree do so for another kernel (vm/bases).
