/**
 * Every bound of protocol V2. `ProtocolLimits` are the ones an operator may set (nsqd's flags, named there after
 * "max-" and "min-"); the constants below it are fixed by the protocol or by nsqd's code.
 */

export interface ProtocolLimits {
  /** Bytes of one message. Default 1 MiB (`--max-msg-size`). */
  readonly msgSizeMax: number;
  /** Bytes of one command body: IDENTIFY, AUTH, MPUB. Default 5 MiB (`--max-body-size`). */
  readonly bodySizeMax: number;
  /** Default 2500 (`--max-rdy-count`). */
  readonly rdyCountMax: number;
  /** Ceiling of REQ, which is clamped to it, and of DPUB, which is refused above it. Default 1 h (`--max-req-timeout`). */
  readonly reqTimeoutMaxMs: number;
  /** What a client that asks for none gets. Default 1 min (`--msg-timeout`). */
  readonly msgTimeoutMs: number;
  /** Default 15 min (`--max-msg-timeout`). */
  readonly msgTimeoutMaxMs: number;
  /** What a client that asks for none gets. Default 30 s: half of nsqd's internal client timeout, which has no flag. */
  readonly heartbeatIntervalMs: number;
  /** Default 1 min (`--max-heartbeat-interval`). */
  readonly heartbeatIntervalMaxMs: number;
  /** What a client that asks for none gets. Default 16384; nsqd has no flag for it. */
  readonly outputBufferSize: number;
  /** Default 65536 (`--max-output-buffer-size`). */
  readonly outputBufferSizeMax: number;
  /** What a client that asks for none gets. Default 250 ms (`--output-buffer-timeout`). */
  readonly outputBufferTimeoutMs: number;
  /** Default 25 ms (`--min-output-buffer-timeout`). */
  readonly outputBufferTimeoutMinMs: number;
  /** Default 30 s (`--max-output-buffer-timeout`). */
  readonly outputBufferTimeoutMaxMs: number;
  /** 1..9. Default 6 (`--max-deflate-level`). */
  readonly deflateLevelMax: number;
}

/** nsqd's own defaults. */
export const defaultLimits: ProtocolLimits = {
  msgSizeMax: 1_048_576,
  bodySizeMax: 5_242_880,
  rdyCountMax: 2500,
  reqTimeoutMaxMs: 3_600_000,
  msgTimeoutMs: 60_000,
  msgTimeoutMaxMs: 900_000,
  heartbeatIntervalMs: 30_000,
  heartbeatIntervalMaxMs: 60_000,
  outputBufferSize: 16_384,
  outputBufferSizeMax: 65_536,
  outputBufferTimeoutMs: 250,
  outputBufferTimeoutMinMs: 25,
  outputBufferTimeoutMaxMs: 30_000,
  deflateLevelMax: 6,
};

/** Bytes of a command line with its LF: nsqd's read buffer. A longer one closes the connection without a frame. */
export const lineSizeMax = 16_384;
/** Characters of a topic or channel name, `#ephemeral` included. */
export const nameSizeMax = 64;
/** Bytes of a message id on the wire: lower-case hex. */
export const messageIdSize = 16;
/** Shortest heartbeat interval a client may ask for. */
export const heartbeatIntervalMinMs = 1000;
/** Shortest msg_timeout a client may ask for. */
export const msgTimeoutMinMs = 1000;
/** Smallest output buffer a client may ask for, apart from -1 (none). */
export const outputBufferSizeMin = 64;
export const sampleRateMax = 99;
/** Nesting of the IDENTIFY document, as in Go's decoder. */
export const jsonDepthMax = 10_000;
/** Data of one server frame that a client takes by default: the largest message of a default nsqd with room to spare. */
export const defaultFrameSizeMax = 16_777_216;
/** Plain bytes of one chunk of snappy's framing format. */
export const snappyPlainSizeMax = 65_536;
/** What so many bytes come to at worst as a snappy block: 32 + n + n/6. */
export const snappyChunkSizeMax = 76_490;
