/** Bounds of the state store. They are part of its contract: every implementation takes this much and refuses more. */

/** Bytes of one value. State is small; what grows belongs in a log. */
export const stateValueSizeMax = 16 * 1024 * 1024;

/** Bytes of one key as UTF-8: a full MQTT topic (65,535) under a prefix, with room. */
export const stateKeySizeMax = 128 * 1024;

/** Bytes of keys and values that may wait while a write is on its way to disk. One larger write is taken when none waits. */
export const stateWaitingSizeMax = 256 * 1024 * 1024;

/** Bytes after which no further waiting write joins the batch that is being put together. */
export const stateBatchSizeMax = 4 * 1024 * 1024;
