/**
 * Every bound of the NSQ server. `NsqLimits` are the ones the composition root may set; the protocol's own are in
 * `@polylog/nsq-wire`; the constants below are this server's.
 */

import { defaultLimits, type ProtocolLimits } from "@polylog/nsq-wire";

export interface NsqLimits {
  /** Bytes of one message. Default 1 MiB. */
  readonly msgSizeMax: number;
  /** Bytes of one command's body, and of an HTTP body with several messages. Default 5 MiB. */
  readonly bodySizeMax: number;
  /** How long a consumer may take over a message unless it asks for another time. Default 1 min. */
  readonly msgTimeoutMs: number;
  /** The longest a consumer may ask for, and the longest that TOUCH puts the time-out off. Default 15 min. */
  readonly msgTimeoutMsMax: number;
  /** Longest delay: REQ is clamped to it, DPUB and `defer` are refused above it. Default 1 h. */
  readonly reqTimeoutMsMax: number;
  /** Default 2500. */
  readonly rdyCountMax: number;
  /** Default 1 min. */
  readonly heartbeatIntervalMsMax: number;
  /** Consumers of one channel; 0 sets no limit. Default 0. */
  readonly channelConsumersMax: number;
  /** Bytes that a client may ask to be held back for it. Default 64 KiB. */
  readonly outputBufferSizeMax: number;
  /** How long that may be; what a client that asks for none is told; and the bounds. Default 250 ms, 25 ms and 30 s. */
  readonly outputBufferTimeoutMs: number;
  readonly outputBufferTimeoutMsMin: number;
  readonly outputBufferTimeoutMsMax: number;
  /** Highest level of deflate that is granted, 1 to 9. Default 6. */
  readonly deflateLevelMax: number;
}

/** nsqd's defaults for what was not given. */
export function toProtocolLimits(given: Partial<NsqLimits>): ProtocolLimits {
  return {
    ...defaultLimits,
    msgSizeMax: given.msgSizeMax ?? defaultLimits.msgSizeMax,
    bodySizeMax: given.bodySizeMax ?? defaultLimits.bodySizeMax,
    msgTimeoutMs: given.msgTimeoutMs ?? defaultLimits.msgTimeoutMs,
    msgTimeoutMaxMs: given.msgTimeoutMsMax ?? defaultLimits.msgTimeoutMaxMs,
    reqTimeoutMaxMs: given.reqTimeoutMsMax ?? defaultLimits.reqTimeoutMaxMs,
    rdyCountMax: given.rdyCountMax ?? defaultLimits.rdyCountMax,
    outputBufferSizeMax: given.outputBufferSizeMax ?? defaultLimits.outputBufferSizeMax,
    outputBufferTimeoutMs: given.outputBufferTimeoutMs ?? defaultLimits.outputBufferTimeoutMs,
    outputBufferTimeoutMinMs: given.outputBufferTimeoutMsMin ?? defaultLimits.outputBufferTimeoutMinMs,
    outputBufferTimeoutMaxMs: given.outputBufferTimeoutMsMax ?? defaultLimits.outputBufferTimeoutMaxMs,
    deflateLevelMax: given.deflateLevelMax ?? defaultLimits.deflateLevelMax,
    heartbeatIntervalMaxMs: given.heartbeatIntervalMsMax ?? defaultLimits.heartbeatIntervalMaxMs,
  };
}

/** Answers of one connection that wait for the log, beyond which its socket is not read until all of them have left. */
export const pendingAnswersMax = 65_536;

/** Bytes a consumer has not read, beyond which it counts as not ready until half of them are gone. */
export const messagesPendingSizeMax = 16 * 1024 * 1024;

/** Bytes of messages written to a consumer between two looks at what it has not read. */
export const outputCheckSize = 64 * 1024;

/** Bytes of any frames a client has not read, beyond which its socket is not read until half of them are gone. */
export const outputPendingSizeMax = 32 * 1024 * 1024;

/**
 * Commands of PUBs that came together, beyond which they are written and answered at once instead of at the end of the
 * turn: a chunk this large has more behind it, and the publisher goes on meanwhile.
 */
export const writeAtOnceSize = 48 * 1024;

/**
 * Bytes of MPUBs that came in one turn and are not written yet, beyond which they are written and answered at once: a write
 * of more than 256 KiB would go through the thread pool. Four connections with four MPUBs of 20 KB outstanding publish 1.19 and
 * 0.95 times as many messages so, through to a consumer 1.10 and 1.06 (`npm run bench -- nsq --rows=mpub*`, medians of 9 to 13).
 */
export const writeMpubsAtOnceSize = 192 * 1024;

/** Values from this size on are lent to the output instead of copied. */
export const lentValueSizeMin = 4096;

/** How often heartbeats and deadlines are looked at: what they may be late by. */
export const keepAliveIntervalMs = 250;

/** Topics whose log is remembered under their bytes. */
export const cachedTopicsMax = 4096;

/** Latencies that are kept of one channel and window. */
export const latencySamplesMax = 4096;

/** Publish times that one consumer keeps for latencies, of messages it has not finished. */
export const latencyPendingMax = 10_000;

/** Bytes of what an authorisation server says of one secret. */
export const authResponseSizeMax = 1024 * 1024;

/** How long a TLS handshake may take; nsqd's. */
export const tlsHandshakeTimeoutMs = 5000;

/** How long an HTTP request's body may take to arrive. */
export const httpBodyTimeoutMs = 60_000;

/** How long the connections that are left get to read their last answers when the server stops, by default. */
export const stopTimeoutMs = 10_000;

if (messagesPendingSizeMax > outputPendingSizeMax) {
  throw new RangeError("messagesPendingSizeMax must not exceed outputPendingSizeMax");
}

/** Bytes that messages which are held back begin with; it grows up to the output_buffer_size that was agreed on. */
export const messageBufferSizeMin = 256;

/** How long a message may be told to be of use, in ms: 100 years. */
export const ttlMsMax = 100 * 365 * 24 * 3600 * 1000;

/** Messages in one answer of /channel/peek and /topic/browse; and bytes after which it has enough. */
export const browseMessagesMax = 1_000;
export const browseMessagesDefault = 100;
export const browseBytesMax = 1024 * 1024;
