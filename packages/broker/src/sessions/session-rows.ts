/**
 * How sessions are saved in the state store. Integers are little-endian, varints as in `entry-queue.ts`.
 *
 *     session/<client id>               u8 version 1, u32 number, metadata (the protocol's)
 *     session-numbers                   u32 the next number
 *     session-log                       u8 version 1, f64 checkpoint, f64 extents' end, then per extent f64 offset, f64 bytes
 *     session-stop                      u8 version 1, then per session with such entries u32 number, f64 maybe sent below
 *     session-queue/<number>/~          u8 version 1, f64 applied, f64 first, f64 next, f64 expires, f64 dropped,
 *                                       f64 inbound next,
 *                                       u32 count, then in flight: f64 sequence, f64 offset, u32 size, u8 QoS | 4 released
 *                                       u32 count, then inbound: u16 packet identifier, f64 number
 *                                       the entries of the last page
 *     session-queue/<number>/<page>     f64 sequence of the first entry; entries
 *     entry                             varint zigzag(offset − the one before, or 0) × 8 + flags, varint size,
 *                                       varint seconds if flag 4
 *
 * A page has the entries of `pageEntries` sequences, the one that the next entry goes to excepted: that is in the row "~". So
 * a page is written once, when it is full, and removed when its last entry is sent. Entries before `first` do not count.
 *
 * Crash: a row "~" holds the session as it was when the log ended at `applied`; all that was saved together is in one atomic
 * write, after the log had what it refers to. Every record from `applied` on is applied to it again at the start, and no
 * session needs a record before `checkpoint`. Only the progress of deliveries is lost, and repeats messages.
 * `session-stop` is written when all is saved and nothing is given out any more, and is removed before anything is given out
 * again, both synced. Where it is missing, whatever waits may have been sent.
 */

import { brokerErrors } from "../errors.ts";
import type { QoS } from "../publication.ts";
import type { EntryQueue, QueueEntry } from "./entry-queue.ts";
import { RowReader, RowWriter } from "./session-row-bytes.ts";

const version = 1;
export const pageEntries = 512;

export const sessionPrefix = "session/";
export const queuePrefix = "session-queue/";
export const numbersKey = "session-numbers";
export const checkpointKey = "session-log";
export const stopKey = "session-stop";

export function queueKey(session: number): string {
  return `${queuePrefix}${String(session).padStart(10, "0")}/~`;
}

export function pageKey(session: number, page: number): string {
  return `${queuePrefix}${String(session).padStart(10, "0")}/${String(page).padStart(13, "0")}`;
}

/** The session's number, and the page or -1. Throws STATE_DAMAGED. */
export function parseQueueKey(key: string): { session: number; page: number } {
  const match = /^(\d{10})\/(?:~|(\d{13}))$/.exec(key.slice(queuePrefix.length));
  if (match === null) throw brokerErrors.STATE_DAMAGED({ key });
  return { session: Number(match[1]), page: match[2] === undefined ? -1 : Number(match[2]) };
}

export function encodeSession(number: number, metadata: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(5 + metadata.length);
  row[0] = version;
  row.writeUInt32LE(number, 1);
  row.set(metadata, 5);
  return row;
}

export function decodeSession(key: string, row: Buffer): { number: number; metadata: Buffer } {
  if (row.length < 5 || row[0] !== version) throw brokerErrors.STATE_DAMAGED({ key });
  return { number: row.readUInt32LE(1), metadata: row.subarray(5) };
}

/** A part of the session log, from `offset` to where the next one begins. */
export interface LogExtent {
  readonly offset: number;
  bytes: number;
}

export interface Checkpoint {
  readonly offset: number;
  readonly extentsEnd: number;
  readonly extents: readonly LogExtent[];
}

