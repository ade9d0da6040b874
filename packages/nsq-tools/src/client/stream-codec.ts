/** Compression below the protocol: what is written goes to the wire compressed, what arrives comes out plain. */

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { SnappyReader, SnappyWriter } from "@polylog/nsq-wire/snappy";

export interface CodecSinks {
  /** Compressed bytes for the peer. */
  readonly toWire: (bytes: Buffer) => void;
  /** Plain bytes from the peer. */
  readonly toReader: (bytes: Buffer) => void;
  /** What arrived is damaged. */
  readonly fail: (error: Error) => void;
}

export interface StreamCodec {
  /** Everything written is sent in this turn or soon after: nothing is kept back. */
  write(bytes: Buffer): void;
  read(chunk: Buffer): void;
  /** Calls back once all that was written has gone to the wire. */
  drain(done: () => void): void;
  destroy(): void;
}

export function snappyCodec({ toWire, toReader, fail }: CodecSinks): StreamCodec {
  const writer = new SnappyWriter();
  const reader = new SnappyReader();
  return {
    write: (bytes) => toWire(writer.encode(bytes)),
    read: (chunk) => {
      try {
        const plain = reader.decode(chunk);
        if (plain.length > 0) toReader(plain);
      } catch (error) {
        fail(error as Error);
      }
    },
    drain: (done) => done(),
    destroy: () => undefined,
  };
}

/** Raw DEFLATE with a sync flush behind each write. */
export function deflateCodec(level: number, { toWire, toReader, fail }: CodecSinks): StreamCodec {
  const deflate = createDeflateRaw({ level, flush: constants.Z_SYNC_FLUSH });
  const inflate = createInflateRaw({ flush: constants.Z_SYNC_FLUSH });
  let writesPending = 0;
  let waiting: (() => void)[] = [];
  const settle = () => {
    if (writesPending > 0) return;
    const done = waiting;
    waiting = [];
    for (const each of done) each();
  };
  deflate.on("data", toWire);
  inflate.on("data", toReader);
  deflate.on("error", fail);
  inflate.on("error", fail);
  return {
    write: (bytes) => {
      writesPending++;
      deflate.write(bytes, () => {
        writesPending--;
        settle();
      });
    },
    read: (chunk) => inflate.write(chunk),
    drain: (done) => {
      waiting.push(done);
      settle();
    },
    destroy: () => {
      deflate.destroy();
      inflate.destroy();
    },
  };
}
