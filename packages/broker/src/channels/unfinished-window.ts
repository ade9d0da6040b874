/**
 * What a channel has not finished of one partition: a cursor plus exceptions, never copies of messages.
 *
 *     offsets   0 ......... floor ........................ cursor ......... end of the partition
 *               finished    | finished, in flight, waiting |  never delivered
 *
 * Everything below `floor` is finished; nothing from `cursor` on was delivered yet. In between, pages of 256 offsets
 * hold 23 bytes for each: state, attempts, owner, when it is due, when it was delivered. FIN, REQ and TOUCH are
 * arithmetic on the offset. With a maximum of attempts, a message that is given back after as many deliveries is dead: it
 * is never delivered again and waits until it is buried. A page goes when nothing in it is unfinished, so memory follows what is unfinished.
 *
 * Time-outs and delays are one mechanism: every page knows a lower bound of its due times, and only pages whose bound
 * has passed are looked through. Times are the clock's monotonic milliseconds.
 *
 * Hot: called once per delivery and once per FIN; `channel.bench.ts` measures it.
 */

import { RingBuffer } from "@polylog/base/collections";
import {
  type Answer,
  type DeadReason,
  deadReasons,
  entryStates,
  nextPage,
  ownership,
  Page,
  pageMask,
  pageSize,
} from "./unfinished-page.ts";

const { finished, inFlight, deferred, ready, dead } = entryStates;

/** Hears about entries that the window itself moves. */
export interface WindowOwner {
  /** The message was in flight to consumer `owner` and its time is up; it is ready again. */
  onTimeout(owner: number): void;
}

