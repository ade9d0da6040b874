/** A storage on which life ends at a call of the test's choice: that call is not made, and it and all later ones hang. */

import type { OpenMode, Storage, StorageFile, SyncListener, WriteListener } from "../storage/storage.ts";

export class StoppingStorage implements Storage {
  readonly #storage: Storage;
  #callsLeft = Number.POSITIVE_INFINITY;
  #onStopped: () => void = () => undefined;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Resolves when the `nth` call from now on, 1 being the next, is reached. */
  stopAt(nth: number): Promise<void> {
    this.#callsLeft = nth;
    return new Promise((resolve) => {
      this.#onStopped = resolve;
    });
  }

  /** False when the call is not to be made. */
  #goesOn(): boolean {
    if (--this.#callsLeft > 0) return true;
    this.#onStopped();
    return false;
  }

  #call<Result>(run: () => Promise<Result>): Promise<Result> {
    return this.#goesOn() ? run() : new Promise<never>(() => undefined);
  }

  async open(path: string, mode: OpenMode): Promise<StorageFile> {
    const file = await this.#call(() => this.#storage.open(path, mode));
    return {
      size: () => this.#call(() => file.size()),
      read: (target, position) => this.#call(() => file.read(target, position)),
      write: (buffers, position, listener: WriteListener) => {
        if (this.#goesOn()) file.write(buffers, position, listener);
      },
      sync: (listener: SyncListener) => {
        if (this.#goesOn()) file.sync(listener);
      },
      truncate: (size) => this.#call(() => file.truncate(size)),
      close: () => this.#call(() => file.close()),
    };
  }

  list(directory: string): Promise<string[] | undefined> {
    return this.#call(() => this.#storage.list(directory));
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#call(() => this.#storage.makeDirectory(directory));
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#call(() => this.#storage.syncDirectory(directory));
  }

  removeFile(path: string): Promise<void> {
    return this.#call(() => this.#storage.removeFile(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(() => this.#storage.rename(from, to));
  }

  freeBytes(): Promise<number> {
    return this.#call(() => this.#storage.freeBytes());
  }

  removeDirectory(directory: string): Promise<void> {
    return this.#call(() => this.#storage.removeDirectory(directory));
  }
}
