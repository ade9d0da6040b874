/**
 * The content of one file in memory: pages, so that it grows without being copied, and, when crashes are simulated,
 * what would be left of it. Until then a write costs one copy.
 */

const pageSize = 64 * 1024;

/** A write that was not synced: `bytes` at `position`; without `bytes` a truncation to `position`. */
export interface UnsyncedWrite {
  readonly position: number;
  readonly bytes: Uint8Array | undefined;
}

export class MemoryFile {
  readonly #pages: Buffer[] = [];
  size = 0;
  /** What a power cut leaves for sure; undefined when crashes are not simulated. */
  #synced: MemoryFile | undefined;
  unsynced: UnsyncedWrite[] = [];
  /** Writes and truncations so far; counted only when crashes are simulated. */
  writes = 0;

  constructor(simulateCrashes: boolean) {
    if (simulateCrashes) this.#synced = new MemoryFile(false);
  }

  write(bytes: Uint8Array, position: number): void {
    this.#remember({ position, bytes });
    let done = 0;
    while (done < bytes.length) {
      const at = position + done;
      const inPage = at % pageSize;
      const size = Math.min(pageSize - inPage, bytes.length - done);
      this.#page(Math.floor(at / pageSize), inPage + size).set(bytes.subarray(done, done + size), inPage);
      done += size;
    }
    this.size = Math.max(this.size, position + bytes.length);
  }

  /** Page `index` with room for its first `sizeMin` bytes. A file starts with a small page and grows into whole ones. */
  #page(index: number, sizeMin: number): Buffer {
    while (this.#pages.length < index) this.#grown(this.#pages.length, pageSize);
    return this.#grown(index, sizeMin);
  }

  #grown(index: number, sizeMin: number): Buffer {
    const page = this.#pages[index];
    if (page !== undefined && page.length >= sizeMin) return page;
    const grown = Buffer.alloc(Math.min(pageSize, Math.max(sizeMin, index > 0 ? pageSize : (page?.length ?? 512) * 2)));
    page?.copy(grown);
    this.#pages[index] = grown;
    return grown;
  }

  read(target: Uint8Array, position: number): number {
    const size = Math.max(0, Math.min(target.length, this.size - position));
    let done = 0;
    while (done < size) {
      const at = position + done;
      const inPage = at % pageSize;
      const part = Math.min(pageSize - inPage, size - done);
      const page = this.#pages[Math.floor(at / pageSize)];
      const there = page === undefined ? 0 : Math.max(0, Math.min(part, page.length - inPage));
      if (there > 0) target.set(page!.subarray(inPage, inPage + there), done);
      target.fill(0, done + there, done + part);
      done += part;
    }
    return size;
  }

  truncate(size: number): void {
    this.#remember({ position: size, bytes: undefined });
    if (size < this.size) {
      const pages = Math.ceil(size / pageSize);
      this.#pages.length = Math.min(this.#pages.length, pages);
      this.#pages[pages - 1]?.fill(0, size - (pages - 1) * pageSize);
    }
    this.size = size;
  }

  #remember(write: UnsyncedWrite): void {
    if (this.#synced === undefined) return;
    this.writes++;
    this.unsynced.push({ position: write.position, bytes: write.bytes && Buffer.from(write.bytes) });
  }

  /** Makes the first `writes` ever made survive; does nothing when crashes are not simulated. */
  sync(writes: number): void {
    const count = this.unsynced.length - (this.writes - writes);
    for (const write of this.unsynced.splice(0, Math.max(0, count))) this.#synced!.apply(write);
  }

  apply(write: UnsyncedWrite): void {
    if (write.bytes === undefined) this.truncate(write.position);
    else this.write(write.bytes, write.position);
  }

  /** What a power cut leaves when exactly `survivors` of the unsynced writes reached the medium, as a new file. */
  afterPowerCut(survivors: readonly UnsyncedWrite[]): MemoryFile {
    const left = new MemoryFile(true);
    left.apply({ position: 0, bytes: this.#synced!.content() });
    for (const write of survivors) left.apply(write);
    left.sync(left.writes);
    return left;
  }

  /** Memory of its pages. */
  get bytesKept(): number {
    return this.#pages.reduce((sum, page) => sum + page.length, 0);
  }

  content(): Buffer {
    const bytes = Buffer.alloc(this.size);
    this.read(bytes, 0);
    return bytes;
  }
}
