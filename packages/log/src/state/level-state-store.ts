/**
 * The state store on LevelDB, in a directory of its own.
 *
 * LevelDB applies atomic batches but runs them in a thread pool, where two batches may overtake one another. So there is one
 * batch at a time: what is called meanwhile waits in line and goes into the next batch together, in order. That is
 * also what makes one `fdatasync` serve all who wait, and what makes `compareAndSet` atomic: it is decided while its
 * batch is put together, against that batch and then the store.
 *
 *     write, compareAndSet ──▶ waiting ──▶ batch (up to 4 MiB) ──▶ LevelDB ──▶ all of the batch resolve
 *
 * After a failed write nobody knows what reached the disk, and LevelDB would write on behind a torn record: the store
 * refuses all further writes with `log.STATE_WRITE_FAILED` until it is closed and opened again.
 *
 * For want of room or descriptors, which passes, it does that itself, once room was made: opened again, LevelDB drops the torn
 * record, and the same batch is written once more, which changes nothing if it was there already. If that fails, too, those
 * of the batch hear `log.STATE_FULL`, and the next batch tries again.
 */

import { PolylogError } from "@polylog/base/errors";
import { ClassicLevel } from "classic-level";
import { logErrors } from "../errors.ts";
import { checkLevelFiles } from "./level-files.ts";
import { stateBatchSizeMax, stateWaitingSizeMax } from "./limits.ts";
import {
  checkKey,
  checkOperations,
  type StateOperation,
  type StateStore,
  type StateWriteOptions,
} from "./state-store.ts";
import { decodeStateValue, encodeStateValue } from "./state-value.ts";

/** An operation as LevelDB takes it. */
type LevelOperation = { type: "put"; key: string; value: Buffer } | { type: "del"; key: string };

/** What LevelDB says of the system's errors that pass. It has no codes for them. */
const noRoomPattern = /No space left on device|Disk quota exceeded/;
const noDescriptorPattern = /Too many open files/;

/**
 * `batch` copies each operation with `...`, to allow for encodings and hooks that there are none of here. V8 makes dictionaries
 * of such copies and keeps them until it collects the whole heap: 3.7 KB per session that comes (`npm run bench -- mqtt
 * --rows=offline`). So the operations go where `batch` would hand its copies.
 */
class LevelDatabase extends ClassicLevel<string, Buffer> {
  declare protected readonly _batch: (operations: LevelOperation[], options: { sync: boolean }) => Promise<void>;

  writeBatch(operations: LevelOperation[], sync: boolean): Promise<void> {
    return this.status === "open" ? this._batch(operations, { sync }) : this.batch(operations, { sync });
  }
}

export interface LevelStateStoreOptions {
  /** Called after a write that failed for want of room; resolves when as much as possible was made. */
  readonly makeRoom?: (cause: unknown) => Promise<void>;
}

