/** Every bound of the nsqlookupd. */

/** An nsqd that has not been heard for longer is not told of. nsqlookupd's default. */
export const inactiveProducerTimeoutMs = 300_000;
/** How long a tombstone hides an nsqd. nsqlookupd's default. */
export const tombstoneLifetimeMs = 45_000;
/** Topics and channels together, some 200 bytes each; nsqds have at most twice as many in all. */
export const registrationsMax = 1_000_000;
/** What one nsqd has of them. */
export const registrationsPerNodeMax = 250_000;
/** How often room is looked for among topics and channels that no nsqd has any more, at most, in ms. */
export const forgetIntervalMs = 1000;
/** Peers that are connected. */
export const connectionsMax = 10_000;
/** How long a peer has for its IDENTIFY, in ms. */
export const identifyTimeoutMs = 60_000;
/** An nsqd that is silent so long, or twice as long as it takes to be inactive if that is more, is disconnected, in ms. */
export const silenceTimeoutMsMin = 600_000;
/** Bytes of answers that a peer has not read, beyond which it is not read until they have left. */
export const outputPendingSizeMax = 65_536;
/** How long the connections that are left get to end when the server stops, by default. */
export const stopTimeoutMs = 1000;
