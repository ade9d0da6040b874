/**
 * What a channel has not finished of one partition: a cursor plus exceptions, never copies of messages.
 *
 *     offsets   0 ......... floor ........................ cursor ......... end of the partition
 *               finished    | finished, in flight, waiting |  never delivered
 *
 * Everything below `floor` is finished; nothing from `cursor` on was delivered yet. In between, pages of 256 offsets hold 23 bytes
 * for each: state, attempts, owner, when it is due, when it was delivered. FIN, REQ and TOUCH are arithmetic on the offset. With a
 * maximum of attempts, a message that is given back after as many deliveries is dead: it waits until it is buried. In an ordered
 * channel a message can be held: it waits for one before it (`key-order.ts`). A page goes when nothing in it is unfinished.
 *
 * Time-outs and delays are one mechanism: every page knows a lower bound of its due times, and only pages whose bound has passed
 * are looked through. Times are the clock's monotonic milliseconds.
 *
 * Hot: called once per delivery and once per FIN; `channel.bench.ts` measures it.
 */

import { RingBuffer } from "@polylog/base/collections";
import {
  type Answer,
  type DeadReason,
  deadReasons,
  entryStates,
  isWaiting,
  ownership,
  type Page,
  pageMask,
  pageSize,
} from "./unfinished-page.ts";
import { UnfinishedPages } from "./unfinished-pages.ts";

const { finished, inFlight, deferred, ready, dead, held } = entryStates;

/** Hears about entries that the window itself moves. */
export interface WindowOwner {
  /** The message was in flight to consumer `owner` and its time is up; it is ready again. */
  onTimeout(owner: number): void;
}

export class UnfinishedWindow {
  /** The floor that a start would find; set by whoever saves. */
  savedFloor: number;
  /** How often `moveTo` was called. */
  moveCount = 0;
  #floor: number;
  #cursor: number;
  readonly #pages = new UnfinishedPages();
  /** Offsets to deliver again, oldest first. Entries whose state is no longer `ready` are skipped. */
  readonly #ready = new RingBuffer<number>();
  /** Offsets to bury, oldest first; those whose state is no longer `dead` are skipped. */
  readonly #dead = new RingBuffer<number>();
  #attemptsMax = 0;
  /** Offsets in each state, by `entryStates`; that of `finished` means nothing. */
  readonly #counts = new Int32Array(6);
  /** What left, for whoever keeps an order; undefined: nobody does. */
  #left: number[] | undefined;
  #dueMinMs = Number.POSITIVE_INFINITY;
  #moved = false;

  constructor(floor: number, cursor = floor) {
    this.savedFloor = floor;
    this.#floor = floor;
    this.#cursor = cursor;
  }

  get floor(): number {
    return this.#floor;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get readyCount(): number {
    return this.#counts[ready]!;
  }

  get inFlightCount(): number {
    return this.#counts[inFlight]!;
  }

  get deferredCount(): number {
    return this.#counts[deferred]!;
  }

  get deadCount(): number {
    return this.#counts[dead]!;
  }

  get heldCount(): number {
    return this.#counts[held]!;
  }

  // --- delivery ----------------------------------------------------------------------------------------------------

  /** The offset to deliver again next, or -1. It stays until `deliverAgain` or a state change takes it. */
  nextReady(): number {
    return this.#pages.first(this.#ready, ready);
  }

  /** Deliveries so far of an unfinished offset. */
  attemptsOf(offset: number): number {
    return this.#pages.of(offset)?.attempts[offset & pageMask] ?? 0;
  }

  /** The offset at the cursor goes to `owner` for the first time; the cursor moves on. Returns its attempts: 1. */
  deliverFresh(owner: number, nowMs: number, dueMs: number): number {
    const page = this.#enter(inFlight, dueMs);
    const at = this.#cursor & pageMask;
    page.attempts[at] = 1;
    page.owners[at] = owner;
    page.deliveredMs[at] = nowMs;
    this.#cursor++;
    return 1;
  }

