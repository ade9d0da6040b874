/** Streams of server frames and what they mean to a client that takes frames of up to 1000 bytes. */

export interface FrameValue {
  readonly type: number;
  /** One character per byte. */
  readonly body: string;
  /** Of message frames. */
  readonly timestampMs?: number;
  readonly attempts?: number;
  readonly id?: string;
}

export interface FrameVector {
  readonly name: string;
  readonly hex: string;
  /** Those before the error, or all. */
  readonly frames: readonly FrameValue[];
  /** Code of the error that ends the stream. */
  readonly error: string | undefined;
  /** False when the frames written are not all of the bytes. Default true. */
  readonly canonical?: false;
}

const ok: FrameValue = { type: 0, body: "OK" };

export const frameVectors: readonly FrameVector[] = [
  { name: "nothing", hex: "", frames: [], error: undefined },
  { name: "a response", hex: "00000006 00000000 4f4b", frames: [ok], error: undefined },
  { name: "a response of nothing", hex: "00000004 00000000", frames: [{ type: 0, body: "" }], error: undefined },
  {
    name: "an error",
    hex: "00000009 00000001 455f424144",
    frames: [{ type: 1, body: "E_BAD" }],
    error: undefined,
  },
  {
    name: "a message",
    hex: `00000023 00000002 17979cfe362a0000 0003 ${Buffer.from("abc000000000002a").toString("hex")} 68656c6c6f`,
    frames: [{ type: 2, timestampMs: 1_700_000_000_000, attempts: 3, id: "abc000000000002a", body: "hello" }],
    error: undefined,
  },
  {
    name: "a message of nothing after 65535 attempts",
    hex: `0000001e 00000002 0000000000000000 ffff ${Buffer.from("fffffffffffffffe").toString("hex")}`,
    frames: [{ type: 2, timestampMs: 0, attempts: 65_535, id: "fffffffffffffffe", body: "" }],
    error: undefined,
  },
  {
    name: "two frames and a part",
    hex: "00000006 00000000 4f4b 00000006 00000000 4f4b 000000",
    frames: [ok, ok],
    error: undefined,
    canonical: false,
  },
  { name: "a frame without room for its type", hex: "00000003", frames: [], error: "nsq-wire.FRAME_SIZE_INVALID" },
  { name: "a frame of negative size", hex: "ffffffff", frames: [], error: "nsq-wire.FRAME_SIZE_INVALID" },
  {
    name: "a frame that is too big",
    hex: "00000006 00000000 4f4b 000003e9",
    frames: [ok],
    error: "nsq-wire.FRAME_TOO_BIG",
  },
  { name: "the answer of an HTTP server", hex: "48545450", frames: [], error: "nsq-wire.FRAME_TOO_BIG" },
  { name: "a frame of unknown type", hex: "00000006 00000003", frames: [], error: "nsq-wire.FRAME_TYPE_UNKNOWN" },
  { name: "a frame of negative type", hex: "00000006 ffffffff", frames: [], error: "nsq-wire.FRAME_TYPE_UNKNOWN" },
  {
    name: "a message without a whole header",
    hex: `0000001d 00000002 ${"00".repeat(25)}`,
    frames: [],
    error: "nsq-wire.MESSAGE_FRAME_TOO_SHORT",
  },
];
