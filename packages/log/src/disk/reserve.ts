/**
 * A file that holds disk space for the moment when there is none left: removed then, what must go on being written (the
 * progress of channels, the footers of segments) has its room. It is really written, with bytes that no file system
 * compresses away, because a hole would hold nothing.
 *
 *     missing ──make──▶ made ──release──▶ missing        one after the other, in the order of the calls
 *
 * Why a crash is safe: nothing reads it. One that is shorter than it should be is written on from its end.
 */

import { randomFillSync } from "node:crypto";
import { reserveBlockSize } from "../limits.ts";
import { syncFile, writeAll } from "../storage/full-write.ts";
import type { Storage, StorageFile } from "../storage/storage.ts";

export class Reserve {
  readonly size: number;
  /** The file is there, whole. */
  made = false;
  /** Bytes that are still to be written while it is being made. */
  pendingBytes = 0;
  readonly #storage: Storage;
  readonly #path: string;
  readonly #onWritten: (bytes: number) => void;
  #wanted = false;
  #last: Promise<void> = Promise.resolve();

  /** `size`: bytes; with 0 there is none. `onWritten` is told of every piece that is not pending any more. */
  constructor(storage: Storage, path: string, size: number, onWritten: (bytes: number) => void = () => undefined) {
    this.#storage = storage;
    this.#path = path;
    this.size = size;
    this.#onWritten = onWritten;
  }

  /** Finds out whether it is there from an earlier run. */
  look(): Promise<void> {
    return this.#after(async () => {
      const file = await this.#storage.open(this.#path, "read").catch(() => undefined);
      if (file === undefined) return;
      this.made = this.size > 0 && (await file.size().finally(() => file.close())) === this.size;
    });
  }

  /** Resolves when it is made, or `release` came in between. Rejects when the disk refuses; it is missing then. */
  make(): Promise<void> {
    this.#wanted = true;
    if (!this.made) this.pendingBytes = this.size;
    return this.#after(async () => {
      if (this.made || !this.#wanted) return;
      try {
        if (this.size === 0) await this.#remove();
        else await this.#make();
        this.made = this.#wanted;
      } catch (error) {
        await this.#remove();
        throw error;
      }
    }).finally(() => {
      this.pendingBytes = 0;
    });
  }

  /** Gives its room back; resolves when that is done. */
  release(): Promise<void> {
    this.#wanted = false;
    return this.#after(() => this.#remove());
  }

  /** Resolves when nothing is under way; what was being made is left as it is. */
  async close(): Promise<void> {
    this.#wanted = false;
    await this.#last;
  }

  #after(task: () => Promise<void>): Promise<void> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #make(): Promise<void> {
    const file = await this.#open();
    try {
      if ((await file.size()) > this.size) await file.truncate(this.size);
      const block = randomFillSync(Buffer.allocUnsafe(reserveBlockSize));
      for (let at = await file.size(); at < this.size && this.#wanted; at += block.length) {
        this.pendingBytes = this.size - at;
        const piece = block.subarray(0, Math.min(block.length, this.size - at));
        await writeAll(file, piece, at);
        this.pendingBytes -= piece.length;
        this.#onWritten(piece.length);
      }
      await syncFile(file);
    } finally {
      await file.close();
    }
  }

  async #open(): Promise<StorageFile> {
    try {
      return await this.#storage.open(this.#path, "modify");
    } catch {
      return this.#storage.open(this.#path, "replace");
    }
  }

  async #remove(): Promise<void> {
    this.made = false;
    await this.#storage.removeFile(this.#path).catch(() => undefined); // It was not there, or its room stays lost.
  }
}
