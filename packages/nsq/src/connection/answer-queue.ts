/**
 * The answers of one connection, in the order of their commands, although a PUB is answered only when the log has it.
 *
 *     slots   [ . . PUB PUB OK PUB other . . ]        one byte for each command that waits for its answer to leave:
 *                   ^head             ^tail           the verb while the log has not answered, then what the answer is
 *
 * A command takes its place with `begin`; the place's number is the token that the log gives back. Several PUBs that the
 * log stores together share one place, which counts as so many answers. When the oldest
 * place is answered, it leaves, and with it every answered one behind it. Answers other than OK that must wait their
 * turn stand in a map beside the ring; there are few. The first fatal error is the last answer.
 *
 * Hot: an OK allocates nothing (`nsq-server.bench.ts`).
 */

import type { CodedError, PolylogError } from "@polylog/base/errors";
import type { OutputQueue } from "@polylog/base/transport";
import type { DurabilityWaiter } from "@polylog/broker";
import { errorFrame, okFrame, type Verb } from "@polylog/nsq-wire";
import { publishFailed } from "./publish-failed.ts";

export interface AnswerOwner {
  /** The last answer that waited, or one that did not have to, is in the output: nothing waits any more. */
  onAnswered(): void;
  /** A fatal error takes its place among the answers; nothing behind it will be answered. May be called again. */
  onFatal(error: CodedError): void;
  /** The last answer, a fatal error's, is in the output; or it has none, and all before it are. */
  onLastAnswer(): void;
}

/** An answer other than OK. */
interface OtherAnswer {
  readonly frame: Buffer | undefined;
  readonly last: boolean;
}

const slotsMin = 16;
/** Place numbers wrap here, so that they stay small integers. */
const tokenMask = 0x3fff_ffff;
/** What a slot holds once it is answered; below it are verbs. */
const answeredOk = 0xfe;
const answeredOther = 0xff;

/** What several commands that are answered at once are lent from. */
const okRunCount = 1024;
const okRun = Buffer.concat(new Array<Buffer>(okRunCount).fill(okFrame));

export class AnswerQueue implements DurabilityWaiter {
  readonly #output: OutputQueue;
  readonly #owner: AnswerOwner;
  #slots = new Uint8Array(slotsMin);
  /** How many answers each place stands for. */
  #counts = new Uint32Array(slotsMin);
  #size = 0;
  #mask = slotsMin - 1;
  #head = 0;
  #tail = 0;
  readonly #others = new Map<number, OtherAnswer>();
  #ended = false;

  constructor(output: OutputQueue, owner: AnswerOwner) {
    this.#output = output;
    this.#owner = owner;
  }

  /** Answers that have not left. */
  get size(): number {
    return this.#size;
  }

  /** Takes the next place, for `count` commands that are answered OK by `complete` or answered by `onDurable`. */
  begin(verb: Verb, count = 1): number {
    if (((this.#tail - this.#head) & tokenMask) > this.#mask) this.#grow();
    const token = this.#tail;
    this.#slots[token & this.#mask] = verb;
    this.#counts[token & this.#mask] = count;
    this.#size += count;
    this.#tail = (token + 1) & tokenMask;
    return token;
  }

  /** The command at this place is answered OK. */
  complete(token: number): void {
    if (this.#ended) return;
    this.#slots[token & this.#mask] = answeredOk;
    if (token === this.#head) this.#release();
  }

  /** The log's answer to the publish at this place. */
  onDurable(token: number, error: PolylogError | undefined): void {
    if (error === undefined) this.complete(token);
    else this.#failPublish(token, error);
  }

  /** A publish was refused at once. */
  refuse(token: number, error: unknown): void {
    this.#failPublish(token, error);
  }

  /** Answers OK when the turn comes. */
  ok(verb: Verb): void {
    this.complete(this.begin(verb));
  }

  /** Answers with a frame, which must not change any more, when the turn comes. */
  answer(verb: Verb, frame: Buffer): void {
    this.#settle(this.begin(verb), { frame, last: false });
  }

  /** Answers with an error when the turn comes; with a fatal one for the last time. */
  fail(verb: Verb, error: CodedError): void {
    if (this.#ended) return;
    const token = this.begin(verb);
    if (error.fatal) this.#owner.onFatal(error);
    this.#settle(token, { frame: errorFrame(error), last: error.fatal });
  }

  /** The connection is gone: nobody is answered any more. */
  close(): void {
    this.#ended = true;
    this.#others.clear();
  }

  #failPublish(token: number, cause: unknown): void {
    if (this.#ended) return;
    const error = publishFailed(this.#slots[token & this.#mask] as Verb, cause);
    this.#owner.onFatal(error);
    this.#settle(token, { frame: errorFrame(error), last: true });
  }

  #settle(token: number, answer: OtherAnswer): void {
    if (this.#ended) return;
    this.#slots[token & this.#mask] = answeredOther;
    this.#others.set(token, answer);
    if (token === this.#head) this.#release();
  }

  /** Sends what is answered, from the oldest on. */
  #release(): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let head = this.#head;
    while (head !== this.#tail && slots[head & mask]! >= answeredOk) {
      const isOk = slots[head & mask] === answeredOk;
      const count = this.#counts[head & mask]!;
      this.#head = (head + 1) & tokenMask;
      this.#size -= count;
      if (isOk && count === 1) this.#writeOk();
      else if (isOk) this.#lendOks(count);
      else if (this.#writeOther(head)) return;
      head = this.#head;
    }
    if (head === this.#tail) this.#owner.onAnswered();
  }

  #writeOk(): void {
    const buffer = this.#output.reserve(okFrame.length);
    for (let i = 0, at = this.#output.reservedStart; i < okFrame.length; i++, at++) buffer[at] = okFrame[i]!;
    this.#output.commit(okFrame.length);
  }

  #lendOks(count: number): void {
    for (let left = count; left > 0; left -= okRunCount)
      this.#output.push(okRun, 0, Math.min(left, okRunCount) * okFrame.length);
  }

  /** Returns true when it was the last answer. */
  #writeOther(token: number): boolean {
    const { frame, last } = this.#others.get(token)!;
    this.#others.delete(token);
    if (frame !== undefined) this.#output.push(frame, 0, frame.length);
    if (!last) return false;
    this.close();
    this.#owner.onLastAnswer();
    return true;
  }

  #grow(): void {
    const slots = new Uint8Array(this.#slots.length * 2);
    const counts = new Uint32Array(slots.length);
    const mask = slots.length - 1;
    for (let token = this.#head; token !== this.#tail; token = (token + 1) & tokenMask) {
      slots[token & mask] = this.#slots[token & this.#mask]!;
      counts[token & mask] = this.#counts[token & this.#mask]!;
    }
    this.#slots = slots;
    this.#counts = counts;
    this.#mask = mask;
  }
}
