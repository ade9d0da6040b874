/**
 * What the server sends: frames.
 *
 *     int32 size           type and data: data length + 4
 *     int32 frame type     0 response, 1 error, 2 message
 *     data
 *
 * The data of a message frame:
 *
 *     int64  timestamp     ns since 1970
 *     uint16 attempts      1 on the first delivery; 0 follows 65535
 *     16     message id    lower-case hex, see message-id.ts
 *     body
 *
 * Hot: `writeMessageHeader` and `FrameReader` make no objects (`command-reader.bench.ts`).
 */

import type { CodedError } from "@polylog/base/errors";
import { ChunkWindow } from "./chunk-window.ts";
import { errorFrameBody, nsqWireErrors } from "./errors.ts";
import { defaultFrameSizeMax, messageIdSize } from "./limits.ts";
import { writeMessageId } from "./message-id.ts";

export const frameTypes = { response: 0, error: 1, message: 2 } as const;

/** Size and type. */
const frameHeaderSize = 8;
const messageHeaderSize = 8 + 2 + messageIdSize;

/** The answer to what succeeded. Shared: not to be written to. */
export const okFrame = responseFrame("OK");
/** The answer to CLS. Shared: not to be written to. */
export const closeWaitFrame = responseFrame("CLOSE_WAIT");
/** Sent every heartbeat interval. Shared: not to be written to. */
export const heartbeatFrame = responseFrame("_heartbeat_");

/** Bytes of a response frame whose body has `bodyLength`. */
export function responseFrameSize(bodyLength: number): number {
  return frameHeaderSize + bodyLength;
}

/** Writes a response frame at `at` and returns the position behind it. `buffer` must have `responseFrameSize` of room. */
export function writeResponse(buffer: Uint8Array, at: number, body: Uint8Array): number {
  const bodyAt = writeFrameHeader(buffer, at, frameTypes.response, body.length);
  buffer.set(body, bodyAt);
  return bodyAt + body.length;
}

/** The error frame for `error`; undefined when the connection is to be closed without one. */
export function errorFrame(error: CodedError): Buffer | undefined {
  const body = errorFrameBody(error);
  if (body === undefined) return undefined;
  const frame = Buffer.allocUnsafe(frameHeaderSize + body.length);
  body.copy(frame, writeFrameHeader(frame, 0, frameTypes.error, body.length));
  return frame;
}

/** Bytes of a message frame whose body has `bodyLength`. */
export function messageFrameSize(bodyLength: number): number {
  return frameHeaderSize + messageHeaderSize + bodyLength;
}

/**
 * Writes all of a message frame but its body at `at` and returns the position at which the body goes. `timestampMs` is
 * a whole number of ms, `attempts` wraps at 65536. `buffer` must have room for the 34 bytes.
 */
export function writeMessageHeader(
  buffer: Uint8Array,
  at: number,
  timestampMs: number,
  attempts: number,
  partition: number,
  offset: number,
  bodyLength: number,
): number {
  const timestampAt = writeFrameHeader(buffer, at, frameTypes.message, messageHeaderSize + bodyLength);
  // ms * 1e6 needs 64 bits: multiply the two halves, each product below 2^53.
  const upperMs = Math.floor(timestampMs / 0x1_0000_0000);
  const lowerNs = (timestampMs - upperMs * 0x1_0000_0000) * 1e6;
  const upperNs = upperMs * 1e6 + Math.floor(lowerNs / 0x1_0000_0000);
  const attemptsAt = writeUint32(buffer, writeUint32(buffer, timestampAt, upperNs | 0), lowerNs | 0);
  buffer[attemptsAt] = attempts >>> 8;
  buffer[attemptsAt + 1] = attempts;
  return writeMessageId(buffer, attemptsAt + 2, partition, offset);
}