  /** The offset at the cursor waits until `dueMs`; the cursor moves on. */
  deferFresh(dueMs: number): void {
    const page = this.#enter(deferred, dueMs);
    page.attempts[this.#cursor & pageMask] = 0;
    this.#cursor++;
  }

  /** The offset at the cursor is dead without a delivery; the cursor moves on. */
  dieFresh(reason: DeadReason): void {
    const offset = this.#cursor;
    const page = this.#enter(ready, Number.POSITIVE_INFINITY);
    this.#cursor++;
    this.#die(page, offset, reason);
  }

  /** The offset at the cursor waits for another one, and until `dueMs` (0: no longer); the cursor moves on. */
  holdFresh(dueMs: number): void {
    const at = this.#cursor & pageMask;
    const page = this.#enter(held, Number.POSITIVE_INFINITY);
    page.dueMs[at] = dueMs;
    this.#cursor++;
  }

  /** What `nextReady` answered goes to `owner`. Returns the attempts so far, this one included (wraps at 65,536). */
  deliverAgain(owner: number, nowMs: number, dueMs: number): number {
    const offset = this.#ready.shift()!;
    const page = this.#pages.of(offset)!;
    const at = offset & pageMask;
    this.#become(page, at, inFlight);
    page.owners[at] = owner;
    page.deliveredMs[at] = nowMs;
    this.#setDue(page, at, dueMs);
    return ++page.attempts[at]!;
  }

  /** Finishes what waits, because its record is gone or not wanted any more. False: it does not wait. */
  skip(offset: number): boolean {
    if (!isWaiting(this.#pages.stateOf(offset))) return false;
    this.#leave(this.#pages.of(offset)!, offset);
    return true;
  }

  /** What `nextReady` answered is dead. */
  dieReady(offset: number, reason: DeadReason): void {
    if (this.#pages.stateOf(offset) === ready) this.#die(this.#pages.of(offset)!, offset, reason);
  }

  /** There are no records from the cursor to before `offset`: they are finished, however many, and the cursor is there. */
  skipTo(offset: number): void {
    const page = this.#pages.of(this.#cursor);
    this.#cursor = offset;
    this.#raiseFloor();
    if (page?.unfinishedCount === 0 && page.index !== Math.floor(offset / pageSize)) this.#pages.remove(page);
  }

  /**
   * The records below `low` are gone: what waits there, or was never delivered, is finished. Returns how many that are at
   * most: offsets without a record that were not met yet count. What is in flight or dead there stays as it is.
   */
  dropBelow(low: number): number {
    let dropped = 0;
    for (const page of this.#pages.values()) {
      const first = page.index * pageSize;
      for (let at = 0; at < pageSize && first + at < low; at++) {
        if (!isWaiting(page.states[at]!)) continue;
        this.#leave(page, first + at);
        dropped++;
      }
    }
    if (this.#cursor >= low) return dropped;
    dropped += low - this.#cursor;
    this.skipTo(low);
    return dropped;
  }

  // --- answers -----------------------------------------------------------------------------------------------------

  finish(offset: number, owner: number): Answer {
    const page = this.#pages.of(offset);
    const answer = ownership(page, offset, owner);
    if (answer === "done") this.#leave(page!, offset);
    return answer;
  }

  /** `dueMs` undefined: ready at once. */
  requeue(offset: number, owner: number, dueMs: number | undefined): Answer {
    const page = this.#pages.of(offset);
    const answer = ownership(page, offset, owner);
    if (answer !== "done") return answer;
    if (this.#isUsedUp(page!, offset)) this.#die(page!, offset, "requeue");
    else if (dueMs === undefined) this.#makeReady(page!, offset);
    else this.#defer(page!, offset, dueMs);
    return "done";
  }

  /** Moves the time-out to `dueMs`, but not beyond `lifetimeMs` after delivery. */
  touch(offset: number, owner: number, dueMs: number, lifetimeMs: number): Answer {
    const page = this.#pages.of(offset);
    const answer = ownership(page, offset, owner);
    const at = offset & pageMask;
    if (answer === "done") this.#setDue(page!, at, Math.min(dueMs, page!.deliveredMs[at]! + lifetimeMs));
    return answer;
  }

  /** Everything in flight to `owner` is ready again. Returns how many. */
  release(owner: number): number {
    let released = 0;
    for (const page of this.#pages.values()) {
      if (page.inFlightCount === 0) continue;
      for (let at = 0; at < pageSize; at++) {
        if (page.states[at] !== inFlight || page.owners[at] !== owner) continue;
        this.#giveBack(page, page.index * pageSize + at, "disconnect");
        released++;
      }
    }
    return released;
  }

  // --- time --------------------------------------------------------------------------------------------------------

  /** No entry is due before this; infinity when none waits. A lower bound: it may be early, never late. */
  get dueMinMs(): number {
    return this.#dueMinMs;
  }

  /** Makes everything ready whose time has come. Returns how many that were. */
  expire(nowMs: number, windowOwner: WindowOwner): number {
    if (this.#dueMinMs > nowMs) return 0;
    let expired = 0;
    let dueMinMs = Number.POSITIVE_INFINITY;
    for (const page of this.#pages.values()) {
      if (page.dueMinMs <= nowMs) {
        page.dueMinMs = Number.POSITIVE_INFINITY;
        for (let at = 0; at < pageSize; at++) expired += this.#expireEntry(page, at, nowMs, windowOwner);
      }
      if (page.dueMinMs < dueMinMs) dueMinMs = page.dueMinMs;
    }
    this.#dueMinMs = dueMinMs;
    return expired;
  }

  #expireEntry(page: Page, at: number, nowMs: number, windowOwner: WindowOwner): number {
    const state = page.states[at]!;
    if (state !== inFlight && state !== deferred) return 0;
    const dueMs = page.dueMs[at]!;
    if (dueMs > nowMs) {
      if (dueMs < page.dueMinMs) page.dueMinMs = dueMs;
      return 0;
    }
    if (state === inFlight) windowOwner.onTimeout(page.owners[at]!);
    this.#giveBack(page, page.index * pageSize + at, "timeout");
    return 1;
  }

  // --- dead messages -----------------------------------------------------------------------------------------------

  /** Deliveries after which a message that is given back is dead; 0: never. What has used them up is dead at once. */
  setAttemptsMax(attemptsMax: number): void {
    this.#attemptsMax = attemptsMax;
    if (attemptsMax === 0) return;
    for (const offset of this.#pages.waiting()) {
      const page = this.#pages.of(offset)!;
      if (this.#isUsedUp(page, offset)) this.#die(page, offset, "configure");
    }
  }

  /** The offset to bury next, or -1. It stays until `takeDead`. */
  nextDead(): number {
    return this.#pages.first(this.#dead, dead);
  }

  /** Takes what `nextDead` answered out of the queue; it stays dead until `bury`. */
  takeDead(): void {
    this.#dead.shift();
  }

  /** Puts an offset that was taken back into the queue, at its end. */
  keepDead(offset: number): void {
    if (this.#pages.stateOf(offset) === dead) this.#dead.push(offset);
  }

  /** Attempts and reason of a dead offset. */
  deathOf(offset: number): { readonly attempts: number; readonly reason: DeadReason } {
    const reason = deadReasons[this.#pages.of(offset)!.owners[offset & pageMask]!] ?? "unknown";
    return { attempts: this.attemptsOf(offset), reason };
  }

  /** Finishes a dead offset. False when it is not dead. */
  bury(offset: number): boolean {
    if (this.#pages.stateOf(offset) !== dead) return false;
    this.#leave(this.#pages.of(offset)!, offset);
    return true;
  }

  /** From now on `nextLeft` tells what is finished or dead. */
  noteLeft(): void {
    this.#left ??= [];
  }

  /** Nobody asks for what left any more; what is held waits for nothing but its time. */
  forgetOrder(nowMs: number): void {
    this.#left = undefined;
    for (const offset of this.#pages.waiting()) this.unhold(offset, nowMs);
  }

  /** An offset that became finished or dead since `noteLeft`, or -1; each is told once. */
  nextLeft(): number {
    return this.#left?.pop() ?? -1;
  }

  /** Offsets below the cursor that wait to be delivered, in order. */
  waitingOffsets(): number[] {
    return this.#pages.waiting();
  }

  isWaiting(offset: number): boolean {
    return isWaiting(this.#pages.stateOf(offset));
  }

  /** Offsets to deliver again that come next; at most `countMax`. */
  readyOffsets(countMax: number): number[] {
    return this.#pages.some(this.#ready, ready, countMax);
  }

  /** What is ready or deferred (`isWaiting`) waits for another one, too. */
  hold(offset: number): void {
    const page = this.#pages.of(offset)!;
    const at = offset & pageMask;
    if (page.states[at] === ready) page.dueMs[at] = 0;
    this.#become(page, at, held);
  }

  /** What is held waits for its time, or is ready. False when it is not held. */
  unhold(offset: number, nowMs: number): boolean {
    const page = this.#pages.of(offset);
    if (page === undefined || page.states[offset & pageMask] !== held) return false;
    const dueMs = page.dueMs[offset & pageMask]!;
    if (dueMs > nowMs) this.#defer(page, offset, dueMs);
    else this.#makeReady(page, offset);
    return true;
  }

  // --- whole window ------------------------------------------------------------------------------------------------

  /** Forgets everything below `offset`, which becomes floor and cursor: emptying and seeking. */
  moveTo(offset: number): void {
    this.#pages.clear();
    this.#ready.clear();
    this.#dead.clear();
    if (this.#left !== undefined) this.#left.length = 0;
    this.moveCount++;
    this.#counts.fill(0);
    this.#dueMinMs = Number.POSITIVE_INFINITY;
    this.#floor = offset;
    this.#cursor = offset;
    this.#moved = true;
  }

  /**
   * Puts an entry back as it was saved: dead for a reason, deferred until `dueMs`, or ready when undefined; what has used
   * up its attempts was in flight. Below the cursor only, and after `setAttemptsMax`.
   */
  restore(offset: number, attempts: number, dueMs: number | undefined, reason?: DeadReason): void {
    if (offset < this.#floor || offset >= this.#cursor) return;
    const page = this.#pages.ensure(offset);
    const at = offset & pageMask;
    if (page.states[at] !== finished) return;
    page.saved = true;
    page.unfinishedCount++;
    page.attempts[at] = attempts;
    if (reason !== undefined || this.#isUsedUp(page, offset)) this.#die(page, offset, reason ?? "restart");
    else if (dueMs === undefined) this.#makeReady(page, offset);
    else this.#defer(page, offset, dueMs);
    page.dirty = false;
  }

  /** Raises the floor over what is finished; call it once after the last `restore`. */
  restored(): void {
    this.#raiseFloor();
    this.#moved = false;
  }

  // --- saving ------------------------------------------------------------------------------------------------------

  /** True when floor or cursor moved since the last call. */
  takeMoved(): boolean {
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  /** Pages that changed since they were last taken. The caller saves each and sets `saved`. */
  takeDirtyPages(): Iterable<Page> {
    return this.#pages.takeDirty();
  }

  /** Indexes of pages whose saved rows are to be deleted. */
  takeRemovedPages(): number[] {
    return this.#pages.takeRemoved();
  }

  // --- inside ------------------------------------------------------------------------------------------------------

  #enter(state: number, dueMs: number): Page {
    const page = this.#pages.ensure(this.#cursor);
    const at = this.#cursor & pageMask;
    page.unfinishedCount++;
    page.states[at] = state;
    if (state === inFlight) page.inFlightCount++;
    this.#counts[state]!++;
    page.dirty = true;
    this.#setDue(page, at, dueMs);
    this.#moved = true;
    return page;
  }

  #become(page: Page, at: number, state: number): void {
    const before = page.states[at]!;
    if (before === inFlight) page.inFlightCount--;
    if (state === inFlight) page.inFlightCount++;
    this.#counts[before]!--;
    this.#counts[state]!++;
    page.states[at] = state;
    page.dirty = true;
  }

  #leave(page: Page, offset: number): void {
    this.#left?.push(offset);
    this.#become(page, offset & pageMask, finished);
    page.unfinishedCount--;
    if (offset === this.#floor) this.#raiseFloor();
    // The page under the cursor stays: it is about to be written to.
    if (page.unfinishedCount === 0 && page.index !== Math.floor(this.#cursor / pageSize)) this.#pages.remove(page);
  }

  #isUsedUp(page: Page, offset: number): boolean {
    return this.#attemptsMax > 0 && page.attempts[offset & pageMask]! >= this.#attemptsMax;
  }

  #giveBack(page: Page, offset: number, reason: DeadReason): void {
    if (this.#isUsedUp(page, offset)) this.#die(page, offset, reason);
    else this.#makeReady(page, offset);
  }

  #die(page: Page, offset: number, reason: DeadReason): void {
    this.#left?.push(offset);
    this.#become(page, offset & pageMask, dead);
    page.owners[offset & pageMask] = deadReasons.indexOf(reason);
    this.#dead.push(offset);
  }

  #makeReady(page: Page, offset: number): void {
    this.#become(page, offset & pageMask, ready);
    this.#ready.push(offset);
  }

  #defer(page: Page, offset: number, dueMs: number): void {
    this.#become(page, offset & pageMask, deferred);
    this.#setDue(page, offset & pageMask, dueMs);
  }

  #raiseFloor(): void {
    let floor = this.#floor;
    while (floor < this.#cursor) {
      const page = this.#pages.of(floor);
      if (page === undefined || page.unfinishedCount === 0) floor = this.#pages.next(floor, this.#cursor);
      else if (page.states[floor & pageMask] === finished) floor++;
      else break;
    }
    this.#floor = Math.min(floor, this.#cursor);
    this.#moved = true;
  }

  #setDue(page: Page, at: number, dueMs: number): void {
    page.dueMs[at] = dueMs;
    if (dueMs < page.dueMinMs) page.dueMinMs = dueMs;
    if (dueMs < this.#dueMinMs) this.#dueMinMs = dueMs;
  }
}
