/**
 * Every limit of the package. Those in `RpcLimits` protect one server and may be set; the constants below are part of
 * what a method promises, so that a client meets the same numbers everywhere.
 */

export interface RpcLimits {
  /** Bytes of one request: a POST body or a WebSocket message. */
  readonly requestSizeMax: number;
  /** Requests in one batch array. */
  readonly batchRequestsMax: number;
  /** WebSocket connections; further ones are refused with 503. */
  readonly connectionsMax: number;
  /** POST requests under way; further ones are refused with 503. */
  readonly postsMax: number;
  /** Requests of one WebSocket connection that are not answered yet; further ones are answered with an error. */
  readonly requestsPerConnectionMax: number;
  readonly subscriptionsPerConnectionMax: number;
  /** How long a POST body may take to arrive, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** A WebSocket peer that was silent for this long after a ping is gone, in milliseconds. */
  readonly heartbeatMs: number;
  /**
   * Bytes waiting in a WebSocket's output above which nothing more is made for it and nothing more is read from it. One
   * answer or notification may go beyond it.
   */
  readonly outputSizeMark: number;
}

export const defaultRpcLimits: RpcLimits = {
  requestSizeMax: 10 * 1024 * 1024,
  batchRequestsMax: 100,
  connectionsMax: 10_000,
  postsMax: 1_000,
  requestsPerConnectionMax: 64,
  subscriptionsPerConnectionMax: 64,
  bodyTimeoutMs: 10_000,
  heartbeatMs: 30_000,
  outputSizeMark: 256 * 1024,
};

/** Arrays and objects inside each other in a request; see text-structure.ts for what these two are good for. */
export const levelsMax = 128;

/** Values in a request: elements and members, those of produced JSON included. 20 for each of the most records. */
export const valuesMax = 200_000;

/** Characters of an id that is a string: it is kept until the answer. */
export const idLengthMax = 256;

/** Characters of a client's own text that an error repeats. */
export const quotedLengthMax = 200;

/** Up to this size of a request all its problems are listed; of a larger one the first. Checking on costs memory. */
export const problemsTextMax = 64 * 1024;

/** Problems listed in one error. */
export const problemsMax = 100;

/** Records in one `produce`. */
export const produceRecordsMax = 10_000;

/** Clients, sessions, subscriptions, retained or delayed messages in one answer; delayed messages in one call that takes them back. */
export const listRowsMax = 10_000;
export const listRowsDefault = 1_000;

/** Characters of topics and client ids in one answer of `mqtt.delayed`, beyond which it has enough. */
export const delayedLengthMax = 1024 * 1024;

/** MQTT subscriptions looked at in one turn of the event loop. */
export const subscriptionsPerTurn = 4096;

/** Headers of one record; the log takes as many. */
export const headersMax = 1024;

/** Records and bytes in one answer of `consume`; the bytes are those of keys, headers and values, before encoding. */
export const consumeRecordsMax = 10_000;
export const consumeRecordsDefault = 1_000;
export const consumeBytesMax = 8 * 1024 * 1024;
export const consumeBytesDefault = 1024 * 1024;

/** Records in one answer of `channel.peek`; and bytes, as in `consume`, after which it has enough. */
export const peekRecordsMax = 1_000;
export const peekRecordsDefault = 10;
export const peekBytesMax = 1024 * 1024;

/** Bytes that unanswered `consume` calls of one peer may ask for together: they are in memory until they are sent. */
export const consumeHeldBytesMax = 64 * 1024 * 1024;

/** Characters of a batch's answer beyond which the results of `consume` in it are refused. */
export const batchAnswerLengthMax = 16 * 1024 * 1024;

/** Bytes of records made JSON in one slice of the event loop, and bytes of an answer handed to its socket in one. */
export const recordSliceSize = 128 * 1024;
export const sendSliceSize = 128 * 1024;

/** How long `consume` may wait for a first record, in milliseconds. */
export const consumeWaitMsMax = 60_000;

/** Records and bytes in one `subscription.records`; a larger record comes alone. */
export const notificationRecordsMax = 1_000;
export const notificationBytesMax = 256 * 1024;

/** Credits a subscription starts with unless it says otherwise, and may have at most. */
export const creditsDefault = 16;
export const creditsMax = 65_536;

/** Bytes a subscription that fell behind reads at a time. */
export const readAheadSize = 1024 * 1024;

if (notificationBytesMax > consumeBytesMax)
  throw new RangeError("notificationBytesMax must not exceed consumeBytesMax");
if (consumeBytesMax > consumeHeldBytesMax) throw new RangeError("consumeBytesMax must not exceed consumeHeldBytesMax");
if (consumeBytesDefault > consumeBytesMax) throw new RangeError("consumeBytesDefault must not exceed consumeBytesMax");
if (creditsDefault > creditsMax) throw new RangeError("creditsDefault must not exceed creditsMax");
