/** What a test expects on the wire, built by hand, so that the package's own writers are not what they are held to. */

export function response(body: string): Buffer {
  return frame(0, Buffer.from(body, "latin1"));
}

export function error(body: string): Buffer {
  return frame(1, Buffer.from(body, "latin1"));
}

export interface ExpectedMessage {
  readonly offset: number;
  readonly body: string | Buffer;
  /** Default 1. */
  readonly attempts?: number;
  readonly timestampMs: number;
  /** Default 0. */
  readonly partition?: number;
}

export function message({ offset, body, attempts = 1, timestampMs, partition = 0 }: ExpectedMessage): Buffer {
  const header = Buffer.alloc(10);
  header.writeBigInt64BE(BigInt(timestampMs) * 1_000_000n);
  header.writeUInt16BE(attempts, 8);
  return frame(2, Buffer.concat([header, Buffer.from(idOf(offset, partition), "latin1"), Buffer.from(body)]));
}

/** The message id of an offset. */
export function idOf(offset: number, partition = 0): string {
  return partition.toString(16).padStart(3, "0") + offset.toString(16).padStart(13, "0");
}

function frame(type: number, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeInt32BE(data.length + 4);
  header.writeInt32BE(type, 4);
  return Buffer.concat([header, data]);
}

/** A command with a sized body. */
export function sized(line: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`${line}\n`, "latin1"), int32(bytes.length), bytes]);
}

/** An MPUB as a client sends it. */
export function mpub(topic: string, bodies: readonly string[]): Buffer {
  const parts = bodies.flatMap((body) => [int32(Buffer.byteLength(body)), Buffer.from(body)]);
  return sized(`MPUB ${topic}`, Buffer.concat([int32(bodies.length), ...parts]));
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
