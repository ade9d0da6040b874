/** What this package holds back for, and why. */

/**
 * How many newer messages of a sender may come before a missing one is given up: 32 KiB per sender and subscription, and
 * only where one is missing. A power of two.
 */
export const sequenceWindowMax = 262_144;

/**
 * Messages of a sender, and of all, whose first and last arrival can be told at a time: 4 bytes each. Powers of two. A
 * subscription that is further behind than that is not seen to be the last.
 */
export const boardSlotsPerSenderMax = 4096;
export const boardSlotsMax = 4_194_304;

/**
 * Messages of QoS 0 that publishers without a rate have under way at most, all together; each has `--inflight` at least.
 * Without that bound, sockets would hold seconds of messages, and what arrives would tell nothing of what is sent.
 */
export const unpacedUnderWayMax = 20_000;

/** After how long a message under way no longer holds up such a publisher, when nothing arrives, in nanoseconds. */
export const unpacedGiveUpNs = 1e9;

/** Bytes of a payload that its checksum covers; the rest would cost more than it tells. */
export const checkedPayloadSizeMax = 256;

/** Messages that a turn of the loop sends at most, so that answers are read in between. */
export const messagesPerTurnMax = 1024;

/** Bytes that a connection may hold unsent before further messages stay due. */
export const unsentBytesMax = 262_144;

/** Codes of errors that are told apart in one run, and characters of the sample kept with each. */
export const errorCodesMax = 100;
export const errorSampleLengthMax = 300;

/** Largest packet taken from a broker, in bytes. */
export const packetSizeMax = 268_435_460;

/** Connections take about this many bytes in generator and kernel together; for the check before a run. */
export const connectionSize = 16_384;

/** Intervals that a result keeps; even. Beyond them two become one, so that a run of days has the size of one of minutes. */
export const intervalsMax = 1200;

/** How long the embedded database may take to start and to stop, in milliseconds. */
export const embeddedStartTimeoutMs = 30_000;
export const embeddedStopTimeoutMs = 30_000;
