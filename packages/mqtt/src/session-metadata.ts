/**
 * What the session store keeps of a session besides its messages, as JSON: subscriptions with their options, the expiry
 * interval, where it is in logs that it replays, and the will until it was published or dropped.
 */

import { isCodedError } from "@polylog/base/errors";
import type { QoS } from "@polylog/broker";
import type { ReplayBacklog, ReplayPositions } from "./replay/replay-backlog.ts";
import type { SubscriptionSet } from "./subscription-set.ts";
import type { Will } from "./will.ts";

export interface SessionMetadata {
  /** Seconds; Infinity: never. */
  readonly expirySeconds: number;
  readonly subscriptions: readonly SavedSubscription[];
  readonly will: Will | undefined;
  /** Wall-clock milliseconds; undefined: the client was connected. */
  readonly willDueMs: number | undefined;
  /** Where `$replay/` subscriptions go on, by filter. */
  readonly positions: ReadonlyMap<string, ReplayPositions>;
}

export interface SavedSubscription {
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[];
}

interface Row {
  v: 1;
  e: number | null;
  s: [filter: string, options: number, ...identifiers: number[]][];
  r?: [filter: string, ...positions: (number | null)[]][];
  w?: { t: string; p: string; q: QoS; r: boolean; d: number; x: number; k: string; u?: string; a?: number };
}

const noLocalBit = 4;
const retainAsPublishedBit = 8;

export interface SavedState {
  readonly expirySeconds: number;
  readonly subscriptions: SubscriptionSet;
  readonly will: Will | undefined;
  readonly willDueMs: number | undefined;
  readonly replays?: ReplayBacklog | undefined;
}

export function encodeMetadata({ expirySeconds, subscriptions, will, willDueMs, replays }: SavedState): Buffer {
  const row: Row = { v: 1, e: Number.isFinite(expirySeconds) ? expirySeconds : null, s: [] };
  for (const { filter, qos, noLocal, retainAsPublished, identifiers } of subscriptions.values()) {
    const options = qos | (noLocal ? noLocalBit : 0) | (retainAsPublished ? retainAsPublishedBit : 0);
    row.s.push([filter, options, ...identifiers]);
  }
  if (replays !== undefined) row.r = replays.positions();
  if (will !== undefined) {
    const { topic, payload, qos, retain, delaySeconds, expirySeconds: expires, properties, principalName } = will;
    const texts = { t: topic, p: payload.toString("base64"), k: properties.toString("base64") };
    row.w = { ...texts, q: qos, r: retain, d: delaySeconds, x: expires };
    if (principalName !== undefined) row.w.u = principalName;
    if (willDueMs !== undefined) row.w.a = willDueMs;
  }
  return Buffer.from(JSON.stringify(row));
}

/** Undefined when the bytes are damaged. */
export function decodeMetadata(bytes: Buffer): SessionMetadata | undefined {
  try {
    const row = JSON.parse(bytes.toString()) as Row;
    const subscriptions = row.s.map(([filter, options, ...identifiers]) => ({
      filter,
      qos: (options & 3) as QoS,
      noLocal: (options & noLocalBit) !== 0,
      retainAsPublished: (options & retainAsPublishedBit) !== 0,
      identifiers,
    }));
    const positions = new Map((row.r ?? []).map(([filter, ...each]) => [filter, each]));
    const expirySeconds = row.e ?? Number.POSITIVE_INFINITY;
    return { expirySeconds, subscriptions, will: willOf(row), willDueMs: row.w?.a, positions };
  } catch (error) {
    if (isCodedError(error)) throw error;
    return undefined;
  }
}

function willOf({ w }: Row): Will | undefined {
  if (w === undefined) return undefined;
  return {
    topic: w.t,
    payload: Buffer.from(w.p, "base64"),
    qos: w.q,
    retain: w.r,
    delaySeconds: w.d,
    expirySeconds: w.x,
    properties: Buffer.from(w.k, "base64"),
    principalName: w.u,
  };
}
