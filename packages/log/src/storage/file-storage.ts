/**
 * Files of the operating system.
 *
 * Writes up to `writeInTurnSizeMax` are made on the event loop, larger ones in libuv's thread pool. Measured here (ext4, page
 * cache, Node 20, µs per write and turn, event loop / thread pool): 256 B 5 / 38, 4 KiB 8 / 57, 16 KiB 20 / 76,
 * 64 KiB 16 / 65, 256 KiB 140 / 329; the CPU time is the same again. So a small record is acknowledged ten times cheaper
 * from the loop. What bounds the loop's stall: the size; no such write while the same file is being synced, when the
 * kernel may hold its pages; and after a slow write none for `writeInTurnPauseFactor` times as long. `storage.bench.ts` prints the
 * figures.
 */

import {
  close,
  constants,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  mkdir,
  open,
  read,
  readdir,
  rename,
  rm,
  statfs,
  unlink,
  write,
  writeSync,
  writev,
  writevSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Clock, systemClock } from "@polylog/base/clock";
import { writeInTurnPauseFactor, writeInTurnPauseMaxMs, writeInTurnSizeMax, writeInTurnSlowMs } from "../limits.ts";
import type { OpenMode, Storage, StorageFile, SyncListener, WriteListener } from "./storage.ts";

const closeFd = promisify(close);
const fsyncFd = promisify(fsync);
const fstatFd = promisify(fstat);
const ftruncateFd = promisify(ftruncate);
const openFd = promisify(open);

const openFlags: Readonly<Record<OpenMode, number>> = {
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  replace: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  modify: constants.O_RDWR,
  read: constants.O_RDONLY,
};

/** Records are private to the user the server runs as. */
const fileMode = 0o600;
const directoryMode = 0o700;

export class FileStorage implements Storage {
  readonly directory: string;
  readonly #turns: TurnWrites;

  /** `directory`: where the paths of the interface begin; made when it is first written to. */
  constructor(directory: string, clock: Clock = systemClock) {
    this.directory = resolve(directory);
    this.#turns = new TurnWrites(clock);
  }

  async open(path: string, mode: OpenMode): Promise<StorageFile> {
    return new OsFile(await openFd(join(this.directory, path), openFlags[mode], fileMode), this.#turns);
  }

  async list(directory: string): Promise<string[] | undefined> {
    try {
      return (await promisify(readdir)(join(this.directory, directory))).sort();
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  makeDirectory(directory: string): Promise<void> {
    return makeDirectory(join(this.directory, directory));
  }

  syncDirectory(directory: string): Promise<void> {
    return syncDirectory(join(this.directory, directory));
  }

  removeFile(path: string): Promise<void> {
    return promisify(unlink)(join(this.directory, path));
  }

  rename(from: string, to: string): Promise<void> {
    return promisify(rename)(join(this.directory, from), join(this.directory, to));
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await promisify(statfs)(this.directory);
    return bavail * bsize;
  }

  async removeDirectory(directory: string): Promise<void> {
    const path = join(this.directory, directory);
    await promisify(rm)(path, { recursive: true, force: true });
    await syncDirectory(dirname(path)).catch((error: unknown) => {
      if (!hasCode(error, "ENOENT")) throw error;
    });
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await promisify(mkdir)(path, directoryMode);
  } catch (error) {
    if (hasCode(error, "ENOENT")) {
      await makeDirectory(dirname(path));
      return makeDirectory(path);
    }
    if (!hasCode(error, "EEXIST")) throw error;
  }
  // Also when it existed: whoever made it may have died before this.
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const fd = await openFd(path, constants.O_RDONLY);
  try {
    await fsyncFd(fd);
  } finally {
    await closeFd(fd);
  }
}

/** Decides, for all files of a storage, whether a write may be made on the event loop. */
class TurnWrites {
  readonly clock: Clock;
  #pausedUntilMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  allows(size: number, nowMs: number): boolean {
    return size <= writeInTurnSizeMax && nowMs >= this.#pausedUntilMs;
  }

  took(durationMs: number, nowMs: number): void {
    if (durationMs < writeInTurnSlowMs) return;
    this.#pausedUntilMs = nowMs + Math.min(writeInTurnPauseMaxMs, durationMs * writeInTurnPauseFactor);
  }
}

class OsFile implements StorageFile {
  readonly #fd: number;
  readonly #turns: TurnWrites;
  #syncing = 0;

  constructor(fd: number, turns: TurnWrites) {
    this.#fd = fd;
    this.#turns = turns;
  }

  async size(): Promise<number> {
    return (await fstatFd(this.#fd)).size;
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const fd = this.#fd;
      let filled = 0;
      const readOn = (): void => {
        read(fd, target, filled, target.length - filled, position + filled, (error, bytesRead) => {
          if (error !== null) return reject(error);
          filled += bytesRead;
          if (bytesRead === 0 || filled === target.length) resolve(filled);
          else readOn();
        });
      };
      readOn();
    });
  }

  write(buffers: readonly Uint8Array[], position: number, listener: WriteListener): void {
    let size = 0;
    for (let i = 0; i < buffers.length; i++) size += buffers[i]!.length;
    const nowMs = this.#turns.clock.monotonicMs();
    if (this.#syncing === 0 && this.#turns.allows(size, nowMs)) this.#writeInTurn(buffers, position, listener, nowMs);
    else this.#writeInPool(buffers, position, listener);
  }

  #writeInTurn(buffers: readonly Uint8Array[], position: number, listener: WriteListener, startMs: number): void {
    let bytesWritten = 0;
    let failure: Error | undefined;
    try {
      const first = buffers[0];
      if (buffers.length === 1 && first !== undefined)
        bytesWritten = writeSync(this.#fd, first, 0, first.length, position);
      else bytesWritten = writevSync(this.#fd, buffers, position);
    } catch (error) {
      failure = error as Error;
    }
    const endMs = this.#turns.clock.monotonicMs();
    this.#turns.took(endMs - startMs, endMs);
    listener.onWritten(failure, bytesWritten);
  }

  #writeInPool(buffers: readonly Uint8Array[], position: number, listener: WriteListener): void {
    const done = (error: Error | null, bytesWritten: number): void => {
      if (error === null) listener.onWritten(undefined, bytesWritten);
      else listener.onWritten(error, 0);
    };
    const first = buffers[0];
    if (buffers.length === 1 && first !== undefined) write(this.#fd, first, 0, first.length, position, done);
    else writev(this.#fd, buffers, position, done);
  }

  sync(listener: SyncListener): void {
    this.#syncing++;
    fdatasync(this.#fd, (error) => {
      this.#syncing--;
      listener.onSynced(error ?? undefined);
    });
  }

  truncate(size: number): Promise<void> {
    return ftruncateFd(this.#fd, size);
  }

  close(): Promise<void> {
    return closeFd(this.#fd);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
