/** What looks at a data directory without starting a broker. */

export { type KeptOffsets, type VerifiedChannel, verifyChannels } from "./channels/verify-channels.ts";
export { deferredLogName, verifyDeferred } from "./deferred/verify-deferred.ts";