/** The client's side: finds the server's frames in the chunks of a stream. */
export class FrameReader {
  /** The current frame, valid until the next `next()`: its type, and its data as a range of `bytes`. */
  frameType = 0;
  /** Never written to again: slices may be kept, provided that the chunks' owner does not overwrite them. */
  bytes: Buffer = Buffer.alloc(0);
  bodyStart = 0;
  bodyEnd = 0;
  readonly #frameSizeMax: number;
  readonly #window = new ChunkWindow();

  /** `frameSizeMax`: bytes of type and data that are taken from the server; default 16 MiB. */
  constructor(frameSizeMax: number = defaultFrameSizeMax) {
    this.#frameSizeMax = frameSizeMax;
  }

  /** Takes the next chunk, which is referred to and not copied. Call `next()` until it returns false in between. */
  push(chunk: Buffer): void {
    this.#window.push(chunk);
  }

  /**
   * Moves to the next whole frame; false when it has not arrived yet. Throws FRAME_SIZE_INVALID, FRAME_TOO_BIG (before
   * anything is allocated) or FRAME_TYPE_UNKNOWN, after which the stream cannot be read on.
   */
  next(): boolean {
    const window = this.#window;
    if (!window.ensure(4, frameHeaderSize)) return false;
    const size = readInt32(window.bytes, window.start);
    if (size < 4) throw nsqWireErrors.FRAME_SIZE_INVALID({ size });
    if (size > this.#frameSizeMax) throw nsqWireErrors.FRAME_TOO_BIG({ size, max: this.#frameSizeMax });
    if (!window.ensure(frameHeaderSize, 4 + size)) return false;
    const type = readInt32(window.bytes, window.start + 4);
    if (type < frameTypes.response || type > frameTypes.message) throw nsqWireErrors.FRAME_TYPE_UNKNOWN({ type });
    if (!window.ensure(4 + size, 4 + size)) return false;
    this.frameType = type;
    this.bytes = window.bytes;
    this.bodyStart = window.start + frameHeaderSize;
    this.bodyEnd = window.start + 4 + size;
    window.advance(4 + size);
    return true;
  }

  /** Drops what has arrived behind the current frame. */
  discard(): void {
    this.#window.discard();
  }
}

/** Where `decodeMessage` puts its result; callers keep one and use it again. Positions are in the frame's bytes. */
export interface MessageView {
  /** ms since 1970, rounded down. */
  timestampMs: number;
  attempts: number;
  /** Of 16 bytes. */
  idStart: number;
  bodyStart: number;
  bodyEnd: number;
}

/** Reads the data of a message frame, `bytes[start, end)`, into `out`. Throws MESSAGE_FRAME_TOO_SHORT. */
export function decodeMessage(bytes: Uint8Array, start: number, end: number, out: MessageView): void {
  if (end - start < messageHeaderSize) {
    throw nsqWireErrors.MESSAGE_FRAME_TOO_SHORT({ size: end - start, min: messageHeaderSize });
  }
  const upperNs = readInt32(bytes, start);
  const lowerNs = readInt32(bytes, start + 4) >>> 0;
  // Long division by 1e6 in base 2^32: every step stays below 2^53.
  const upperMs = Math.floor(upperNs / 1e6);
  out.timestampMs = upperMs * 0x1_0000_0000 + Math.floor(((upperNs - upperMs * 1e6) * 0x1_0000_0000 + lowerNs) / 1e6);
  out.attempts = (bytes[start + 8]! << 8) | bytes[start + 9]!;
  out.idStart = start + 10;
  out.bodyStart = start + messageHeaderSize;
  out.bodyEnd = end;
}

function responseFrame(body: string): Buffer {
  const frame = Buffer.allocUnsafeSlow(frameHeaderSize + body.length);
  writeResponse(frame, 0, Buffer.from(body, "latin1"));
  return frame;
}

function writeFrameHeader(buffer: Uint8Array, at: number, type: number, dataLength: number): number {
  return writeUint32(buffer, writeUint32(buffer, at, dataLength + 4), type);
}

function writeUint32(buffer: Uint8Array, at: number, value: number): number {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
  return at + 4;
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
