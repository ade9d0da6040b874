/** Protocol V1 as an nsqd speaks it: the commands it writes, and the answers it reads in their order. */

import type { ByteWriter } from "@polylog/base/bytes";
import { ChunkWindow } from "../chunk-window.ts";
import { encodeGoJson } from "../go-json.ts";
import { lookupdWireErrors } from "./errors.ts";
import { answerSizeMax } from "./limits.ts";
import type { PeerFields } from "./peer-fields.ts";

export function encodeMagicV1(writer: ByteWriter): void {
  writer.utf8("  V1");
}

/** Keys are sorted, as nsqd sends them. */
export function encodePeerIdentify(writer: ByteWriter, fields: PeerFields): void {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const body = Buffer.from(encodeGoJson(Object.fromEntries(sorted)), "utf8");
  writer.utf8("IDENTIFY\n");
  writer.u32be(body.length);
  writer.bytes(body);
}

/** Without a channel, `channel` is "". Nothing is checked. */
export function encodeRegister(writer: ByteWriter, topic: string, channel: string): void {
  writer.utf8(channel === "" ? `REGISTER ${topic}\n` : `REGISTER ${topic} ${channel}\n`);
}

export function encodeUnregister(writer: ByteWriter, topic: string, channel: string): void {
  writer.utf8(channel === "" ? `UNREGISTER ${topic}\n` : `UNREGISTER ${topic} ${channel}\n`);
}

export function encodePing(writer: ByteWriter): void {
  writer.utf8("PING\n");
}

/** `[int32 size][text]`, of at most `answerSizeMax` bytes. */
export class LookupdAnswerReader {
  readonly #window = new ChunkWindow();

  push(chunk: Buffer): void {
    this.#window.push(chunk);
  }

  /** The next answer's text, or undefined when more has to arrive. ANSWER_SIZE_INVALID. */
  next(): Buffer | undefined {
    const window = this.#window;
    if (!window.ensure(4, 4)) return undefined;
    const size = window.bytes.readInt32BE(window.start);
    if (size < 0 || size > answerSizeMax) throw lookupdWireErrors.ANSWER_SIZE_INVALID({ size, max: answerSizeMax });
    if (!window.ensure(4 + size, 4 + size)) return undefined;
    const answer = window.bytes.subarray(window.start + 4, window.start + 4 + size);
    window.advance(4 + size);
    return answer;
  }
}
