/**
 * 256 offsets of a partition, as `unfinished-window.ts` keeps them while one of them is unfinished: 23 bytes for each, in
 * typed arrays, so that a delivery or an answer writes numbers and allocates nothing.
 */

export const pageSize = 256;
export const pageMask = pageSize - 1;

/** What one offset below the cursor is. `finished` is 0, so that a new page starts out as "nothing unfinished". */
export const entryStates = { finished: 0, inFlight: 1, deferred: 2, ready: 3, dead: 4, held: 5 } as const;

/**
 * How the last delivery of a dead message ended; `restart`: its consumer did not survive the process, `configure`: the
 * maximum was lowered to what it had used up, `expired`: it was not delivered in its time. The index is what is saved, and is in `Page.owners` while it is dead.
 */
export const deadReasons = ["unknown", "requeue", "timeout", "disconnect", "restart", "configure", "expired"] as const;
export type DeadReason = (typeof deadReasons)[number];

/** The answer to FIN, REQ and TOUCH. */
export type Answer = "done" | "notInFlight" | "notOwner";

export class Page {
  readonly index: number;
  readonly states = new Uint8Array(pageSize);
  readonly attempts = new Uint16Array(pageSize);
  readonly owners = new Uint32Array(pageSize);
  readonly dueMs = new Float64Array(pageSize);
  readonly deliveredMs = new Float64Array(pageSize);
  unfinishedCount = 0;
  inFlightCount = 0;
  /** No entry is due before this. */
  dueMinMs = Number.POSITIVE_INFINITY;
  /** Changed since it was last saved. */
  dirty = false;
  /** The state store holds a row for it. */
  saved = false;

  constructor(index: number) {
    this.index = index;
  }
}

/** Whether the offset is in flight to `owner`; `page` is the one that holds it. */
export function ownership(page: Page | undefined, offset: number, owner: number): Answer {
  if (page === undefined || page.states[offset & pageMask] !== entryStates.inFlight) return "notInFlight";
  return page.owners[offset & pageMask] === owner ? "done" : "notOwner";
}

/** Neither finished, nor in flight, nor dead. */
export function isWaiting(state: number): boolean {
  return state === entryStates.ready || state === entryStates.deferred || state === entryStates.held;
}
