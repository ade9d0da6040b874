/** Writes until everything is written: `writev` may take less than it was given and say so without an error. */

import type { StorageFile, WriteListener } from "./storage.ts";

export interface FullWriteListener {
  onAllWritten(error: Error | undefined): void;
}

/** One at a time; reusable after the listener was called. */
export class FullWrite implements WriteListener {
  readonly #listener: FullWriteListener;
  #file: StorageFile | undefined;
  #buffers: readonly Uint8Array[] = [];
  #position = 0;
  #left = 0;

  constructor(listener: FullWriteListener) {
    this.#listener = listener;
  }

  start(file: StorageFile, buffers: readonly Uint8Array[], position: number): void {
    this.#file = file;
    this.#buffers = buffers;
    this.#position = position;
    this.#left = 0;
    for (let i = 0; i < buffers.length; i++) this.#left += buffers[i]!.length;
    file.write(buffers, position, this);
  }

  onWritten(error: Error | undefined, bytesWritten: number): void {
    this.#left -= bytesWritten;
    if (error !== undefined || this.#left <= 0) this.#finish(error);
    else if (bytesWritten === 0) this.#finish(new Error("the file takes no more bytes"));
    else {
      this.#position += bytesWritten;
      this.#buffers = afterFirst(this.#buffers, bytesWritten);
      this.#file!.write(this.#buffers, this.#position, this);
    }
  }

  #finish(error: Error | undefined): void {
    this.#buffers = [];
    this.#file = undefined;
    this.#listener.onAllWritten(error);
  }
}

/** `buffers` without their first `size` bytes. */
function afterFirst(buffers: readonly Uint8Array[], size: number): Uint8Array[] {
  let skip = size;
  let at = 0;
  while (skip >= buffers[at]!.length) skip -= buffers[at++]!.length;
  return [buffers[at]!.subarray(skip), ...buffers.slice(at + 1)];
}

/** For what is written once in a while. */
export function writeAll(file: StorageFile, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAllWritten = (error: Error | undefined): void => (error === undefined ? resolve() : reject(error));
    new FullWrite({ onAllWritten }).start(file, [bytes], position);
  });
}

export function syncFile(file: StorageFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync({ onSynced: (error) => (error === undefined ? resolve() : reject(error)) });
  });
}
