/**
 * The server's side of protocol V2: finds the client's commands in the chunks of a stream.
 *
 *     "  V2"                                                     once
 *     verb *(SP parameter) [CR] LF  [int32 size, body]           then commands; integers are big-endian
 *
 * `next()` moves to the next command that has arrived whole and sets the fields below. Checks come in nsqd's order,
 * each as soon as its bytes are there, so that a client learns what is wrong without sending the rest:
 *
 *     line whole       beforeParameters (state, TLS) > known verb? > the row's checkLine > beforeBody (authorisation)
 *     size there       its range
 *     MPUB             count's range, then message by message: size's range, bytes
 *     body whole       next() returns true
 *
 * Refuses: what the error table says, by throwing; after that the reader is finished and throws the same again.
 * Lengths are checked before anything is allocated for them, and a byte is looked at once however the stream is cut:
 * a hostile peer makes the reader hold at most one command of the largest size, in one buffer (MPUB that lies about
 * its size: two for a moment).
 *
 * Hot: no string, no allocation and no copy for a command that lies in one chunk (`command-reader.bench.ts`).
 */

import type { CodedError } from "@polylog/base/errors";
import { ChunkWindow } from "./chunk-window.ts";
import type { CommandLine, CommandRow } from "./command-row.ts";
import { nsqWireErrors } from "./errors.ts";
import { lineSizeMax, messageIdSize, type ProtocolLimits } from "./limits.ts";
import { magicV2 } from "./magic.ts";
import { type MessageId, readMessageId } from "./message-id.ts";
import { commands, findVerb, type Verb, verbs } from "./verbs.ts";

/** What the server decides between line and body. Both may throw an error of the table, which ends the reader. */
export interface CommandHooks {
  /**
   * Called once for every line, before its parameters are looked at and also for unknown verbs: the place for state
   * and TLS policy. Commands without a body may as well be checked after `next()`.
   */
  readonly beforeParameters?: (verb: Verb) => void;
  /**
   * Called when the line of a command with a body is in order, before a byte of the body is waited for: the place for
   * MPUB's authorisation. False means "not yet": `next()` returns false and asks again when it is called again.
   */
  readonly beforeBody?: (verb: Verb) => boolean;
}

/** Parameters kept: no command has more. */
const paramsKept = 2;
/** Bytes taken at a time from a new chunk to complete a line that the last one cut. */
const linePullSize = 64;

const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;

/** What the reader waits for. */
const stages = { magic: 0, line: 1, hook: 2, size: 3, body: 4, count: 5, messages: 6 } as const;
type Stage = (typeof stages)[keyof typeof stages];

export class CommandReader implements CommandLine {
  /** The current command, valid until the next `next()`: its number, and ranges of `bytes`. */
  verb: Verb = verbs.unknown;
  /** Holds the whole command. The reader never writes to it again: slices may be kept (see `push`). */
  bytes: Buffer = Buffer.alloc(0);
  paramCount = 0;
  readonly paramStart = new Int32Array(paramsKept);
  readonly paramEnd = new Int32Array(paramsKept);
  bodyStart = 0;
  bodyEnd = 0;
  /** See `readRun`. */
  framesStart = 0;
  frameGap = 0;
  /** MPUB: the messages' region holds exactly `messageCount` times an int32 size and that many bytes, all checked. */
  messageCount = 0;
  messagesStart = 0;
  messagesEnd = 0;

  readonly #limits: ProtocolLimits;
  readonly #hooks: CommandHooks;
  readonly #window = new ChunkWindow();
  #failure: unknown;
  #stage: Stage = stages.magic;
  #row: CommandRow = commands[verbs.unknown]!;
  /** `window.start` for which the positions below and above hold. */
  #origin = 0;
  #verbEnd = 0;
  /** Sizes, counted from the command's start. */
  #scanned = 0;
  #lineSize = 0;
  #bodySize = 0;
  /** MPUB: messages found whole so far, and where the last of them ends. */
  #messageIndex = 0;
  #checked = 0;

