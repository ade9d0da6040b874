/** Every bound of the nsqlookupd. */

/** An nsqd that has not been heard for longer is not told of. nsqlookupd's default. */
export const inactiveProducerTimeoutMs = 300_000;
/** How long a tombstone hides an nsqd. nsqlookupd's default. */
export const tombstoneLifetimeMs = 45_000;
/** Topics and channels together, some 200 bytes each. */
export const registrationsMax = 1_000_000;
/** Bytes of answers that a peer has not read, beyond which it is not read until they have left. */
export const outputPendingSizeMax = 65_536;
/** How long the connections that are left get to end when the server stops, by default. */
export const stopTimeoutMs = 1000;
