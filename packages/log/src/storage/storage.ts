/**
 * What the log needs of a file system, so small that a test can own it. `contract.ts` is the suite for implementations.
 *
 * Durability follows POSIX at its worst: a write survives the machine only once `sync` of its file completed after it;
 * a created, renamed or removed name only once `syncDirectory` of its directory completed after it.
 */

export interface WriteListener {
  /** `bytesWritten` may be less than given, and then the rest was not tried. It is 0 when there is an error. */
  onWritten(error: Error | undefined, bytesWritten: number): void;
}

export interface SyncListener {
  onSynced(error: Error | undefined): void;
}

export interface StorageFile {
  size(): Promise<number>;
  /** Fills `target` from `position` on; resolves with the bytes read, fewer only at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  /**
   * Writes `buffers` one after another from `position` on; they must not change until the listener was called. The storage
   * decides whether to write before returning (then the listener is called before it returns) or later.
   */
  write(buffers: readonly Uint8Array[], position: number, listener: WriteListener): void;
  /** Makes what was written before the call survive the machine (`fdatasync`). Always calls the listener once. */
  sync(listener: SyncListener): void;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** `create`: must not exist. `replace`: empty, whether it existed or not. `modify`, `read`: must exist. */
export type OpenMode = "create" | "replace" | "modify" | "read";

export interface Storage {
  /** Rejects with the system's error, whose `code` is `ENOENT`, `EEXIST`, … */
  open(path: string, mode: OpenMode): Promise<StorageFile>;
  /** Names in the directory, sorted; undefined when it does not exist. */
  list(directory: string): Promise<string[] | undefined>;
  /** Creates the directory and those above it. It survives the machine when this resolves, also when it existed. */
  makeDirectory(directory: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Gives a file another name in the same directory, replacing the file that has it; a crash leaves the one or the other. */
  rename(from: string, to: string): Promise<void>;
  /** Bytes that can still be written, as far as the system says. */
  freeBytes(): Promise<number>;
  /** Removes the directory and what is in it; gone for good when this resolves. Does nothing when it does not exist. */
  removeDirectory(directory: string): Promise<void>;
}

/** Paths are relative to where the storage begins; "" is that place itself. */
export function joinPath(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** Removes a file that another may have removed. */
export async function removeIfThere(storage: Storage, path: string): Promise<void> {
  try {
    await storage.removeFile(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
