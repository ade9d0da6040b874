/**
 * Files in memory: for `#ephemeral` logs, and, with `simulate`, for tests of what a crash leaves and of failing calls.
 *
 * A simulated process death keeps every completed write; each one that was under way is cut at some byte or lost. A
 * simulated power cut keeps what was synced. Of the writes after the last sync of a file it keeps the first ones and cuts
 * the next one; with `reorder` it keeps any of them, whole, cut or with a hole, as a disk that writes pages in its own order
 * does. Names made or removed and not followed by `syncDirectory` are kept or lost, each by itself. What is left is a new
 * storage; every call on the old one hangs, as those of a dead process do.
 */

import { MemoryFile, type UnsyncedWrite } from "./memory-file.ts";
import {
  joinPath,
  type OpenMode,
  type Storage,
  type StorageFile,
  type SyncListener,
  type WriteListener,
} from "./storage.ts";

/** What can be made to fail. `write`: a write listener gets the error; `shortWrite`: only half is written. */
export type FaultyCall =
  | "open"
  | "read"
  | "write"
  | "shortWrite"
  | "sync"
  | "truncate"
  | "rename"
  | "removeFile"
  | "makeDirectory"
  | "syncDirectory";

/** What the system calls them in its errors, where the names differ. */
const syscalls: Partial<Record<FaultyCall, string>> = { sync: "fdatasync", syncDirectory: "fsync" };

export interface MemoryStorageOptions {
  /** Keeps what a crash would leave, at the price of a second copy. Default false. */
  readonly simulate?: boolean;
}

export interface CrashOptions {
  /** Default `power`. */
  readonly of?: "process" | "power";
  /** Default false. */
  readonly reorder?: boolean;
}

interface Fault {
  readonly call: FaultyCall;
  callsLeft: number;
  readonly error: Error;
}

export class MemoryStorage implements Storage {
  readonly #simulate: boolean;
  /** True: writes and syncs complete only when `complete` is called; false: at once. For tests. */
  manual = false;
  #files = new Map<string, MemoryFile>();
  #directories = new Set<string>([""]);
  /** Names as of the last `syncDirectory` of each directory. Only with `simulate`. */
  #syncedNames = new Map<string, MemoryFile>();
  /** Renames that no `syncDirectory` followed; a crash undoes the whole of one or nothing of it. */
  #unsyncedRenames: { readonly from: string; readonly to: string }[] = [];
  /** What `freeBytes` says. For tests. */
  freeBytesLeft = Number.MAX_SAFE_INTEGER;
  #waiting: { readonly run: () => void; readonly file: MemoryFile; readonly write: UnsyncedWrite | undefined }[] = [];
  #faults: Fault[] = [];
  #crashed = false;

  constructor(options: MemoryStorageOptions = {}) {
    this.#simulate = options.simulate ?? false;
  }

