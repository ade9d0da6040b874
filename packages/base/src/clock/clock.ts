/**
 * Time and turns, as a parameter. Nothing outside this folder calls `Date.now`, `setTimeout` or `setImmediate`
 * (the tidy test holds that), so that every test can own time and no unit test sleeps.
 */

import { type SpareShare, SpareTurns } from "./spare-turns.ts";

/** A pending call; pass it to `clearTimer`. */
export interface Timer {
  readonly dueMs: number;
}

export interface Clock {
  /** Wall-clock milliseconds since 1970; may jump. For timestamps that people read. */
  nowMs(): number;
  /** Milliseconds that never go back, with a fraction. For deadlines and durations. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`. A timer never keeps the process alive. */
  setTimer(callback: () => void, delayMs: number): Timer;
  clearTimer(timer: Timer | undefined): void;
  /** Calls `callback` once at the end of this turn of the event loop, after all input that is ready now was read. */
  atTurnEnd(callback: () => void): void;
  /**
   * Calls `callback` once when the loop has room for a slice of work that can wait (`spare-turns.ts`): in a later turn, after
   * its end. A slice should take about 0.2 ms; who has more to do asks again. `share`: of a busy loop; default a tenth.
   */
  atSpareTurn(callback: () => void, share?: SpareShare): void;
}

/** Resolves when the loop has room for a slice; what follows the `await` is the slice. */
export function spareTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.atSpareTurn(resolve));
}

class SystemTimer implements Timer {
  readonly dueMs: number;
  readonly handle: NodeJS.Timeout;
  constructor(callback: () => void, delayMs: number) {
    this.dueMs = performance.now() + delayMs;
    // Node turns a delay above 2^31-1 into 1 ms; wake at the ceiling instead, and let the owner look again.
    this.handle = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
    this.handle.unref();
  }
}

export const systemClock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  setTimer: (callback, delayMs) => new SystemTimer(callback, delayMs),
  clearTimer: (timer) => {
    if (timer instanceof SystemTimer) clearTimeout(timer.handle);
  },
  atTurnEnd: (callback) => {
    turnCallbacks.push(callback);
    scheduleTurnEnd();
  },
  atSpareTurn: (callback, share) => {
    spareTurns.push(callback, share);
    scheduleTurnEnd();
  },
};

let turnCallbacks: (() => void)[] = [];
let turnScheduled = false;
const spareTurns = new SpareTurns();

function scheduleTurnEnd(): void {
  if (turnScheduled) return;
  turnScheduled = true;
  setImmediate(runTurnEnd);
}

/**
 * Runs what waits, and what that adds, so that a record appended, delivered and answered leaves in one turn. After a few
 * rounds the rest waits for the next turn: callbacks that always add another cannot keep sockets from being read.
 */
function runTurnEnd(): void {
  const waitedBefore = spareTurns.size > 0;
  try {
    runRounds();
  } finally {
    turnScheduled = false;
    if (turnCallbacks.length > 0 || spareTurns.size > 0) scheduleTurnEnd();
  }
  if (waitedBefore) runSlice();
}

/** The slice, what promises it settled lead to, and what that left for the end of the turn: all of it is its own time. */
function runSlice(): void {
  const startMs = performance.now();
  const slice = spareTurns.next(startMs);
  if (slice === undefined) return;
  // A tick that is asked for in a microtask comes when no microtask is left.
  queueMicrotask(() => {
    process.nextTick(() => {
      try {
        runRounds();
      } finally {
        spareTurns.end(startMs, performance.now());
        if (turnCallbacks.length > 0 || spareTurns.size > 0) scheduleTurnEnd();
      }
    });
  });
  slice();
}

function runRounds(): void {
  for (let round = 0; round < 4 && turnCallbacks.length > 0; round++) runRound();
}

function runRound(): void {
  const callbacks = turnCallbacks;
  turnCallbacks = [];
  let next = 0;
  try {
    while (next < callbacks.length) callbacks[next++]!();
  } finally {
    // One owner's bug must not swallow the turns of the others.
    if (next < callbacks.length) turnCallbacks = callbacks.slice(next).concat(turnCallbacks);
  }
}
