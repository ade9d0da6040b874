/**
 * What goes wrong in protocol V2, with the words nsqd uses. Rows with a `wireCode` are sent as an error frame whose
 * body is `wireCode + " " + text`, byte for byte what nsqd sends; therefore no row has a `help`, which would change
 * the text. `fatal` rows close the connection after the frame; only FIN_FAILED, REQ_FAILED and TOUCH_FAILED do not.
 * Rows without a `wireCode` are never sent: a server closes without a frame, a client gives the connection up.
 *
 * Texts are byte strings: one character per byte (latin1), since nsqd echoes what it got. `{name}`, `{topic}` and
 * `{channel}` come from `goQuote`; `{reason}` must be ASCII.
 */

import { type CodedError, defineErrors } from "@polylog/base/errors";

export const nsqWireErrors = defineErrors("nsq-wire", {
  // The connection and the command line.
  /** Its frame body is the code alone. */
  BAD_PROTOCOL: {
    text: "the first four bytes are not the magic of protocol V2",
    wireCode: "E_BAD_PROTOCOL",
    fatal: true,
  },
  /** No frame: nsqd closes at once. */
  LINE_TOO_LONG: { text: "no line feed within {max} bytes", fatal: true },
  INVALID_COMMAND: { text: "invalid command {command}", wireCode: "E_INVALID", fatal: true },
  INVALID_STATE: { text: "cannot {command} in current state", wireCode: "E_INVALID", fatal: true },
  TLS_REQUIRED: { text: "cannot {command} in current state (TLS required)", wireCode: "E_INVALID", fatal: true },

  // Parameters.
  /** SUB, PUB, MPUB, DPUB. */
  TOO_FEW_PARAMETERS: { text: "{command} insufficient number of parameters", wireCode: "E_INVALID", fatal: true },
  /** FIN, REQ, TOUCH: nsqd abbreviates here. */
  TOO_FEW_PARAMS: { text: "{command} insufficient number of params", wireCode: "E_INVALID", fatal: true },
  INVALID_MESSAGE_ID: { text: "invalid message ID", wireCode: "E_INVALID", fatal: true },
  BAD_TOPIC: { text: "{command} topic name {name} is not valid", wireCode: "E_BAD_TOPIC", fatal: true },
  /** nsqd repeats the code inside the text. */
  MPUB_BAD_TOPIC: { text: "E_BAD_TOPIC MPUB topic name {name} is not valid", wireCode: "E_BAD_TOPIC", fatal: true },
  BAD_CHANNEL: { text: "{command} channel name {name} is not valid", wireCode: "E_BAD_CHANNEL", fatal: true },
  RDY_COUNT_UNPARSABLE: { text: "RDY could not parse count {count}", wireCode: "E_INVALID", fatal: true },
  RDY_COUNT_OUT_OF_RANGE: { text: "RDY count {count} out of range 0-{max}", wireCode: "E_INVALID", fatal: true },
  /** REQ, DPUB. */
  TIMEOUT_UNPARSABLE: { text: "{command} could not parse timeout {timeout}", wireCode: "E_INVALID", fatal: true },
  DPUB_TIMEOUT_OUT_OF_RANGE: {
    text: "DPUB timeout {timeout} out of range 0-{max}",
    wireCode: "E_INVALID",
    fatal: true,
  },
  AUTH_PARAMETERS: { text: "AUTH invalid number of parameters", wireCode: "E_INVALID", fatal: true },

  // Bodies. The UNREAD rows are for a stream that ends inside a command.
  /** IDENTIFY, AUTH, MPUB. */
  BODY_SIZE_UNREAD: { text: "{command} failed to read body size", wireCode: "E_BAD_BODY", fatal: true },
  BODY_SIZE_INVALID: { text: "{command} invalid body size {size}", wireCode: "E_BAD_BODY", fatal: true },
  BODY_TOO_BIG: { text: "{command} body too big {size} > {max}", wireCode: "E_BAD_BODY", fatal: true },
  BODY_UNREAD: { text: "{command} failed to read body", wireCode: "E_BAD_BODY", fatal: true },
  /** PUB, DPUB. */
  MESSAGE_SIZE_UNREAD: { text: "{command} failed to read message body size", wireCode: "E_BAD_MESSAGE", fatal: true },
  MESSAGE_SIZE_INVALID: { text: "{command} invalid message body size {size}", wireCode: "E_BAD_MESSAGE", fatal: true },
  /** PUB, DPUB, MPUB. */
  MESSAGE_TOO_BIG: { text: "{command} message too big {size} > {max}", wireCode: "E_BAD_MESSAGE", fatal: true },
  MESSAGE_UNREAD: { text: "{command} failed to read message body", wireCode: "E_BAD_MESSAGE", fatal: true },
  MPUB_COUNT_UNREAD: { text: "MPUB failed to read message count", wireCode: "E_BAD_BODY", fatal: true },
  MPUB_COUNT_INVALID: { text: "MPUB invalid message count {count}", wireCode: "E_BAD_BODY", fatal: true },
  MPUB_MESSAGE_SIZE_UNREAD: {
    text: "MPUB failed to read message({index}) body size",
    wireCode: "E_BAD_MESSAGE",
    fatal: true,
  },
  MPUB_MESSAGE_SIZE_INVALID: {
    text: "MPUB invalid message({index}) body size {size}",
    wireCode: "E_BAD_MESSAGE",
    fatal: true,
  },

  // IDENTIFY.
  IDENTIFY_UNDECODABLE: { text: "IDENTIFY failed to decode JSON body", wireCode: "E_BAD_BODY", fatal: true },
  /** `{option}`: heartbeat interval, output buffer timeout, output buffer size, sample rate, msg timeout. */
  IDENTIFY_OPTION_INVALID: { text: "IDENTIFY {option} ({value}) is invalid", wireCode: "E_BAD_BODY", fatal: true },
  IDENTIFY_BOTH_COMPRESSIONS: {
    text: "cannot enable both deflate and snappy compression",
    wireCode: "E_IDENTIFY_FAILED",
    fatal: true,
  },
  IDENTIFY_FAILED: { text: "IDENTIFY failed {reason}", wireCode: "E_IDENTIFY_FAILED", fatal: true },

  // AUTH and what it guards.
  AUTH_ALREADY_SET: { text: "AUTH already set", wireCode: "E_INVALID", fatal: true },
  AUTH_DISABLED: { text: "AUTH disabled", wireCode: "E_AUTH_DISABLED", fatal: true },
  AUTH_FAILED: { text: "AUTH failed", wireCode: "E_AUTH_FAILED", fatal: true },
  AUTH_ERROR: { text: "AUTH error {reason}", wireCode: "E_AUTH_ERROR", fatal: true },
  AUTH_NOT_FOUND: { text: "AUTH no authorizations found", wireCode: "E_UNAUTHORIZED", fatal: true },
  AUTH_FIRST: { text: "AUTH required before {command}", wireCode: "E_AUTH_FIRST", fatal: true },
  UNAUTHORIZED: { text: "AUTH failed for {command} on {topic} {channel}", wireCode: "E_UNAUTHORIZED", fatal: true },

  // What the server finds when it carries a command out.
  HEARTBEATS_DISABLED: { text: "cannot SUB with heartbeats disabled", wireCode: "E_INVALID", fatal: true },
  SUB_TOO_MANY_CONSUMERS: {
    text: "SUB failed consumers for {topic}:{channel} exceeds limit of {max}",
    wireCode: "E_SUB_FAILED",
    fatal: true,
  },
  SUB_EXITING: { text: "SUB failed exiting", wireCode: "E_SUB_FAILED", fatal: true },
  SUB_DELETED: { text: "SUB failed to deleted topic/channel", wireCode: "E_SUB_FAILED", fatal: true },
  PUB_FAILED: { text: "PUB failed {reason}", wireCode: "E_PUB_FAILED", fatal: true },
  MPUB_FAILED: { text: "MPUB failed {reason}", wireCode: "E_MPUB_FAILED", fatal: true },
  DPUB_FAILED: { text: "DPUB failed {reason}", wireCode: "E_DPUB_FAILED", fatal: true },
  /** `{reason}` is one of `failureReasons`. */
  FIN_FAILED: { text: "FIN {id} failed {reason}", wireCode: "E_FIN_FAILED" },
  REQ_FAILED: { text: "REQ {id} failed {reason}", wireCode: "E_REQ_FAILED" },
  TOUCH_FAILED: { text: "TOUCH {id} failed {reason}", wireCode: "E_TOUCH_FAILED" },

  // Streams below the protocol. No frame: nobody could read it.
  SNAPPY_CORRUPT: { text: "snappy stream cannot be read: {reason}", fatal: true },

  // Frames, as a client sees them.
  FRAME_SIZE_INVALID: { text: "frame of {size} bytes has no room for its type", fatal: true },
  FRAME_TOO_BIG: { text: "frame of {size} bytes is above {max}", fatal: true },
  FRAME_TYPE_UNKNOWN: { text: "frame type {type} is not one of 0, 1, 2", fatal: true },
  MESSAGE_FRAME_TOO_SHORT: { text: "message frame holds {size} bytes, fewer than its {min} byte header", fatal: true },
  RESPONSE_UNDECODABLE: { text: "response to {command} is not the JSON object it should be", fatal: true },
});

/** nsqd's words for `{reason}`. */
export const failureReasons = {
  notInFlight: "ID not in flight",
  notOwner: "client does not own message",
  exiting: "exiting",
} as const;

/**
 * The bytes that go into the error frame for `error`, or undefined when none is to be sent: the connection is then
 * closed without a frame (a line that is too long, and errors from outside this table).
 */
export function errorFrameBody(error: CodedError): Buffer | undefined {
  const { wireCode } = error;
  if (typeof wireCode !== "string") return undefined;
  return Buffer.from(wireCode === "E_BAD_PROTOCOL" ? wireCode : `${wireCode} ${error.message}`, "latin1");
}