export function encodeCheckpoint({ offset, extentsEnd, extents }: Checkpoint): Buffer {
  const writer = new RowWriter();
  writer.u8(version);
  writer.f64(offset);
  writer.f64(extentsEnd);
  for (const extent of extents) {
    writer.f64(extent.offset);
    writer.f64(extent.bytes);
  }
  return writer.take();
}

export function decodeCheckpoint(row: Buffer): Checkpoint {
  const reader = new RowReader(checkpointKey, row);
  if (reader.u8() !== version) throw reader.damaged();
  const offset = reader.whole();
  const extentsEnd = reader.whole();
  const extents: LogExtent[] = [];
  while (!reader.atEnd) extents.push({ offset: reader.whole(), bytes: reader.whole() });
  return { offset, extentsEnd, extents };
}

interface StoppedSession {
  readonly number: number;
  readonly activity: { readonly maybeSentBelow: number; readonly queue: EntryQueue };
}

/** What a clean stop knows: the sessions with entries that may have been sent before an earlier crash. */
export function encodeStop(sessions: Iterable<StoppedSession>): Buffer {
  const writer = new RowWriter();
  writer.u8(version);
  for (const { number, activity } of sessions) {
    const { maybeSentBelow, queue } = activity;
    if (maybeSentBelow <= queue.first) continue;
    writer.u32(number);
    writer.f64(maybeSentBelow);
  }
  return writer.take();
}

/** By session number, the sequence below which entries may have been sent. */
export function decodeStop(row: Buffer): Map<number, number> {
  const reader = new RowReader(stopKey, row);
  if (reader.u8() !== version) throw reader.damaged();
  const sessions = new Map<number, number>();
  while (!reader.atEnd) sessions.set(reader.u32(), reader.whole());
  return sessions;
}

export interface InFlightEntry {
  readonly sequence: number;
  offset: number;
  readonly size: number;
  readonly qos: QoS;
  released: boolean;
}

/** What of a session is saved beside its pages. */
export interface QueueState {
  readonly queue: EntryQueue;
  readonly inFlight: ReadonlyMap<number, InFlightEntry> | undefined;
  readonly inbound: ReadonlyMap<number, number> | undefined;
  readonly inboundNext: number;
  readonly droppedCount: number;
}

const rowWriter = new RowWriter();

export function encodeQueue(state: QueueState, expiresAtMs: number, applied: number): Buffer {
  const { queue, inFlight, inbound } = state;
  const writer = rowWriter;
  writer.u8(version);
  for (const value of [applied, queue.first, queue.next, expiresAtMs, state.droppedCount, state.inboundNext])
    writer.f64(value);
  writer.u32(inFlight?.size ?? 0);
  if (inFlight !== undefined)
    for (const entry of inFlight.values()) {
      writer.f64(entry.sequence);
      writer.f64(entry.offset);
      writer.u32(entry.size);
      writer.u8(entry.released ? entry.qos | 4 : entry.qos);
    }
  writer.u32(inbound?.size ?? 0);
  if (inbound !== undefined)
    for (const [packetIdentifier, number] of inbound) {
      writer.u16(packetIdentifier);
      writer.f64(number);
    }
  writeEntries(writer, queue, Math.floor(queue.next / pageEntries) * pageEntries, queue.next);
  return writer.take();
}

/** The rows of pages `first` to before `next`, from the queue's first entry on; all of them in one walk. */
export function encodePages(queue: EntryQueue, first: number, next: number, onPage: OnPage): void {
  if (first >= next) return;
  const writer = rowWriter;
  let page = first;
  let before = 0;
  const from = Math.max(queue.first, first * pageEntries);
  writer.f64(from);
  queue.walk(from, next * pageEntries, (entry) => {
    if (entry.sequence >= (page + 1) * pageEntries) {
      onPage(page++, writer.take());
      writer.f64(entry.sequence);
      before = 0;
    }
    writeEntry(writer, entry, before);
    before = entry.offset;
  });
  onPage(page, writer.take());
}

type OnPage = (page: number, row: Buffer) => void;

