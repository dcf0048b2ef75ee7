/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON on standard output; commas are added where needed.  A document ends with a
 * newline.
 */
#ifndef COALESCE_TLBI_JSON_H
#define COALESCE_TLBI_JSON_H

/* @name is NULL for the document itself and for an element of an array. */
void json_object(const char *name);
void json_array(const char *name);
void json_end(void);
void json_text(const char *name, const char *text);
void json_number(const char *name, unsigned long long n);
void json_seconds(const char *name, unsigned long long ns);
void json_bool(const char *name, int value);
void json_null(const char *name);

#endif