/** A write in line. Its values are copies. */
interface Waiting {
  readonly operations: readonly LevelOperation[];
  /** For `compareAndSet`: what the key of the only operation must hold. */
  readonly condition: { readonly expected: Buffer | undefined } | undefined;
  readonly sync: boolean;
  readonly size: number;
  readonly resolve: (applied: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export class LevelStateStore implements StateStore {
  readonly #directory: string;
  readonly #makeRoom: (cause: unknown) => Promise<void>;
  /** Made when the store opens, because it opens by itself once made; undefined while the store is closed, or could not be
   * opened again for want of room. */
  #level: LevelDatabase | undefined;
  #status: "closed" | "open" = "closed";
  /** Why a write failed since LevelDB was opened. */
  #failure: unknown;
  /** Settles when LevelDB is open again, or cannot be; undefined when that is not under way. */
  #reopening: Promise<void> | undefined;
  #waiting: Waiting[] = [];
  #waitingSize = 0;
  /** Settles when nothing is left in line; undefined when nothing is. */
  #draining: Promise<void> | undefined;
  /** Opening and closing, one after the other. */
  #transition: Promise<void> = Promise.resolve();

  /** `directory`: created when missing; one process at a time, which LevelDB holds with a lock of the kernel. */
  constructor(directory: string, options: LevelStateStoreOptions = {}) {
    this.#directory = directory;
    this.#makeRoom = options.makeRoom ?? (async () => undefined);
  }

  /** Rejects with `log.STATE_LOCKED`, `STATE_DAMAGED` or `STATE_OPEN_FAILED`; nothing is held or changed then. */
  open(): Promise<void> {
    this.#transition = this.#transition.catch(() => undefined).then(() => this.#openNow());
    return this.#transition;
  }

  close(): Promise<void> {
    this.#transition = this.#transition.catch(() => undefined).then(() => this.#closeNow());
    return this.#transition;
  }

  /** Rejects with `log.STATE_DAMAGED` when the value fails its checksum. */
  async get(key: string): Promise<Buffer | undefined> {
    this.#requireOpen();
    checkKey(key);
    return this.#read(key);
  }

  async write(operations: readonly StateOperation[], options?: StateWriteOptions): Promise<void> {
    await this.#submit(operations, undefined, options?.sync === true);
  }

  compareAndSet(key: string, expected: Uint8Array | undefined, value: Uint8Array): Promise<boolean> {
    const condition = { expected: expected && Buffer.from(expected) };
    return this.#submit([{ type: "put", key, value }], condition, false);
  }

  /** LevelDB reads ahead of the consumer, by up to 16 KiB or one value. */
  async *entries(prefix: string): AsyncGenerator<readonly [string, Buffer]> {
    this.#requireOpen();
    const level = await this.#ready();
    try {
      for await (const [key, encoded] of level.iterator({ gte: prefix })) {
        if (!key.startsWith(prefix)) return;
        yield [key, this.#decode(key, encoded)];
      }
    } catch (error) {
      throw this.#readError(error);
    }
  }

  async #openNow(): Promise<void> {
    if (this.#status === "open") return;
    await this.#openLevel().catch(async (error: unknown) => {
      if (!hasNoRoom(error)) throw error;
      await this.#makeRoom(error);
      await this.#openLevel();
    });
    this.#status = "open";
  }

  async #openLevel(): Promise<void> {
    try {
      const damage = await checkLevelFiles(this.#directory);
      if (damage !== undefined) throw logErrors.STATE_DAMAGED({ name: this.#directory, reason: damage });
      this.#level = new LevelDatabase(this.#directory, { keyEncoding: "utf8", valueEncoding: "buffer" });
      await this.#level.open();
    } catch (error) {
      await this.#closeLevel(); // A failed open keeps LevelDB's lock.
      throw this.#openError(error);
    }
    this.#failure = undefined;
  }

  async #closeNow(): Promise<void> {
    if (this.#status === "closed") return;
    this.#status = "closed";
    await this.#draining;
    await this.#closeLevel();
  }

  async #closeLevel(): Promise<void> {
    const level = this.#level;
    this.#level = undefined;
    await level?.close();
  }

  async #submit(
    operations: readonly StateOperation[],
    condition: Waiting["condition"],
    sync: boolean,
  ): Promise<boolean> {
    this.#requireOpen();
    if (this.#failure !== undefined && !isShortage(this.#failure)) throw this.#writeError(this.#failure);
    const size = checkOperations(operations);
    if (this.#waitingSize > 0 && this.#waitingSize + size > stateWaitingSizeMax) {
      throw logErrors.STATE_BUSY({ size: this.#waitingSize, sizeMax: stateWaitingSizeMax });
    }
    const encoded = operations.map(toLevelOperation);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operations: encoded, condition, sync, size, resolve, reject });
      this.#waitingSize += size;
      this.#draining ??= this.#drain();
    });
  }

  /** Never rejects. */
  async #drain(): Promise<void> {
    await undefined; // What is called in the same turn shares the first batch.
    while (this.#waiting.length > 0) await this.#writeBatch();
    this.#draining = undefined;
  }

  async #writeBatch(): Promise<void> {
    const batch = new Map<string, LevelOperation>();
    const answers: { readonly waiting: Waiting; readonly applied: boolean }[] = [];
    let size = 0;
    let taken = 0;
    let sync = false;
    while (taken < this.#waiting.length && size < stateBatchSizeMax) {
      const waiting = this.#waiting[taken++]!;
      size += waiting.size;
      try {
        const applied = await this.#holds(waiting, batch);
        if (applied) for (const operation of waiting.operations) batch.set(operation.key, operation);
        sync ||= waiting.sync;
        answers.push({ waiting, applied });
      } catch (error) {
        waiting.reject(error);
      }
    }
    this.#waiting.splice(0, taken);
    try {
      await this.#apply([...batch.values()], sync);
      for (const { waiting, applied } of answers) waiting.resolve(applied);
    } catch (error) {
      this.#failure = error;
      for (const { waiting } of answers) waiting.reject(this.#writeError(error));
    }
    this.#waitingSize -= size;
  }

