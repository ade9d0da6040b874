/**
 * What waits for one session, as little memory as it takes: of each entry where its record is, its size, its QoS and when
 * it expires; about three bytes. Entries lie in blocks of 64 bytes that all sessions take from one arena, so that a
 * million of them are a few arrays and no objects.
 *
 *     block   next block u32 │ base offset u48 │ count u8 │ start u8 │ end u8 │ entries [start, end)      little endian
 *     entry   varint zigzag(offset − the one before, or base) × 8 + 4 if it expires + QoS
 *             varint size │ varint seconds since 1970, if it expires
 *
 * Sequences are not stored: the first one is known, and there are no gaps. What was lost between two lives is a hole, an
 * entry of QoS 3. Hot: `push`, `peek` and `shift`; `sessions.bench.ts` measures them.
 */

import type { QoS } from "../publication.ts";

const blockSize = 64;
const headerSize = 13;
const blocksPerPage = 4096;
const hole = 3;

/** Blocks for queues; they are used again, never given back. */
export class BlockArena {
  readonly #pages: Uint8Array[] = [];
  #free = 0;
  #made = 1;

  /** Bytes held. */
  get size(): number {
    return this.#pages.length * blocksPerPage * blockSize;
  }

  /** Block 0 means none. */
  allocate(): number {
    const block = this.#free;
    if (block === 0) {
      if (this.#made >>> 12 >= this.#pages.length) this.#pages.push(new Uint8Array(blocksPerPage * blockSize));
      return this.#made++;
    }
    this.#free = this.next(block);
    return block;
  }

  release(block: number): void {
    this.setNext(block, this.#free);
    this.#free = block;
  }

  page(block: number): Uint8Array {
    return this.#pages[block >>> 12]!;
  }

  next(block: number): number {
    const page = this.page(block);
    const at = positionOf(block);
    return (page[at]! | (page[at + 1]! << 8) | (page[at + 2]! << 16) | (page[at + 3]! << 24)) >>> 0;
  }

  setNext(block: number, next: number): void {
    const page = this.page(block);
    const at = positionOf(block);
    page[at] = next;
    page[at + 1] = next >>> 8;
    page[at + 2] = next >>> 16;
    page[at + 3] = next >>> 24;
  }
}

function positionOf(block: number): number {
  return (block & (blocksPerPage - 1)) * blockSize;
}

/** One entry, decoded; filled again and again. */
export class QueueEntry {
  sequence = 0;
  offset = 0;
  size = 0;
  qos: QoS = 0;
  isHole = false;
  /** Seconds since 1970, rounded up; 0: never. */
  expiresAtS = 0;
  /** Where it ends in its block. */
  end = 0;
}

export class EntryQueue {
  /** Sequence of the first entry, and of the next one pushed. */
  first = 0;
  next = 0;
  holeCount = 0;
  readonly #arena: BlockArena;
  #head = 0;
  #tail = 0;
  #tailOffset = 0;

  constructor(arena: BlockArena) {
    this.#arena = arena;
  }

  /** Entries that are not holes. */
  get count(): number {
    return this.next - this.first - this.holeCount;
  }

  get isEmpty(): boolean {
    return this.#head === 0;
  }

  push(offset: number, size: number, qos: QoS, expiresAtS: number): void {
    this.#push(offset, size, expiresAtS === 0 ? qos : qos + 4, expiresAtS);
  }

  /** Keeps the place of an entry that is not there any more. */
  pushHole(): void {
    this.holeCount++;
    this.#push(this.#tailOffset, 0, hole, 0);
  }

  #push(offset: number, size: number, flags: number, expiresAtS: number): void {
    let block = this.#tail;
    const arena = this.#arena;
    let lead = zigzag(offset - this.#tailOffset) * 8 + flags;
    const rest = varintSize(size) + (expiresAtS === 0 ? 0 : varintSize(expiresAtS));
    if (block === 0 || arena.page(block)[positionOf(block) + 12]! + varintSize(lead) + rest > blockSize) {
      block = this.#addBlock(offset);
      lead = flags;
    }
    const page = arena.page(block);
    const from = positionOf(block);
    let at = writeVarint(page, from + page[from + 12]!, lead);
    at = writeVarint(page, at, size);
    if (expiresAtS !== 0) at = writeVarint(page, at, expiresAtS);
    page[from + 10]!++;
    page[from + 12] = at - from;
    this.#tailOffset = offset;
    this.next++;
  }

  #addBlock(base: number): number {
    const arena = this.#arena;
    const block = arena.allocate();
    const page = arena.page(block);
    const from = positionOf(block);
    arena.setNext(block, 0);
    writeBase(page, from, base);
    page[from + 10] = 0;
    page[from + 11] = headerSize;
    page[from + 12] = headerSize;
    if (this.#tail === 0) this.#head = block;
    else arena.setNext(this.#tail, block);
    this.#tail = block;
    return block;
  }

  /** Fills `entry` with the first one; false when there is none. */
  peek(entry: QueueEntry): boolean {
    const block = this.#head;
    if (block === 0) return false;
    const page = this.#arena.page(block);
    const from = positionOf(block);
    readEntry(page, from, page[from + 11]!, readBase(page, from), entry);
    entry.sequence = this.first;
    return true;
  }

  /** Removes the first one, which `peek` has just filled `entry` with. */
  shift(entry: QueueEntry): void {
    const arena = this.#arena;
    const block = this.#head;
    const page = arena.page(block);
    const from = positionOf(block);
    this.first++;
    if (entry.isHole) this.holeCount--;
    if (--page[from + 10]! > 0) {
      writeBase(page, from, entry.offset);
      page[from + 11] = entry.end;
      return;
    }
    this.#head = arena.next(block);
    if (this.#head === 0) this.#tail = 0;
    arena.release(block);
  }

  /** Visits entries from sequence `from` to before `to`, in order. `entry` is valid for the call. No change meanwhile. */
  walk(from: number, to: number, visit: (entry: QueueEntry) => void): void {
    const arena = this.#arena;
    let sequence = this.first;
    for (let block = this.#head; block !== 0 && sequence < to; block = arena.next(block)) {
      const page = arena.page(block);
      const start = positionOf(block);
      const count = page[start + 10]!;
      if (sequence + count > from) sequence = walkBlock(page, start, sequence, from, to, visit);
      else sequence += count;
    }
  }

  /** Gives the entries up to and including `last` the offset that `offsetOf` says. The rest keeps its blocks. */
  replaceOffsets(last: number, offsetOf: (entry: QueueEntry) => number): void {
    const arena = this.#arena;
    const fresh = new EntryQueue(arena);
    let sequence = this.first;
    let block = this.#head;
    while (block !== 0 && sequence <= last) {
      const page = arena.page(block);
      const start = positionOf(block);
      sequence = walkBlock(page, start, sequence, 0, Number.POSITIVE_INFINITY, (entry) => {
        if (entry.isHole) fresh.pushHole();
        else fresh.push(offsetOf(entry), entry.size, entry.qos, entry.expiresAtS);
      });
      const next = arena.next(block);
      arena.release(block);
      block = next;
    }
    if (block === 0) {
      this.#tail = fresh.#tail;
      this.#tailOffset = fresh.#tailOffset;
    } else if (fresh.#tail !== 0) arena.setNext(fresh.#tail, block);
    this.#head = fresh.#head === 0 ? block : fresh.#head;
  }

  /** Forgets all entries; the next one pushed has sequence `next`. */
  clear(next = this.next): void {
    const arena = this.#arena;
    for (let block = this.#head; block !== 0; ) {
      const after = arena.next(block);
      arena.release(block);
      block = after;
    }
    this.#head = this.#tail = 0;
    this.holeCount = 0;
    this.first = this.next = next;
  }
}

/** Returns the sequence after the block's last entry. */
function walkBlock(
  page: Uint8Array,
  start: number,
  first: number,
  from: number,
  to: number,
  visit: (entry: QueueEntry) => void,
): number {
  const entry = new QueueEntry();
  const count = page[start + 10]!;
  let at = page[start + 11]!;
  entry.offset = readBase(page, start);
  for (let i = 0; i < count; i++) {
    readEntry(page, start, at, entry.offset, entry);
    entry.sequence = first + i;
    at = entry.end;
    if (entry.sequence >= from && entry.sequence < to) visit(entry);
  }
  return first + count;
}

function readEntry(page: Uint8Array, from: number, at: number, before: number, entry: QueueEntry): void {
  const lead = readVarint(page, from + at);
  const flags = lead % 8;
  entry.offset = before + unzigzag((lead - flags) / 8);
  entry.size = readVarint(page, varintEnd);
  entry.expiresAtS = flags >= 4 ? readVarint(page, varintEnd) : 0;
  entry.isHole = flags === hole;
  entry.qos = entry.isHole ? 0 : ((flags & 3) as QoS);
  entry.end = varintEnd - from;
}

function readBase(page: Uint8Array, from: number): number {
  const low = (page[from + 4]! | (page[from + 5]! << 8) | (page[from + 6]! << 16) | (page[from + 7]! << 24)) >>> 0;
  return low + (page[from + 8]! | (page[from + 9]! << 8)) * 2 ** 32;
}

function writeBase(page: Uint8Array, from: number, base: number): void {
  const high = Math.floor(base / 2 ** 32);
  page[from + 4] = base;
  page[from + 5] = base >>> 8;
  page[from + 6] = base >>> 16;
  page[from + 7] = base >>> 24;
  page[from + 8] = high;
  page[from + 9] = high >>> 8;
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let size = 3;
  for (let left = Math.floor(value / 2 ** 21); left > 0; left = Math.floor(left / 128)) size++;
  return size;
}

function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let at = position;
  let left = value;
  while (left >= 0x80) {
    bytes[at++] = (left % 128) | 0x80;
    left = Math.floor(left / 128);
  }
  bytes[at++] = left;
  return at;
}

let varintEnd = 0;

function readVarint(bytes: Uint8Array, position: number): number {
  let at = position;
  let byte = bytes[at++]!;
  let value = byte & 0x7f;
  for (let scale = 128; byte >= 0x80; scale *= 128) {
    byte = bytes[at++]!;
    value += (byte & 0x7f) * scale;
  }
  varintEnd = at;
  return value;
}