  async open(path: string, mode: OpenMode): Promise<StorageFile> {
    await this.#enter("open");
    const existing = this.#files.get(path);
    if (mode === "create" && existing !== undefined) throw systemError("EEXIST", path);
    if ((mode === "read" || mode === "modify") && existing === undefined) throw systemError("ENOENT", path);
    if (existing === undefined && !this.#directories.has(parentOf(path))) throw systemError("ENOENT", path);
    const file = existing ?? new MemoryFile(this.#simulate);
    this.#files.set(path, file);
    if (mode === "replace") file.truncate(0);
    return new Handle(file, this.#host());
  }

  async list(directory: string): Promise<string[] | undefined> {
    await this.#enter();
    if (!this.#directories.has(directory)) return undefined;
    const names = new Set<string>();
    const prefix = joinPath(directory, "");
    for (const path of [...this.#files.keys(), ...this.#directories])
      if (path !== "" && path.startsWith(prefix)) names.add(path.slice(prefix.length).split("/", 1)[0]!);
    return [...names].sort();
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.#enter("makeDirectory");
    for (let path = directory; path !== ""; path = parentOf(path)) this.#directories.add(path);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#enter("syncDirectory");
    if (!this.#simulate) return;
    const isInside = (path: string): boolean => parentOf(path) === directory;
    for (const path of this.#syncedNames.keys()) if (isInside(path)) this.#syncedNames.delete(path);
    for (const [path, file] of this.#files) if (isInside(path)) this.#syncedNames.set(path, file);
    this.#unsyncedRenames = this.#unsyncedRenames.filter(({ to }) => !isInside(to));
  }

  async removeFile(path: string): Promise<void> {
    await this.#enter("removeFile");
    if (!this.#files.delete(path)) throw systemError("ENOENT", path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#enter("rename");
    const file = this.#files.get(from);
    if (file === undefined) throw systemError("ENOENT", from);
    this.#files.delete(from);
    this.#files.set(to, file);
    if (this.#simulate) this.#unsyncedRenames.push({ from, to });
  }

  async freeBytes(): Promise<number> {
    await this.#enter();
    return this.freeBytesLeft;
  }

  async removeDirectory(directory: string): Promise<void> {
    await this.#enter();
    const isBelow = (path: string): boolean => path === directory || path.startsWith(`${directory}/`);
    for (const names of [this.#files, this.#directories, this.#syncedNames])
      for (const path of names.keys()) if (isBelow(path)) names.delete(path);
  }

  /** Memory that the files take. */
  get bytesKept(): number {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += file.bytesKept;
    return bytes;
  }

  /** The content of a file as a program would read it now. For tests. */
  content(path: string): Buffer | undefined {
    return this.#files.get(path)?.content();
  }

  /** Completes `count` of the writes and syncs under way, oldest first; returns how many there were. For tests. */
  complete(count = Number.POSITIVE_INFINITY): number {
    let completed = 0;
    for (; completed < count; completed++) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      next.run();
    }
    return completed;
  }

  /** The `nth` call of this kind from now on fails, 1 being the next. For tests. */
  failAt(call: FaultyCall, nth: number, error: Error = systemError("EIO", "simulated")): void {
    if (!("syscall" in error)) Object.assign(error, { syscall: syscalls[call] ?? call });
    this.#faults.push({ call, callsLeft: nth, error });
  }

  /** As `failAt`, with the system's `code`: `ENOSPC`, `EMFILE`, … */
  failWith(code: string, call: FaultyCall, nth: number): void {
    this.failAt(call, nth, systemError(code, "simulated"));
  }

  /** Nothing fails any more. For tests. */
  failNoMore(): void {
    this.#faults = [];
  }

  /** Ends the life of everything that uses this storage and returns what is left. `seed` decides what is torn. */
  crash(seed: number, options: CrashOptions = {}): MemoryStorage {
    const random = mulberry32(seed);
    this.#crashed = true;
    for (const { file, write } of this.#waiting.splice(0))
      if (write !== undefined && random() < 0.5) file.apply(cut(write, random));
    const left = new MemoryStorage({ simulate: this.#simulate });
    left.#directories = this.#directories;
    if ((options.of ?? "power") === "process") {
      left.#files = this.#files;
      left.#syncedNames = this.#syncedNames;
    } else this.#cutPower(left, random, options.reorder ?? false);
    return left;
  }

  #cutPower(left: MemoryStorage, random: () => number, reorder: boolean): void {
    const survivors = new Map<MemoryFile, MemoryFile>();
    const renamed = this.#chooseRenames(random);
    for (const path of new Set([...this.#syncedNames.keys(), ...this.#files.keys()])) {
      const kept = (renamed.get(path) ?? random() < 0.5) ? this.#files.get(path) : this.#syncedNames.get(path);
      if (kept === undefined) continue;
      const writes = reorder ? anyOf(kept.unsynced, random) : firstOf(kept.unsynced, random);
      const file = survivors.get(kept) ?? kept.afterPowerCut(writes);
      survivors.set(kept, file);
      left.#files.set(path, file);
      left.#syncedNames.set(path, file);
    }
  }

  /** For each name that a rename touched: whether its present file survives. The same for both names of a rename. */
  #chooseRenames(random: () => number): Map<string, boolean> {
    const chosen = new Map<string, boolean>();
    for (const { from, to } of this.#unsyncedRenames) {
      const survives = chosen.get(from) ?? chosen.get(to) ?? random() < 0.5;
      chosen.set(from, survives);
      chosen.set(to, survives);
    }
    return chosen;
  }

  /** Fails when a test said so; hangs for good after a crash. */
  async #enter(call?: FaultyCall): Promise<void> {
    if (this.#crashed) await new Promise<never>(() => undefined);
    const error = call === undefined ? undefined : this.#fault(call);
    if (error !== undefined) throw error;
  }

  #fault(call: FaultyCall): Error | undefined {
    for (const fault of this.#faults) {
      if (fault.call !== call || --fault.callsLeft > 0) continue;
      this.#faults.splice(this.#faults.indexOf(fault), 1);
      return fault.error;
    }
    return undefined;
  }

  #host(): Host {
    return {
      fault: (call) => this.#fault(call),
      enter: (call) => this.#enter(call),
      crashed: () => this.#crashed,
      run: (run, file, write) => {
        if (this.manual) this.#waiting.push({ run, file, write });
        else run();
      },
    };
  }
}

interface Host {
  fault(call: FaultyCall): Error | undefined;
  enter(call?: FaultyCall): Promise<void>;
  crashed(): boolean;
  /** Runs it now or when the test says so. */
  run(run: () => void, file: MemoryFile, write: UnsyncedWrite | undefined): void;
}

class Handle implements StorageFile {
  readonly #file: MemoryFile;
  readonly #host: Host;

  constructor(file: MemoryFile, host: Host) {
    this.#file = file;
    this.#host = host;
  }

  async size(): Promise<number> {
    await this.#host.enter();
    return this.#file.size;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    await this.#host.enter("read");
    return this.#file.read(target, position);
  }

  write(buffers: readonly Uint8Array[], position: number, listener: WriteListener): void {
    if (this.#host.crashed()) return;
    const error = this.#host.fault("write");
    const halved = this.#host.fault("shortWrite") !== undefined;
    const whole = buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers);
    const bytes = halved ? whole.subarray(0, Math.ceil(whole.length / 2)) : whole;
    const run = (): void => {
      if (error === undefined) this.#file.write(bytes, position);
      listener.onWritten(error, error === undefined ? bytes.length : 0);
    };
    this.#host.run(run, this.#file, { position, bytes });
  }

  sync(listener: SyncListener): void {
    if (this.#host.crashed()) return;
    const error = this.#host.fault("sync");
    const writes = this.#file.writes;
    const run = (): void => {
      if (error === undefined) this.#file.sync(writes);
      listener.onSynced(error);
    };
    this.#host.run(run, this.#file, undefined);
  }

  async truncate(size: number): Promise<void> {
    await this.#host.enter("truncate");
    this.#file.truncate(size);
  }

  async close(): Promise<void> {
    await this.#host.enter();
  }
}

/** The first ones, and a part of the one after them. */
function firstOf(unsynced: readonly UnsyncedWrite[], random: () => number): UnsyncedWrite[] {
  const whole = Math.floor(random() * (unsynced.length + 1));
  return unsynced.slice(0, whole + 1).map((write, at) => (at < whole ? write : cut(write, random)));
}

/** Any of them, each whole, cut, or cut and with a hole of zeros in front. */
function anyOf(unsynced: readonly UnsyncedWrite[], random: () => number): UnsyncedWrite[] {
  const kept = unsynced.filter(() => random() < 0.5);
  return kept.map((write) => (random() < 0.5 ? write : cut(write, random, random() < 0.3)));
}

function cut(write: UnsyncedWrite, random: () => number, hole = false): UnsyncedWrite {
  if (write.bytes === undefined) return write;
  const bytes = Buffer.from(write.bytes.subarray(0, Math.floor(random() * (write.bytes.length + 1))));
  if (hole) bytes.fill(0, 0, Math.floor(random() * bytes.length));
  return { position: write.position, bytes };
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** A small generator with good enough bits for choosing what to tear; the same seed gives the same crash. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