export class UnfinishedWindow {
  /** The floor that a start would find; set by whoever saves. */
  savedFloor: number;
  #floor: number;
  #cursor: number;
  readonly #pages = new Map<number, Page>();
  /** The page used last: most calls stay on it. */
  #recent: Page | undefined;
  /** Offsets to deliver again, oldest first. Entries whose state is no longer `ready` are skipped. */
  readonly #ready = new RingBuffer<number>();
  /** Offsets to bury, oldest first; those whose state is no longer `dead` are skipped. */
  readonly #dead = new RingBuffer<number>();
  #attemptsMax = 0;
  #moveCount = 0;
  #readyCount = 0;
  #inFlightCount = 0;
  #deferredCount = 0;
  #deadCount = 0;
  #dueMinMs = Number.POSITIVE_INFINITY;
  /** Pages that were saved and are gone: their rows are to be deleted. */
  readonly #removedPages: number[] = [];
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
    return this.#readyCount;
  }

  get inFlightCount(): number {
    return this.#inFlightCount;
  }

  get deferredCount(): number {
    return this.#deferredCount;
  }

  get deadCount(): number {
    return this.#deadCount;
  }

  /** How often `moveTo` was called. */
  get moveCount(): number {
    return this.#moveCount;
  }

  // --- delivery ----------------------------------------------------------------------------------------------------

  /** The offset to deliver again next, or -1. It stays until `deliverAgain` or a state change takes it. */
  nextReady(): number {
    for (;;) {
      const offset = this.#ready.peek();
      if (offset === undefined) return -1;
      if (this.#stateOf(offset) === ready) return offset;
      this.#ready.shift();
    }
  }

  /** The offset at the cursor goes to `owner` for the first time; the cursor moves on. Returns its attempts: 1. */
  deliverFresh(owner: number, nowMs: number, dueMs: number): number {
    const page = this.#enter(inFlight, dueMs);
    const at = this.#cursor & pageMask;
    page.attempts[at] = 1;
    page.owners[at] = owner;
    page.deliveredMs[at] = nowMs;
    page.inFlightCount++;
    this.#inFlightCount++;
    this.#cursor++;
    return 1;
  }

  /** The offset at the cursor waits until `dueMs`; the cursor moves on. */
  deferFresh(dueMs: number): void {
    const page = this.#enter(deferred, dueMs);
    page.attempts[this.#cursor & pageMask] = 0;
    this.#deferredCount++;
    this.#cursor++;
  }

  /** What `nextReady` answered goes to `owner`. Returns the attempts so far, this one included (wraps at 65,536). */
  deliverAgain(owner: number, nowMs: number, dueMs: number): number {
    const offset = this.#ready.shift()!;
    const page = this.#pageOf(offset)!;
    const at = offset & pageMask;
    page.states[at] = inFlight;
    page.owners[at] = owner;
    page.deliveredMs[at] = nowMs;
    page.inFlightCount++;
    this.#readyCount--;
    this.#inFlightCount++;
    this.#setDue(page, at, dueMs);
    page.dirty = true;
    return ++page.attempts[at]!;
  }

  /** Finishes what `nextReady` answered, because its record is gone. */
  skip(offset: number): void {
    const page = this.#pageOf(offset);
    if (page === undefined || page.states[offset & pageMask] !== ready) return;
    this.#readyCount--;
    this.#leave(page, offset);
  }

  /** There are no records from the cursor to before `offset`: they are finished, however many, and the cursor is there. */
  skipTo(offset: number): void {
    const page = this.#pageOf(this.#cursor);
    this.#cursor = offset;
    this.#raiseFloor();
    if (page?.unfinishedCount === 0 && page.index !== Math.floor(offset / pageSize)) this.#remove(page);
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
        const state = page.states[at];
        if (state === ready) this.#readyCount--;
        else if (state === deferred) this.#deferredCount--;
        else continue;
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
    const page = this.#pageOf(offset);
    const answer = ownership(page, offset, owner);
    if (answer !== "done") return answer;
    this.#inFlightCount--;
    page!.inFlightCount--;
    this.#leave(page!, offset);
    return "done";
  }

  /** `dueMs` undefined: ready at once. */
  requeue(offset: number, owner: number, dueMs: number | undefined): Answer {
    const page = this.#pageOf(offset);
    const answer = ownership(page, offset, owner);
    if (answer !== "done") return answer;
    this.#inFlightCount--;
    page!.inFlightCount--;
    if (this.#isUsedUp(page!, offset)) this.#die(page!, offset, "requeue");
    else if (dueMs === undefined) this.#makeReady(page!, offset);
    else this.#defer(page!, offset, dueMs);
    return "done";
  }

  /** Moves the time-out to `dueMs`, but not beyond `lifetimeMs` after delivery. */
  touch(offset: number, owner: number, dueMs: number, lifetimeMs: number): Answer {
    const page = this.#pageOf(offset);
    const answer = ownership(page, offset, owner);
    if (answer !== "done") return answer;
    const at = offset & pageMask;
    this.#setDue(page!, at, Math.min(dueMs, page!.deliveredMs[at]! + lifetimeMs));
    return "done";
  }

  /** Everything in flight to `owner` is ready again. Returns how many. */
  release(owner: number): number {
    let released = 0;
    for (const page of this.#pages.values()) {
      if (page.inFlightCount === 0) continue;
      for (let at = 0; at < pageSize; at++) {
        if (page.states[at] !== inFlight || page.owners[at] !== owner) continue;
        this.#inFlightCount--;
        page.inFlightCount--;
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
    if (state === inFlight) {
      this.#inFlightCount--;
      page.inFlightCount--;
      windowOwner.onTimeout(page.owners[at]!);
    } else {
      this.#deferredCount--;
    }
    this.#giveBack(page, page.index * pageSize + at, "timeout");
    return 1;
  }

  // --- dead messages -----------------------------------------------------------------------------------------------

  /** Deliveries after which a message that is given back is dead; 0: never. What has used them up is dead at once. */
  setAttemptsMax(attemptsMax: number): void {
    this.#attemptsMax = attemptsMax;
    if (attemptsMax === 0) return;
    for (const page of this.#pages.values()) {
      for (let at = 0; at < pageSize; at++) {
        const state = page.states[at];
        if ((state !== ready && state !== deferred) || page.attempts[at]! < attemptsMax) continue;
        if (state === ready) this.#readyCount--;
        else this.#deferredCount--;
        this.#die(page, page.index * pageSize + at, "configure");
      }
    }
  }

  /** The offset to bury next, or -1. It stays until `takeDead`. */
  nextDead(): number {
    for (;;) {
      const offset = this.#dead.peek();
      if (offset === undefined) return -1;
      if (this.#stateOf(offset) === dead) return offset;
      this.#dead.shift();
    }
  }

  /** Takes what `nextDead` answered out of the queue; it stays dead until `bury`. */
  takeDead(): void {
    this.#dead.shift();
  }

  /** Puts an offset that was taken back into the queue, at its end. */
  keepDead(offset: number): void {
    if (this.#stateOf(offset) === dead) this.#dead.push(offset);
  }

  /** Attempts and reason of a dead offset. */
  deathOf(offset: number): { readonly attempts: number; readonly reason: DeadReason } {
    const page = this.#pageOf(offset)!;
    const at = offset & pageMask;
    return { attempts: page.attempts[at]!, reason: deadReasons[page.owners[at]!] ?? "unknown" };
  }

  /** Finishes a dead offset. False when it is not dead. */
  bury(offset: number): boolean {
    const page = this.#pageOf(offset);
    if (page === undefined || page.states[offset & pageMask] !== dead) return false;
    this.#deadCount--;
    this.#leave(page, offset);
    return true;
  }

  // --- whole window ------------------------------------------------------------------------------------------------

  /** Forgets everything below `offset`, which becomes floor and cursor: emptying and seeking. */
  moveTo(offset: number): void {
    for (const page of this.#pages.values()) if (page.saved) this.#removedPages.push(page.index);
    this.#pages.clear();
    this.#recent = undefined;
    this.#ready.clear();
    this.#dead.clear();
    this.#deadCount = 0;
    this.#moveCount++;
    this.#readyCount = 0;
    this.#inFlightCount = 0;
    this.#deferredCount = 0;
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
    const page = this.#pageFor(offset);
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
  *takeDirtyPages(): Iterable<Page> {
    for (const page of this.#pages.values()) {
      if (!page.dirty) continue;
      page.dirty = false;
      yield page;
    }
  }

  /** Indexes of pages whose saved rows are to be deleted. */
  takeRemovedPages(): number[] {
    return this.#removedPages.splice(0);
  }

  // --- inside ------------------------------------------------------------------------------------------------------

  #enter(state: number, dueMs: number): Page {
    const page = this.#pageFor(this.#cursor);
    const at = this.#cursor & pageMask;
    page.states[at] = state;
    page.unfinishedCount++;
    page.dirty = true;
    this.#setDue(page, at, dueMs);
    this.#moved = true;
    return page;
  }

  #leave(page: Page, offset: number): void {
    page.states[offset & pageMask] = finished;
    page.unfinishedCount--;
    page.dirty = true;
    if (offset === this.#floor) this.#raiseFloor();
    // The page under the cursor stays: it is about to be written to.
    if (page.unfinishedCount === 0 && page.index !== Math.floor(this.#cursor / pageSize)) this.#remove(page);
  }

  #isUsedUp(page: Page, offset: number): boolean {
    return this.#attemptsMax > 0 && page.attempts[offset & pageMask]! >= this.#attemptsMax;
  }

  #giveBack(page: Page, offset: number, reason: DeadReason): void {
    if (this.#isUsedUp(page, offset)) this.#die(page, offset, reason);
    else this.#makeReady(page, offset);
  }

  #die(page: Page, offset: number, reason: DeadReason): void {
    page.states[offset & pageMask] = dead;
    page.owners[offset & pageMask] = deadReasons.indexOf(reason);
    page.dirty = true;
    this.#deadCount++;
    this.#dead.push(offset);
  }

  #makeReady(page: Page, offset: number): void {
    page.states[offset & pageMask] = ready;
    page.dirty = true;
    this.#readyCount++;
    this.#ready.push(offset);
  }

  #defer(page: Page, offset: number, dueMs: number): void {
    page.states[offset & pageMask] = deferred;
    page.dirty = true;
    this.#deferredCount++;
    this.#setDue(page, offset & pageMask, dueMs);
  }

  #raiseFloor(): void {
    let floor = this.#floor;
    while (floor < this.#cursor) {
      const page = this.#pageOf(floor);
      if (page === undefined || page.unfinishedCount === 0) floor = nextPage(this.#pages, floor, this.#cursor);
      else if (page.states[floor & pageMask] === finished) floor++;
      else break;
    }
    this.#floor = Math.min(floor, this.#cursor);
    this.#moved = true;
  }

  #remove(page: Page): void {
    this.#pages.delete(page.index);
    if (this.#recent === page) this.#recent = undefined;
    if (page.saved) this.#removedPages.push(page.index);
  }

  #setDue(page: Page, at: number, dueMs: number): void {
    page.dueMs[at] = dueMs;
    if (dueMs < page.dueMinMs) page.dueMinMs = dueMs;
    if (dueMs < this.#dueMinMs) this.#dueMinMs = dueMs;
  }

  #stateOf(offset: number): number {
    const page = this.#pageOf(offset);
    return page === undefined ? finished : page.states[offset & pageMask]!;
  }

  #pageOf(offset: number): Page | undefined {
    const index = Math.floor(offset / pageSize);
    const recent = this.#recent;
    if (recent !== undefined && recent.index === index) return recent;
    const page = this.#pages.get(index);
    if (page !== undefined) this.#recent = page;
    return page;
  }

  #pageFor(offset: number): Page {
    let page = this.#pageOf(offset);
    if (page === undefined) {
      page = new Page(Math.floor(offset / pageSize));
      this.#pages.set(page.index, page);
      this.#recent = page;
    }
    return page;
  }
}
