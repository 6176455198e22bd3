/*
 * fakexen.h: control over the stand-ins for Xen's libraries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The stand-ins print a line on stdout for each call that reaches them, that is,
 * for each that the scope library lets through.
 */

#pragma once

/* The next call into libxendevicemodel that can fail does, with this errno. */
void fakeXenDeviceModelFail(int err);

/* Whether the calls that map and unmap ranges print anything. */
void fakeXenDeviceModelQuiet(int quiet);

/* The number of ranges that are mapped now. */
unsigned int fakeXenDeviceModelMapped(void);

/* The port of the event that is pending. */
void fakeXenEvtchnRaise(unsigned int port);
