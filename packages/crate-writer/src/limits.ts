/** Every limit of the package. */

/** How long one request may take, in milliseconds. */
export const requestTimeoutMs = 60_000;

/** Bytes of an answer; more is cut off as a failure. */
export const answerSizeMax = 64 * 1024 * 1024;

/** The brake's shortest and longest pause, in milliseconds. */
export const pauseMsMin = 100;
export const pauseMsMax = 10_000;

/** How long an address that could not be reached is passed over while there are others, in milliseconds. */
export const addressPauseMs = 1_000;

/** Parameters of one statement of PostgreSQL's protocol. */
export const parametersMax = 65_535;
