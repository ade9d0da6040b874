/** Reads a whole stream in a given split, for tests that compare splits. */

import { isCodedError } from "@polylog/base/errors";
import { FrameReader } from "../frame-reader.ts";
import { type PacketName, type ProtocolLevel, packetName } from "../packet-type.ts";
import { packetCodecs } from "./packet-codecs.ts";

export interface StreamOutcome {
  /** The packets in order: the name, the bytes, and the value or the code of the error that decoding it gave. */
  readonly packets: { readonly name: string; readonly hex: string; readonly value: unknown }[];
  /** The code of the error that ended reading, or undefined. */
  readonly error: string | undefined;
}

/** What decodes the packets of a stream, and the level it is read at. */
export interface StreamCodec {
  readonly protocolLevel: ProtocolLevel;
  decode(name: PacketName, reader: FrameReader): unknown;
}

const level4: StreamCodec = {
  protocolLevel: 4,
  decode: (name, reader) => packetCodecs[name as keyof typeof packetCodecs].decode(reader),
};

/** Any error that is not from the table is thrown on. */
export function readStream(chunks: readonly Buffer[], packetSizeMax: number, codec = level4): StreamOutcome {
  const reader = new FrameReader(packetSizeMax);
  reader.protocolLevel = codec.protocolLevel;
  const packets: StreamOutcome["packets"] = [];
  const error = codeOf(() => {
    for (const chunk of chunks) {
      reader.push(chunk);
      while (reader.next()) packets.push(readPacket(reader, codec));
    }
  });
  return { packets, error: typeof error === "string" ? error : undefined };
}

/** `bytes` in chunks of `size`. */
export function chunksOf(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

function readPacket(reader: FrameReader, codec: StreamCodec): StreamOutcome["packets"][number] {
  const name = packetName(reader.type)!;
  const hex = reader.bytes.toString("hex", reader.packetStart, reader.packetEnd);
  return { name, hex, value: codeOf(() => codec.decode(name, reader)) };
}

/** What `run` returns, or the code of the table error it throws. */
function codeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (isCodedError(error) && error.code.startsWith("mqtt-wire.")) return error.code;
    throw error;
  }
}
