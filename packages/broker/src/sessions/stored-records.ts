/**
 * Records of the session log that are not in memory any more: read in chunks, which are kept for a while for all sessions
 * that want a part of them. A thousand clients that come back to the same messages cost one read, a thousand that come
 * back to different ones wait in line: few reads are under way at a time, and chunks together have a bound.
 */

import type { Clock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import type { Logger } from "@polylog/base/telemetry";
import { type Chunk, type Partition, RecordCursor } from "@polylog/log";

export interface RecordReadListener {
  /** What it was waiting for can be asked for again. */
  onRecordRead(): void;
}

export interface StoredRecordsOptions {
  readonly log: Partition;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bytes of chunks kept. */
  readonly chunksSizeMax: number;
  readonly chunkSize: number;
  readonly readsMax: number;
  readonly retryMs: number;
}

interface IndexedChunk {
  readonly chunk: Chunk;
  /** Where each record of the chunk starts and ends, by its offset. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  usedAt: number;
}

interface Wanted {
  readonly offset: number;
  readonly listener: RecordReadListener;
}

const damageKeptMax = 100_000;
const toldPerTurn = 64;

export class StoredRecords {
  readonly #options: StoredRecordsOptions;
  readonly #cursor = new RecordCursor();
  /** By their first offset. */
  readonly #chunks: IndexedChunk[] = [];
  readonly #damaged = new Set<number>();
  #size = 0;
  #uses = 0;
  #wanted: Wanted[] = [];
  /** Whose record was read, and who was not told yet. */
  readonly #told: Wanted[] = [];
  readonly #reading = new Set<number>();
  #closed = false;

  /** The record that `find` found. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;

  constructor(options: StoredRecordsOptions) {
    this.#options = options;
  }

  /** Either the record is there, or it is damaged, or `listener` hears when it has been read. */
  find(offset: number, listener: RecordReadListener): "there" | "damaged" | "reading" {
    const indexed = this.#chunkOf(offset);
    if (indexed !== undefined) {
      indexed.usedAt = ++this.#uses;
      const index = offset - indexed.chunk.offsetFirst;
      this.bytes = indexed.chunk.bytes;
      this.start = indexed.starts[index]!;
      this.end = indexed.ends[index]!;
      return this.end === 0 ? "damaged" : "there";
    }
    if (this.#damaged.has(offset)) return "damaged";
    this.#wanted.push({ offset, listener });
    this.#startReading(offset);
    return "reading";
  }

  #chunkOf(offset: number): IndexedChunk | undefined {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (chunks[middle]!.chunk.offsetFirst <= offset) low = middle + 1;
      else high = middle;
    }
    const found = chunks[low - 1];
    return found !== undefined && offset < found.chunk.offsetNext ? found : undefined;
  }

  #startReading(offset: number): void {
    if (this.#closed || this.#reading.size >= this.#options.readsMax || this.#reading.has(offset)) return;
    void this.#read(offset);
  }

  async #read(offset: number): Promise<void> {
    const { log, chunkSize } = this.#options;
    this.#reading.add(offset);
    try {
      const chunk = await log.readChunk(offset, chunkSize);
      if (chunk === undefined) throw new Error(`record ${offset} of the session log is beyond its end`);
      this.#keep(this.#index(chunk));
    } catch (error) {
      await this.#onFailure(offset, error);
    }
    this.#reading.delete(offset);
    this.#sortOut();
  }

  #index(chunk: Chunk): IndexedChunk {
    const count = chunk.offsetNext - chunk.offsetFirst;
    const starts = new Uint32Array(count);
    const ends = new Uint32Array(count);
    const cursor = this.#cursor;
    cursor.reset(chunk, chunk.offsetFirst);
    while (cursor.next()) {
      starts[cursor.offset - chunk.offsetFirst] = cursor.valueStart;
      ends[cursor.offset - chunk.offsetFirst] = cursor.valueEnd;
    }
    return { chunk, starts, ends, usedAt: ++this.#uses };
  }

  #keep(indexed: IndexedChunk): void {
    const chunks = this.#chunks;
    const { offsetFirst } = indexed.chunk;
    const at = chunks.findIndex((each) => each.chunk.offsetFirst >= offsetFirst);
    const same = at >= 0 && chunks[at]!.chunk.offsetFirst === offsetFirst;
    if (same) this.#size -= chunks[at]!.chunk.bytes.length;
    chunks.splice(at < 0 ? chunks.length : at, same ? 1 : 0, indexed);
    this.#size += indexed.chunk.bytes.length;
    while (chunks.length > 1 && this.#size > this.#options.chunksSizeMax) this.#dropOldest();
  }

  #dropOldest(): void {
    let oldest = 0;
    for (let i = 1; i < this.#chunks.length; i++)
      if (this.#chunks[i]!.usedAt < this.#chunks[oldest]!.usedAt) oldest = i;
    this.#size -= this.#chunks[oldest]!.chunk.bytes.length;
    this.#chunks.splice(oldest, 1);
  }

  /** Damage is for good; anything else is tried again after a while. */
  async #onFailure(offset: number, error: unknown): Promise<void> {
    const { clock, logger, retryMs } = this.#options;
    if (this.#closed) return;
    logger.error("a message that waits for a session could not be read", { offset, error });
    if (isCodedError(error, "log.CORRUPT_BATCH") || isCodedError(error, "log.OFFSET_OUT_OF_RANGE")) {
      if (this.#damaged.size >= damageKeptMax) this.#damaged.clear();
      this.#damaged.add(offset);
    } else await new Promise<void>((resolve) => clock.setTimer(resolve, retryMs));
  }

  /** Lets everybody ask again whose record is there now, and reads for the others. */
  #sortOut(): void {
    const waiting = this.#wanted;
    this.#wanted = [];
    const isIdle = this.#told.length === 0;
    for (const wanted of waiting) {
      if (this.#damaged.has(wanted.offset) || this.#chunkOf(wanted.offset) !== undefined) this.#told.push(wanted);
      else {
        this.#wanted.push(wanted);
        this.#startReading(wanted.offset);
      }
    }
    if (isIdle && this.#told.length > 0) this.#tell();
  }

  /** A few per turn: each of them may have much to send. */
  readonly #tell = (): void => {
    for (const { listener } of this.#told.splice(0, toldPerTurn)) listener.onRecordRead();
    if (this.#told.length > 0) this.#options.clock.atTurnEnd(this.#tell);
  };

  /** `listener` waits for nothing any more. */
  forget(listener: RecordReadListener): void {
    this.#wanted = this.#wanted.filter((wanted) => wanted.listener !== listener);
    const told = this.#told.findIndex((each) => each.listener === listener);
    if (told >= 0) this.#told.splice(told, 1);
  }

  close(): void {
    this.#closed = true;
    this.#wanted = [];
    this.#told.length = 0;
    this.#chunks.length = 0;
  }
}
