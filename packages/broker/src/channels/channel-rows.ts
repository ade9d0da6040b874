/**
 * How a channel is saved in the state store. All rows of one save go out in one atomic write, so a crash finds floor,
 * cursor and pages of the same moment; what was answered since is delivered once more.
 *
 *     channel/<log>/<channel>                           JSON {"paused": boolean} and the settings
 *     channel-window/<log>/<channel>/<partition>        floor f64, cursor f64                      (little endian)
 *     channel-page/<log>/<channel>/<partition>/<page>   version u8 = 1, then for every unfinished offset of the page:
 *                                                       index u8, attempts u16, due f64 (wall-clock ms; 0: ready;
 *                                                       below 0: dead, an index of `deadReasons` negated)
 *
 * An offset between floor and cursor that no page lists is finished. What was in flight is saved as ready: its consumer
 * does not survive the process; and so is what was held for its key's sake. Names hold no "/", so keys are unambiguous.
 */

import { brokerErrors } from "../errors.ts";
import { deadReasons, entryStates, type Page, pageSize } from "./unfinished-page.ts";
import type { UnfinishedWindow } from "./unfinished-window.ts";

const version = 1;
const entrySize = 11;

export const channelRowPrefix = "channel/";

export function channelKey(log: string, channel: string): string {
  return `${channelRowPrefix}${log}/${channel}`;
}

export const windowRowPrefix = "channel-window/";

export function windowKey(log: string, channel: string, partition: number): string {
  return `${windowRowPrefix}${log}/${channel}/${partition}`;
}

/** Prefix of all page rows of one partition; ends with "/". */
export function pagePrefix(log: string, channel: string, partition: number): string {
  return `channel-page/${log}/${channel}/${partition}/`;
}

export function pageKey(log: string, channel: string, partition: number, page: number): string {
  return pagePrefix(log, channel, partition) + String(page).padStart(14, "0");
}

export function encodeWindow(window: UnfinishedWindow): Buffer {
  const row = Buffer.allocUnsafe(16);
  row.writeDoubleLE(window.floor, 0);
  row.writeDoubleLE(window.cursor, 8);
  return row;
}

export function decodeWindow(key: string, row: Buffer): { floor: number; cursor: number } {
  if (row.length !== 16) throw brokerErrors.STATE_DAMAGED({ key });
  return { floor: row.readDoubleLE(0), cursor: row.readDoubleLE(8) };
}

/** `wallOffsetMs`: wall clock minus monotonic clock, now. */
export function encodePage(page: Page, wallOffsetMs: number): Buffer {
  const row = Buffer.allocUnsafe(1 + page.unfinishedCount * entrySize);
  row[0] = version;
  let at = 1;
  for (let index = 0; index < pageSize; index++) {
    const state = page.states[index]!;
    if (state === entryStates.finished) continue;
    row[at] = index;
    row.writeUInt16LE(page.attempts[index]!, at + 1);
    const isTimed = state === entryStates.deferred || (state === entryStates.held && page.dueMs[index]! > 0);
    const dueMs = isTimed ? page.dueMs[index]! + wallOffsetMs : 0;
    row.writeDoubleLE(state === entryStates.dead ? -page.owners[index]! : dueMs, at + 3);
    at += entrySize;
  }
  return row;
}

/** Restores the entries of one page row into `window`. */
export function decodePage(key: string, row: Buffer, window: UnfinishedWindow, wallOffsetMs: number): void {
  const page = Number(key.slice(key.lastIndexOf("/") + 1));
  if (row[0] !== version || (row.length - 1) % entrySize !== 0 || !Number.isSafeInteger(page))
    throw brokerErrors.STATE_DAMAGED({ key });
  for (let at = 1; at < row.length; at += entrySize) {
    const dueWallMs = row.readDoubleLE(at + 3);
    const dueMs = dueWallMs <= 0 ? undefined : dueWallMs - wallOffsetMs;
    const reason = dueWallMs < 0 ? (deadReasons[-dueWallMs] ?? "unknown") : undefined;
    window.restore(page * pageSize + row[at]!, row.readUInt16LE(at + 1), dueMs, reason);
  }
}
