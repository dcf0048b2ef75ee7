# SPDX-License-Identifier: GPL-2.0
#
# BASE=6.12 chooses the kernel (vm/bases), FLAVOUR=base its configuration
# (vm/config), KDIR= a tree of your own.
export BASE FLAVOUR KDIR ROUNDS

help:
	@sed -n 's/^#: //p' Makefile

.PHONY: help run check kernel tree apply clean
.SILENT:

#: make run		build, boot with isolated CPUs, show what reaches them
run:
	vm/run

#: make check		the tests a contributor runs
check:
	vm/check

#: make kernel		build the kernel; last line: its build directory [FLAVOUR=]
kernel:
	vm/kernel

#: make tree		the patched source tree; last line: its path
tree:
	vm/prepare

#: make apply KDIR=	lay the series over a clean git tree of yours
apply:
	vm/apply

#: make clean		remove build/
clean:
	rm -rf build
