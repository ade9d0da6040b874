/**
 * Protocol V1 as the nsqlookupd reads it: chunks in, commands out, one at a time.
 *
 *     "  V1"                                        once
 *     "PING" LF
 *     "IDENTIFY" LF, int32 size, size bytes of JSON    once, before the next two
 *     "REGISTER" SP topic [SP channel] LF
 *     "UNREGISTER" SP topic [SP channel] LF
 *
 * White space around a line is cut off, then it is split at every single space; what follows the parameters is ignored. The
 * order of the checks is nsqlookupd's. After an error nothing more is read.
 */

import type { CodedError } from "@polylog/base/errors";
import { ChunkWindow } from "../chunk-window.ts";
import { lineSizeMax } from "../limits.ts";
import { isTopicOrChannelNameString } from "../names.ts";
import { lookupdWireErrors } from "./errors.ts";
import { identifySizeMax } from "./limits.ts";
import { decodePeerFields, type PeerFields } from "./peer-fields.ts";

export type LookupdCommand =
  | { readonly name: "PING" }
  | { readonly name: "IDENTIFY"; readonly peer: PeerFields }
  /** Without a channel it is "". */
  | { readonly name: "REGISTER" | "UNREGISTER"; readonly topic: string; readonly channel: string };

type Stage = "magic" | "line" | "body size" | "body" | "failed";

/** The magic as a big-endian integer. */
const magicV1 = 0x20205631;
const LF = 0x0a;
/** Bytes of a line that is cut by a chunk's end are taken over in pieces of this size. */
const linePullSize = 64;

export class LookupdCommandReader {
  readonly #window = new ChunkWindow();
  #stage: Stage = "magic";
  #identified = false;
  /** Bytes of the line that have been looked at. */
  #scanned = 0;
  #bodySize = 0;

  push(chunk: Buffer): void {
    if (this.#stage !== "failed") this.#window.push(chunk);
  }

  /** The next command, or undefined when more has to arrive. Throws an error of `lookupdWireErrors`. */
  next(): LookupdCommand | undefined {
    try {
      return this.#next();
    } catch (error) {
      this.#stage = "failed";
      this.#window.discard();
      throw error;
    }
  }

  /** The stream has ended: what nsqlookupd answers to a command that is cut by it, or undefined. */
  endError(): CodedError | undefined {
    if (this.#stage === "body size") return lookupdWireErrors.BODY_SIZE_UNREAD();
    return this.#stage === "body" ? lookupdWireErrors.BODY_UNREAD() : undefined;
  }

  #next(): LookupdCommand | undefined {
    const window = this.#window;
    if (this.#stage === "failed") return undefined;
    if (this.#stage === "magic") {
      if (!window.ensure(4, 4)) return undefined;
      if (window.bytes.readUInt32BE(window.start) !== magicV1) throw lookupdWireErrors.BAD_PROTOCOL();
      window.advance(4);
      this.#stage = "line";
    }
    if (this.#stage === "line") {
      const line = this.#readLine();
      if (line === undefined) return undefined;
      const command = this.#decodeLine(line);
      if (command !== undefined) return command;
      this.#stage = "body size";
    }
    return this.#readIdentify();
  }

  #readLine(): string | undefined {
    const window = this.#window;
    for (;;) {
      const sizeSeen = Math.min(window.end - window.start, lineSizeMax);
      const found = window.bytes.subarray(window.start + this.#scanned, window.start + sizeSeen).indexOf(LF);
      if (found >= 0) {
        const size = this.#scanned + found;
        const line = trimSpace(window.bytes.toString("latin1", window.start, window.start + size));
        window.advance(size + 1);
        this.#scanned = 0;
        return line;
      }
      if (sizeSeen >= lineSizeMax) throw lookupdWireErrors.LINE_TOO_LONG({ max: lineSizeMax });
      this.#scanned = sizeSeen;
      const capacity = Math.min(sizeSeen * 2 + linePullSize, lineSizeMax);
      if (window.pull(Math.min(linePullSize, lineSizeMax - sizeSeen), capacity) === 0) {
        window.ensure(sizeSeen + 1, capacity);
        return undefined;
      }
    }
  }

  /** Undefined for IDENTIFY: its body follows. */
  #decodeLine(line: string): LookupdCommand | undefined {
    const [name, ...params] = line.split(" ");
    switch (name) {
      case "PING":
        return { name };
      case "IDENTIFY":
        if (this.#identified) throw lookupdWireErrors.IDENTIFIED_ALREADY();
        return undefined;
      case "REGISTER":
      case "UNREGISTER":
        if (!this.#identified) throw lookupdWireErrors.NOT_IDENTIFIED();
        return { name, ...decodeNames(name, params) };
      default:
        throw lookupdWireErrors.INVALID_COMMAND({ command: name ?? "" });
    }
  }

  #readIdentify(): LookupdCommand | undefined {
    const window = this.#window;
    if (this.#stage === "body size") {
      if (!window.ensure(4, 4)) return undefined;
      const size = window.bytes.readInt32BE(window.start);
      if (size < 0) throw lookupdWireErrors.BODY_SIZE_INVALID({ size });
      if (size > identifySizeMax) throw lookupdWireErrors.BODY_TOO_BIG({ size, max: identifySizeMax });
      window.advance(4);
      this.#bodySize = size;
      this.#stage = "body";
    }
    const size = this.#bodySize;
    if (!window.ensure(size, size)) return undefined;
    const peer = decodePeerFields(window.bytes, window.start, window.start + size);
    window.advance(size);
    this.#stage = "line";
    this.#identified = true;
    return { name: "IDENTIFY", peer };
  }
}

function decodeNames(command: string, params: readonly string[]): { topic: string; channel: string } {
  const [topic, channel = ""] = params;
  if (topic === undefined) throw lookupdWireErrors.TOO_FEW_PARAMS({ command });
  if (!isTopicOrChannelNameString(topic)) throw lookupdWireErrors.BAD_TOPIC({ command, name: topic });
  if (channel !== "" && !isTopicOrChannelNameString(channel))
    throw lookupdWireErrors.BAD_CHANNEL({ command, name: channel });
  return { topic: ownCopy(topic), channel: ownCopy(channel) };
}

/** Names are kept for long: as parts of their line they would keep all of it. */
function ownCopy(name: string): string {
  return Buffer.from(name, "latin1").toString("latin1");
}

/** As Go's TrimSpace for ASCII: not in one pattern, which would look at inner white space again and again. */
function trimSpace(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(line.charCodeAt(start))) start++;
  while (end > start && isSpace(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
