/** Every bound of what an nsqd does with its nsqlookupds. Those of nsqd stand there as constants, too. */

/** Connecting takes no longer, nor does an answer. */
export const lookupdTimeoutMs = 1000;
/** Between two PINGs to one nsqlookupd. */
export const pingIntervalMs = 15_000;
/** Before a connection is tried again; doubled each time up to the longest. nsqd tries at its next command, within 15 s. */
export const reconnectDelayMs = 250;
export const reconnectDelayMsMax = 15_000;
/** Commands sent to one nsqlookupd that it has not answered; others wait. nsqd sends one at a time. */
export const unansweredMax = 128;
/** For one HTTP question to an nsqlookupd. */
export const questionTimeoutMs = 5000;
/** Questions to one nsqlookupd at a time; others wait. */
export const questionsMax = 8;
/** Bytes of an HTTP answer. */
export const questionAnswerSizeMax = 5_242_880;
/** nsqlookupds that a request may set. */
export const lookupdsMax = 1000;