function writeEntries(writer: RowWriter, queue: EntryQueue, from: number, to: number): void {
  let before = 0;
  queue.walk(from, to, (entry) => {
    writeEntry(writer, entry, before);
    before = entry.offset;
  });
}

function writeEntry(writer: RowWriter, entry: QueueEntry, before: number): void {
  const lead = entry.offset - before;
  const flags = entry.isHole ? 3 : entry.qos + (entry.expiresAtS === 0 ? 0 : 4);
  writer.varint((lead >= 0 ? lead * 2 : -lead * 2 - 1) * 8 + flags);
  writer.varint(entry.size);
  if (entry.expiresAtS !== 0) writer.varint(entry.expiresAtS);
}

export interface DecodedQueue {
  readonly applied: number;
  readonly first: number;
  readonly next: number;
  readonly expiresAtMs: number;
  readonly droppedCount: number;
  readonly inboundNext: number;
  readonly inFlight: Map<number, InFlightEntry> | undefined;
  readonly inbound: Map<number, number> | undefined;
}

/** An entry of a row. `qos` 3: a hole. */
type OnEntry = (sequence: number, offset: number, size: number, qos: number, expiresAtS: number) => void;

/** `pages`: the session's, in order. `onEntry` is told every entry, in order. */
export function decodeQueue(key: string, row: Buffer, pages: readonly Buffer[], onEntry: OnEntry): DecodedQueue {
  const reader = new RowReader(key, row);
  if (reader.u8() !== version) throw reader.damaged();
  const [applied, first, next] = [reader.whole(), reader.whole(), reader.whole()];
  const [expiresAtMs, droppedCount, inboundNext] = [reader.f64(), reader.whole(), reader.whole()];
  if (Number.isNaN(expiresAtMs) || first > next) throw reader.damaged();
  const inFlight = readInFlight(reader);
  const inbound = readInbound(reader);
  let expected = first;
  const told: OnEntry = (sequence, offset, size, qos, expiresAtS) => {
    if (sequence < first) return;
    if (sequence !== expected++) throw reader.damaged();
    onEntry(sequence, offset, size, qos, expiresAtS);
  };
  for (const page of pages) {
    const pageReader = new RowReader(key, page);
    readEntries(pageReader, pageReader.whole(), told);
  }
  readEntries(reader, Math.max(first, Math.floor(next / pageEntries) * pageEntries), told);
  if (expected !== next) throw reader.damaged();
  return { applied, first, next, expiresAtMs, droppedCount, inboundNext, inFlight, inbound };
}

function readInFlight(reader: RowReader): Map<number, InFlightEntry> | undefined {
  const count = reader.u32();
  if (count === 0) return undefined;
  const inFlight = new Map<number, InFlightEntry>();
  for (let i = 0; i < count; i++) {
    const [sequence, offset, size, bits] = [reader.whole(), reader.whole(), reader.u32(), reader.u8()];
    inFlight.set(sequence, { sequence, offset, size, qos: (bits & 3) as QoS, released: (bits & 4) !== 0 });
  }
  return inFlight;
}

function readInbound(reader: RowReader): Map<number, number> | undefined {
  const count = reader.u32();
  if (count === 0) return undefined;
  const inbound = new Map<number, number>();
  for (let i = 0; i < count; i++) inbound.set(reader.u16(), reader.whole());
  return inbound;
}

function readEntries(reader: RowReader, first: number, onEntry: OnEntry): void {
  let offset = 0;
  for (let sequence = first; !reader.atEnd; sequence++) {
    const lead = reader.varint();
    const flags = lead % 8;
    const zigzag = (lead - flags) / 8;
    offset += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    if (!Number.isSafeInteger(offset) || offset < 0) throw reader.damaged();
    const size = reader.varint();
    onEntry(sequence, offset, size, flags & 3, flags >= 4 ? reader.varint() : 0);
  }
}
