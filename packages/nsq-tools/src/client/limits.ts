/** Bounds of the client that no option sets. */

/** Data of one frame that is taken when `max_msg_size` is 0. */
export const frameSizeMax = 16_777_216;
/** Bytes of an answer over HTTP, nsqlookupd's and nsqd's /stats. */
export const httpAnswerSizeMax = 64 * 1024 * 1024;
/** How long a stop waits for messages in work and for answers that are due. */
export const stopTimeoutMs = 30_000;
/** After this time a RDY that did not fit into max_in_flight is tried again. */
export const rdyRetryMs = 5000;
/** A backoff that finds no connection to resume on is tried again after this. */
export const resumeRetryMs = 1000;
/** Other nsqlookupds asked when one does not answer, per poll. */
export const lookupRetriesMax = 3;
