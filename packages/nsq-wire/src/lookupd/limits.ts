/** Bounds of protocol V1. nsqlookupd has none of them; a line has the bound of protocol V2. */

/** Bytes of an IDENTIFY body: addresses and names, a few hundred bytes. */
export const identifySizeMax = 16_384;
/** Bytes of one answer that an nsqd takes: its `--max-body-size`. */
export const answerSizeMax = 5_242_880;
