/**
 * The errors of JSON-RPC and of this package, and which number a coded error of any package has on the wire. Clients
 * should look at `data.code`, which names every error; the numbers tell the kinds apart that JSON-RPC has numbers for.
 *
 *     -32700 … -32600   JSON-RPC's own
 *     -32000            an application error without a number of its own
 *     -32001 … -32099   application errors; numbers are never reused
 */

import { defineErrors } from "@polylog/base/errors";

export const rpcErrors = defineErrors("rpc", {
  PARSE_ERROR: { text: "the request is not JSON: {reason}", wireCode: -32700 },
  INVALID_REQUEST: { text: "the request is not a JSON-RPC 2.0 request: {reason}", wireCode: -32600 },
  METHOD_NOT_FOUND: { text: 'there is no method "{method}"', wireCode: -32601 },
  INVALID_PARAMS: { text: "{summary}", help: "data.problems has the path of each", wireCode: -32602 },
  INTERNAL_ERROR: { text: "the server failed; its log says more", wireCode: -32603 },
  REQUEST_TOO_LARGE: { text: "the request is larger than {sizeMax} bytes", help: "split it", wireCode: -32020 },
  TOO_MANY_VALUES: {
    text: "the request has more than {countMax} values",
    help: "split it, or produce JSON as text, with the encoding utf8",
    wireCode: -32034,
  },
  BATCH_TOO_LARGE: {
    text: "a batch of {count} requests is larger than {countMax}",
    help: "split it",
    wireCode: -32021,
  },
  TOO_MANY_REQUESTS: {
    text: "{count} requests of this connection are not answered yet",
    help: "wait for answers",
    retryable: true,
    wireCode: -32022,
  },
  TOO_MANY_BYTES: {
    text: "unanswered consume calls of this connection ask for {bytes} bytes together, more than {bytesMax}",
    help: "wait for answers, or ask for less with maxBytes",
    retryable: true,
    wireCode: -32032,
  },
  ANSWER_TOO_LARGE: {
    text: "the answers before this one in the batch have {length} characters",
    help: "send the request outside of a batch",
    retryable: true,
    wireCode: -32033,
  },
  TOO_MANY_SUBSCRIPTIONS: {
    text: "this connection has {count} subscriptions",
    help: "end one, or open another connection",
    wireCode: -32023,
  },
  SUBSCRIPTION_NOT_FOUND: { text: "this connection has no subscription {subscription}", wireCode: -32024 },
  WEBSOCKET_ONLY: { text: "{method} needs a WebSocket: over POST there is nowhere to send records", wireCode: -32025 },
  STOPPING: { text: "the server is stopping", retryable: true, wireCode: -32026 },
  OVERLOADED: { text: "the server has {count} {what}", help: "try again later", retryable: true, wireCode: -32027 },
  PARTITION_REQUIRED: { text: 'log "{log}" has {count} partitions', help: "say which one", wireCode: -32028 },
  KEYS_DIVERGE: {
    text: "records[{index}] belongs to partition {partition} by its key, those before it to {partitionFirst}",
    help: "send records of different partitions in different calls, or name the partition",
    wireCode: -32029,
  },
  // An offset without a record is no error any more, since compaction and repair leave such; damage is log.CORRUPT_BATCH.
  RECORD_UNREADABLE: {
    text: 'record {offset} of partition {partition} of log "{log}" cannot be read',
    wireCode: -32030,
    retired: true,
  },
  PARTLY_APPENDED: {
    text: "only the first {appended} records were appended, from offset {baseOffset} of partition {partition} on: {reason}",
    help: "go on with the record after them",
    wireCode: -32031,
  },
  METHOD_NOT_ALLOWED: {
    text: "{method} is not for this address",
    help: "POST a request, or upgrade to a WebSocket",
    wireCode: -32040,
  },
  UNSUPPORTED_MEDIA_TYPE: { text: "the body must be application/json, not compressed", wireCode: -32041 },
  BODY_TIMEOUT: { text: "the body did not arrive within {timeoutMs} ms", retryable: true, wireCode: -32042 },
  ORIGIN_REFUSED: {
    text: "pages of {origin} may not use this server",
    help: "allow the origin in the server's configuration",
    wireCode: -32043,
  },
});

/** Numbers for what the broker and the log refuse with. Codes that are not here are -32000. */
export const applicationCodes: ReadonlyMap<string, number> = new Map([
  ["broker.NOT_AUTHORIZED", -32001],
  ["broker.LOG_NOT_FOUND", -32002],
  ["broker.LOG_EXISTS", -32003],
  ["broker.LOG_LIMIT", -32004],
  ["broker.INVALID_NAME", -32005],
  ["broker.INVALID_PARTITION", -32006],
  ["log.OFFSET_OUT_OF_RANGE", -32007],
  ["log.APPEND_QUEUE_FULL", -32008],
  ["log.PARTITION_READ_ONLY", -32009],
  ["log.DISK_FULL", -32045],
  ["log.PARTITION_CLOSED", -32010],
  ["log.RECORD_TOO_LARGE", -32011],
  ["log.CORRUPT_BATCH", -32012],
  ["log.OFFSETS_MISSING", -32013],
  ["log.LOG_CONFIG_INVALID", -32014],
  ["broker.CHANNEL_NOT_FOUND", -32015],
  ["broker.CHANNEL_LIMIT", -32016],
  ["broker.CHANNEL_CLOSED", -32017],
  ["broker.DEAD_LETTER_NAME", -32018],
  ["broker.REPLAY_RUNNING", -32019],
  ["broker.LOG_FULL", -32056],
  ["broker.SESSION_QUEUE_FULL", -32057],
  ["log.PRODUCER_FENCED", -32050],
  ["log.PRODUCER_UNKNOWN", -32051],
  ["log.SEQUENCE_GAP", -32052],
  ["log.DUPLICATE_SEQUENCE", -32053],
  ["log.PRODUCE_TOO_LARGE", -32054],
  ["broker.PRODUCER_ID_INVALID", -32055],
]);

export const applicationCodeDefault = -32000;
