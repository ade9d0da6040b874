import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import fc from "fast-check";
import { nsqWireErrors } from "./errors.ts";
import {
  closeWaitFrame,
  decodeMessage,
  errorFrame,
  FrameReader,
  heartbeatFrame,
  type MessageView,
  messageFrameSize,
  okFrame,
  responseFrameSize,
  writeMessageHeader,
  writeResponse,
} from "./frames.ts";
import { type FrameValue, frameVectors } from "./testing/frame-vectors.ts";
import { cutAt, cutEvery } from "./testing/split.ts";

function view(): MessageView {
  return { timestampMs: 0, attempts: 0, idStart: 0, bodyStart: 0, bodyEnd: 0 };
}

/** The frames in `chunks` as values, and the code of the error that ends them. */
function readFrames(chunks: readonly Buffer[]): { frames: FrameValue[]; error: string | undefined } {
  const reader = new FrameReader(1000);
  const frames: FrameValue[] = [];
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      while (reader.next()) frames.push(decodeFrame(reader));
    }
  } catch (error) {
    assert.ok(isCodedError(error));
    return { frames, error: error.code };
  }
  return { frames, error: undefined };
}

function decodeFrame(reader: FrameReader): FrameValue {
  const text = (start: number, end: number): string => reader.bytes.toString("latin1", start, end);
  if (reader.frameType !== 2) return { type: reader.frameType, body: text(reader.bodyStart, reader.bodyEnd) };
  const message = view();
  decodeMessage(reader.bytes, reader.bodyStart, reader.bodyEnd, message);
  const { timestampMs, attempts, idStart, bodyStart, bodyEnd } = message;
  return { type: 2, timestampMs, attempts, id: text(idStart, idStart + 16), body: text(bodyStart, bodyEnd) };
}

/** Undefined for what the package has no writer for. */
function encodeFrame(frame: FrameValue): Buffer | undefined {
  const body = Buffer.from(frame.body, "latin1");
  if (frame.type === 0) {
    const buffer = Buffer.alloc(responseFrameSize(body.length));
    assert.equal(writeResponse(buffer, 0, body), buffer.length);
    return buffer;
  }
  if (frame.type !== 2) return undefined;
  const buffer = Buffer.alloc(messageFrameSize(body.length));
  const partition = Number.parseInt(frame.id!.slice(0, 3), 16);
  const offset = Number.parseInt(frame.id!.slice(3), 16);
  const { timestampMs, attempts } = frame;
  const bodyAt = writeMessageHeader(buffer, 0, timestampMs!, attempts!, partition, offset, body.length);
  assert.equal(bodyAt + body.copy(buffer, bodyAt), buffer.length);
  return buffer;
}

for (const vector of frameVectors) {
  const bytes = Buffer.from(vector.hex.replaceAll(" ", ""), "hex");
  const expected = { frames: vector.frames, error: vector.error };

  test(`reads ${vector.name}`, () => {
    assert.deepEqual(readFrames([bytes]), expected);
    assert.deepEqual(readFrames(cutEvery(bytes, 1)), expected);
    for (let at = 0; at < bytes.length; at++) assert.deepEqual(readFrames(cutAt(bytes, [at])), expected);
  });

  const encoded = vector.frames.map(encodeFrame);
  if (vector.error === undefined && vector.canonical !== false && !encoded.includes(undefined)) {
    test(`writes ${vector.name}`, () => {
      assert.equal(Buffer.concat(encoded as Buffer[]).toString("hex"), bytes.toString("hex"));
    });
  }
}

test("has the fixed frames ready", () => {
  assert.equal(okFrame.toString("latin1"), "\0\0\0\x06\0\0\0\0OK");
  assert.equal(closeWaitFrame.toString("latin1"), "\0\0\0\x0e\0\0\0\0CLOSE_WAIT");
  assert.equal(heartbeatFrame.toString("latin1"), "\0\0\0\x0f\0\0\0\0_heartbeat_");
});

test("writes error frames", () => {
  const frame = errorFrame(nsqWireErrors.INVALID_COMMAND({ command: "\xff" }));
  assert.equal(frame?.toString("latin1"), "\0\0\0\x1f\0\0\0\x01E_INVALID invalid command \xff");
  assert.equal(errorFrame(nsqWireErrors.BAD_PROTOCOL())?.toString("latin1"), "\0\0\0\x12\0\0\0\x01E_BAD_PROTOCOL");
  assert.equal(errorFrame(nsqWireErrors.LINE_TOO_LONG({ max: 1 })), undefined);
});

test("writes milliseconds as exact nanoseconds", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -9_223_372_036_854, max: 9_223_372_036_854 }),
      fc.nat(70_000),
      (timestampMs, attempts) => {
        const frame = Buffer.alloc(messageFrameSize(0));
        writeMessageHeader(frame, 0, timestampMs, attempts, 0, 0, 0);
        assert.equal(frame.readBigInt64BE(8), BigInt(timestampMs) * 1_000_000n);
        const message = view();
        decodeMessage(frame, 8, frame.length, message);
        assert.equal(message.timestampMs, timestampMs);
        assert.equal(message.attempts, attempts % 65_536);
      },
    ),
  );
});

test("rounds nanoseconds down to milliseconds", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (timestampNs) => {
      const data = Buffer.alloc(26);
      data.writeBigInt64BE(timestampNs);
      const message = view();
      decodeMessage(data, 0, data.length, message);
      const upwards = timestampNs < 0n && timestampNs % 1_000_000n !== 0n ? 1n : 0n;
      assert.equal(BigInt(message.timestampMs), timestampNs / 1_000_000n - upwards);
    }),
  );
});

test("reads the same frames for any split", () => {
  const frame = fc.record({ type: fc.constantFrom(0, 1), body: fc.string({ unit: "binary-ascii", maxLength: 50 }) });
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.nat(), { maxLength: 20 }), (frames, points) => {
      const stream = Buffer.concat(
        frames.map(({ type, body }) => {
          const bytes = encodeFrame({ type: 0, body })!;
          bytes.writeInt32BE(type, 4);
          return bytes;
        }),
      );
      assert.deepEqual(readFrames(cutAt(stream, points)), { frames: structuredClone(frames), error: undefined });
    }),
  );
});
