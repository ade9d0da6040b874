/** What one bridge may take, of time, memory and attempts. */

/** Bridges of one server. */
export const bridgesMax = 64;

/** Rules of one bridge: as many filters as go into one SUBSCRIBE. */
export const rulesMax = 1000;

/** How long TCP and TLS together may take, in milliseconds. */
export const dialTimeoutMs = 10_000;

/** How long a peer may take to answer CONNECT, SUBSCRIBE or UNSUBSCRIBE, in milliseconds. */
export const answerTimeoutMs = 10_000;

/** The wait before the first new attempt, and the longest, in milliseconds. Of each wait the upper half is left to chance. */
export const backoffMsMin = 500;
export const backoffMsMax = 30_000;

/** A link that held for so long was a good one: the next wait is the shortest again. In milliseconds. */
export const stableMs = 10_000;

/** Messages of QoS 1 and 2 in flight in each direction, unless a peer allows fewer. */
export const inFlightMax = 256;

/** Bytes one side has not taken, beyond which the other is not read. */
export const pausedBytesMin = 1024 * 1024;

/** And beyond which messages of QoS 0 to it are dropped and counted: both may be slow, and one is always read. */
export const outputBytesMax = 8 * 1024 * 1024;

/** Before MQTT 5 a broker cannot be told what is too large: so much is read, and dropped, before the connection is closed. */
export const packetSizeMaxBefore5 = 64 * 1024 * 1024;

/** Topics whose other side is remembered, and the longest that are, in bytes. */
export const mappedTopicsMax = 4096;
export const mappedTopicSizeMax = 256;
