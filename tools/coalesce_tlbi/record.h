/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file that record writes and report reads, documented in coalesce-tlbi(1).
 */
#ifndef COALESCE_TLBI_RECORD_H
#define COALESCE_TLBI_RECORD_H

#define RECORD_FILE	"coalesce-tlbi.rec"
#define RECORD_MAGIC	"# coalesce-tlbi record 1"

/* Lines of events */
#define RECORD_CALL	"call"
#define RECORD_IPI	"ipi"
#define RECORD_DEFER	"defer"

/* Before the word of an event that coalesce-tlbi itself initiated */
#define RECORD_OWN	"own-"
/* Interrupts while coalesce-tlbi set up and removed its events */
#define RECORD_SETUP	"setup"

#endif