  async #apply(operations: LevelOperation[], sync: boolean): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await this.#level!.writeBatch(operations, sync);
    } catch (error) {
      if (!isShortage(error)) throw error;
      this.#failure = error;
      this.#reopening = this.#reopen(error).finally(() => {
        this.#reopening = undefined;
      });
      await this.#reopening;
      await this.#level!.writeBatch(operations, sync);
    }
  }

  async #reopen(cause: unknown): Promise<void> {
    if (hasNoRoom(cause)) await this.#makeRoom(cause);
    await this.#closeLevel();
    await this.#openLevel();
  }

  /** LevelDB, once it is open again if it is being opened. Rejects with STATE_FULL when it could not be. */
  async #ready(): Promise<LevelDatabase> {
    await this.#reopening?.catch(() => undefined);
    if (this.#level !== undefined) return this.#level;
    throw this.#failure === undefined
      ? logErrors.STATE_CLOSED({ name: this.#directory })
      : this.#writeError(this.#failure);
  }

  /** Whether the condition, if any, is true of the store as it will be after `batch`. */
  async #holds({ operations, condition }: Waiting, batch: ReadonlyMap<string, LevelOperation>): Promise<boolean> {
    if (condition === undefined) return true;
    const key = operations[0]!.key;
    const pending = batch.get(key);
    const current = pending === undefined ? await this.#read(key) : this.#pendingValue(pending);
    if (condition.expected === undefined) return current === undefined;
    return current?.equals(condition.expected) ?? false;
  }

  #pendingValue(operation: LevelOperation): Buffer | undefined {
    return operation.type === "put" ? this.#decode(operation.key, operation.value) : undefined;
  }

  async #read(key: string): Promise<Buffer | undefined> {
    try {
      const encoded = await (await this.#ready()).get(key);
      return encoded && this.#decode(key, encoded);
    } catch (error) {
      throw this.#readError(error);
    }
  }

  #decode(key: string, encoded: Buffer): Buffer {
    const value = decodeStateValue(key, encoded);
    if (value !== undefined) return value;
    const reason = `the value of "${key.slice(0, 100)}" fails its checksum`;
    throw logErrors.STATE_DAMAGED({ name: this.#directory, reason });
  }

  #requireOpen(): void {
    if (this.#status === "closed") throw logErrors.STATE_CLOSED({ name: this.#directory });
  }

  #writeError(error: unknown): Error {
    const details = { name: this.#directory, reason: reasonOf(error) };
    const failure = isShortage(error) ? logErrors.STATE_FULL : logErrors.STATE_WRITE_FAILED;
    return failure(details, error);
  }

  #readError(error: unknown): unknown {
    const details = { name: this.#directory, reason: reasonOf(error) };
    const code = levelCodeOf(error);
    if (code === "LEVEL_CORRUPTION") return logErrors.STATE_DAMAGED(details, error);
    if (code === "LEVEL_DATABASE_NOT_OPEN" || code === "LEVEL_ITERATOR_NOT_OPEN")
      return logErrors.STATE_CLOSED(details);
    return code === undefined ? error : logErrors.STATE_READ_FAILED(details, error);
  }

  #openError(error: unknown): unknown {
    const details = { name: this.#directory, reason: reasonOf(error) };
    const code = levelCodeOf(error);
    if (code === "LEVEL_LOCKED") return logErrors.STATE_LOCKED(details, error);
    if (code === "LEVEL_CORRUPTION") return logErrors.STATE_DAMAGED(details, error);
    return code === undefined ? error : logErrors.STATE_OPEN_FAILED(details, error);
  }
}

function toLevelOperation(operation: StateOperation): LevelOperation {
  const { type, key } = operation;
  return type === "put" ? { type, key, value: encodeStateValue(key, operation.value) } : { type: "del", key };
}

/** The code of LevelDB's or the file system's error; undefined for errors of our own table, which have their own. */
function levelCodeOf(error: unknown): string | undefined {
  const innermost = innermostOf(error);
  if (innermost instanceof PolylogError) return undefined;
  return "code" in innermost ? String(innermost.code) : "";
}

/** abstract-level wraps what went wrong in "Database failed to open". */
function innermostOf(error: unknown): Error {
  let innermost = error instanceof Error ? error : new Error(String(error));
  while (innermost.cause instanceof Error) innermost = innermost.cause;
  return innermost;
}

function isShortage(error: unknown): boolean {
  return hasNoRoom(error) || noDescriptorPattern.test(reasonOf(error));
}

function hasNoRoom(error: unknown): boolean {
  return noRoomPattern.test(reasonOf(error));
}

function reasonOf(error: unknown): string {
  return innermostOf(error).message;
}
