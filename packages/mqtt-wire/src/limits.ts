/**
 * The limits of the MQTT format itself. What a server allows below them (packet size, topic levels, filters per
 * SUBSCRIBE) is the server's choice and is passed in or checked there.
 */

/** The longest fixed header in bytes: the first byte and four bytes of remaining length. */
export const fixedHeaderSizeMax = 5;

/** The largest remaining length four 7-bit groups can say: 256 MiB - 1. */
export const remainingLengthMax = 2 ** 28 - 1;

/** The largest whole packet in bytes, fixed header included. */
export const packetSizeMaxOfFormat = fixedHeaderSizeMax + remainingLengthMax;

/** The most bytes of a string or binary field, without its two length bytes. [MQTT-4.7.3-3] */
export const fieldSizeMax = 65_535;

/** The largest packet identifier; the smallest is 1. */
export const packetIdentifierMax = 65_535;

/** The longest keep alive in seconds: 18 hours, 12 minutes and 15 seconds. */
export const keepAliveSecondsMax = 65_535;