  constructor(limits: ProtocolLimits, hooks: CommandHooks = {}) {
    this.#limits = limits;
    this.#hooks = hooks;
  }

  /**
   * Takes the next chunk of the stream. The reader refers to it and never writes to it; its owner must not overwrite
   * it either. Call `next()` until it returns false before pushing again, or chunks are copied together.
   */
  push(chunk: Buffer): void {
    this.#window.push(chunk);
  }

  /** Moves to the next whole command; false when it has not arrived yet. Throws errors of the table (see the header). */
  next(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#follow();
      if (this.#stage === stages.magic && !this.#readMagic()) return false;
      if (this.#stage === stages.line && !this.#readLine()) return false;
      return this.#stage === stages.line || this.#readBody();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /**
   * Standing on a message (PUB, DPUB), goes on to the last one of the commands behind it that have the very same line and are
   * whole in the same buffer; returns how many that are with the current one. Their frames, `[int32 size][body]`, begin at
   * `framesStart` and end at `bodyEnd`, with `frameGap` bytes between two of them: the lines. What ends the run is left to
   * `next()`, and so is every error. Ends it also once it has `sizeMax` bytes. `beforeParameters` is asked for the first only.
   */
  readRun(sizeMax: number): number {
    const { bytes } = this;
    const gap = this.#lineSize;
    this.framesStart = this.bodyStart - 4;
    this.frameGap = gap;
    if (this.#window.bytes !== bytes) return 1;
    const end = this.#window.end;
    const lineStart = this.framesStart - gap;
    const runStart = this.bodyEnd;
    let count = 1;
    for (let at = runStart; at - this.framesStart < sizeMax && at + gap + 4 < end; count++) {
      let same = 0;
      while (same < gap && bytes[at + same] === bytes[lineStart + same]) same++;
      if (same < gap) break;
      const bodyAt = at + gap + 4;
      const size =
        (bytes[bodyAt - 4]! << 24) | (bytes[bodyAt - 3]! << 16) | (bytes[bodyAt - 2]! << 8) | bytes[bodyAt - 1]!;
      if (size <= 0 || size > this.#limits.msgSizeMax || bodyAt + size > end) break;
      at = bodyAt + size;
      this.bodyEnd = at;
    }
    if (count > 1) this.#window.advance(this.bodyEnd - runStart);
    return count;
  }

  /**
   * Standing on a command of a verb and a message id (FIN, TOUCH), moves to the one behind it if that has the same verb, is
   * whole in the same buffer and written in the same way, and its id, which goes to `id`, is one of ours. Otherwise false: the
   * reader stands where it stood, and `next()` goes on. `beforeParameters` is not asked.
   */
  nextWithId(id: MessageId): boolean {
    const window = this.#window;
    const { bytes } = this;
    const at = window.start;
    const size = this.#lineSize;
    const idOffset = this.paramStart[0]! - this.#origin;
    if (window.bytes !== bytes || at + size > window.end || this.#origin + size !== at) return false;
    for (let i = 0; i < idOffset; i++) if (bytes[at + i] !== bytes[at + i - size]) return false;
    for (let i = idOffset + messageIdSize; i < size; i++) if (bytes[at + i] !== bytes[at + i - size]) return false;
    if (!readMessageId(bytes, at + idOffset, id)) return false;
    this.#origin += size;
    this.#verbEnd += size;
    this.paramStart[0] += size;
    this.paramEnd[0] += size;
    window.advance(size);
    return true;
  }

  /** The current verb as it was sent, one character per byte: for error texts, when it is unknown. */
  verbText(): string {
    return this.bytes.toString("latin1", this.#origin, this.#verbEnd);
  }

  /**
   * The stream has ended, or its time is up: the error nsqd sends for the command that is cut by it, or undefined when
   * the stream ends between commands or inside a line.
   */
  endError(): CodedError | undefined {
    const command = this.#row.name;
    const errors = this.#row.errors;
    if (errors === undefined || this.#failure !== undefined) return undefined;
    switch (this.#stage) {
      case stages.hook:
      case stages.size:
        return errors.sizeUnread({ command });
      case stages.body:
        return errors.unread({ command });
      case stages.count:
        return nsqWireErrors.MPUB_COUNT_UNREAD();
      case stages.messages:
        if (this.#window.end - this.#window.start < this.#checked + 4) {
          return nsqWireErrors.MPUB_MESSAGE_SIZE_UNREAD({ index: this.#messageIndex });
        }
        return nsqWireErrors.MESSAGE_UNREAD({ command });
      default:
        return undefined;
    }
  }

  /**
   * Drops what has arrived behind the current command, as nsqd does after an IDENTIFY that upgrades the connection. To
   * be called before the next `next()`.
   */
  discard(): void {
    this.#window.discard();
  }

  /** The command may have been moved into a buffer of its own since the last call. */
  #follow(): void {
    const moved = this.#window.start - this.#origin;
    this.#origin = this.#window.start;
    if (moved === 0 || (this.#stage === stages.line && this.#scanned === 0)) return;
    this.bytes = this.#window.bytes;
    this.#verbEnd += moved;
    for (let i = 0; i < paramsKept; i++) {
      this.paramStart[i] += moved;
      this.paramEnd[i] += moved;
    }
  }

  #readMagic(): boolean {
    if (!this.#window.ensure(4, 4)) return false;
    if (this.#readInt(0) !== magicV2) throw nsqWireErrors.BAD_PROTOCOL();
    this.#window.advance(4);
    this.#origin = this.#window.start;
    this.#stage = stages.line;
    return true;
  }

  /** Reads up to the LF and leaves the stage at `line` for a command that has no body and is complete. */
  #readLine(): boolean {
    const window = this.#window;
    while (!this.#scanLine()) {
      const size = window.end - window.start;
      if (size >= lineSizeMax) throw nsqWireErrors.LINE_TOO_LONG({ max: lineSizeMax });
      const capacity = Math.min(size * 2 + linePullSize, lineSizeMax);
      if (window.pull(Math.min(linePullSize, lineSizeMax - size), capacity) === 0) {
        window.ensure(size + 1, capacity);
        return false;
      }
    }
    this.bytes = window.bytes;
    this.verb = findVerb(this.bytes, window.start, this.#verbEnd);
    this.#hooks.beforeParameters?.(this.verb);
    if (this.verb === verbs.unknown) throw nsqWireErrors.INVALID_COMMAND({ command: this.verbText() });
    const row = commands[this.verb]!;
    this.#row = row;
    if (row.body === "none") {
      this.#complete(this.#lineSize);
      return true;
    }
    row.checkLine?.(this, this.#limits);
    this.#stage = stages.hook;
    return true;
  }

  /** Looks at the line's new bytes, notes the parameters, and returns true when the LF is among them. */
  #scanLine(): boolean {
    const { bytes, start } = this.#window;
    const limit = Math.min(this.#window.end, start + lineSizeMax);
    let at = start + this.#scanned;
    if (this.#scanned === 0) this.paramCount = 0;
    for (; at < limit; at++) {
      const byte = bytes[at];
      if (byte > SPACE) continue;
      if (byte === LF) {
        this.#endWord(at > start && bytes[at - 1] === CR ? at - 1 : at);
        this.#lineSize = at + 1 - start;
        this.#scanned = 0;
        return true;
      }
      if (byte !== SPACE) continue;
      this.#endWord(at);
      if (this.paramCount < paramsKept) this.paramStart[this.paramCount] = at + 1;
      this.paramCount++;
    }
    this.#scanned = at - start;
    return false;
  }

  #endWord(end: number): void {
    if (this.paramCount === 0) this.#verbEnd = end;
    else if (this.paramCount <= paramsKept) this.paramEnd[this.paramCount - 1] = end;
  }

  #readBody(): boolean {
    if (this.#stage === stages.hook) {
      if (this.#hooks.beforeBody?.(this.verb) === false) return false;
      this.#stage = stages.size;
    }
    if (this.#stage === stages.size && !this.#readSize()) return false;
    return this.#stage === stages.body ? this.#readSized() : this.#readMpub();
  }

  #readSize(): boolean {
    const sizeEnd = this.#lineSize + 4;
    if (!this.#window.ensure(sizeEnd, sizeEnd)) return false;
    const row = this.#row;
    const errors = row.errors!;
    const size = this.#readInt(this.#lineSize);
    const max = errors.sizeMax === "msgSizeMax" ? this.#limits.msgSizeMax : this.#limits.bodySizeMax;
    if (size <= 0) throw errors.sizeInvalid({ command: row.name, size });
    if (size > max) throw errors.tooBig({ command: row.name, size, max });
    this.#bodySize = size;
    this.#stage = row.body === "mpub" ? stages.count : stages.body;
    return true;
  }

  #readSized(): boolean {
    const commandSize = this.#lineSize + 4 + this.#bodySize;
    if (!this.#window.ensure(commandSize, commandSize)) return false;
    this.bodyStart = this.#window.start + this.#lineSize + 4;
    this.bodyEnd = this.bodyStart + this.#bodySize;
    this.#complete(commandSize);
    return true;
  }

  #readMpub(): boolean {
    const window = this.#window;
    const bodyAt = this.#lineSize + 4;
    const statedEnd = bodyAt + this.#bodySize;
    // Most often the stated size is right: then all that came is taken at once. What was too much is given back.
    window.pull(statedEnd - (window.end - window.start), statedEnd);
    if (this.#stage === stages.count) {
      if (!window.ensure(bodyAt + 4, statedEnd)) return false;
      const count = this.#readInt(bodyAt);
      if (count <= 0 || count > (this.#limits.bodySizeMax - 4) / 5) throw nsqWireErrors.MPUB_COUNT_INVALID({ count });
      this.messageCount = count;
      this.#messageIndex = 0;
      this.#checked = bodyAt + 4;
      this.#stage = stages.messages;
    }
    if (!this.#readMessages(bodyAt + this.#limits.bodySizeMax, statedEnd)) return false;
    this.bodyStart = window.start + bodyAt;
    this.bodyEnd = window.start + this.#checked;
    this.messagesStart = this.bodyStart + 4;
    this.messagesEnd = this.bodyEnd;
    this.#complete(this.#checked);
    return true;
  }

  /** Goes through the messages that are here, from where it stopped last. `endMax`: where the largest body ends. */
  #readMessages(endMax: number, statedEnd: number): boolean {
    const window = this.#window;
    const { msgSizeMax, bodySizeMax } = this.#limits;
    let at = this.#checked;
    let index = this.#messageIndex;
    let whole = true;
    while (index < this.messageCount) {
      whole = window.ensure(at + 4, Math.max(statedEnd, Math.min(2 * at, endMax)));
      if (!whole) break;
      const size = this.#readInt(at);
      if (size <= 0) throw nsqWireErrors.MPUB_MESSAGE_SIZE_INVALID({ index, size });
      if (size > msgSizeMax) throw nsqWireErrors.MESSAGE_TOO_BIG({ command: "MPUB", size, max: msgSizeMax });
      const end = at + 4 + size;
      if (end > endMax) {
        const reached = end - (endMax - bodySizeMax);
        throw nsqWireErrors.BODY_TOO_BIG({ command: "MPUB", size: reached, max: bodySizeMax });
      }
      whole = window.ensure(end, Math.max(statedEnd, Math.min(2 * end, endMax)));
      if (!whole) break;
      at = end;
      index++;
    }
    this.#checked = at;
    this.#messageIndex = index;
    return whole;
  }

  /** The current command ends `size` bytes after its start; the next one begins there. */
  #complete(size: number): void {
    this.bytes = this.#window.bytes;
    this.#window.advance(size);
    this.#stage = stages.line;
  }

  /** The signed int32 `offset` bytes behind the command's start. */
  #readInt(offset: number): number {
    const bytes = this.#window.bytes;
    const at = this.#window.start + offset;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
}
