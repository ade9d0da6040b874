/**
 * The files of one topic: their names, when one ends and the next begins, and that what was synced is on the disk.
 *
 *     work dir  orders.host-000000.2026-11-21_09.log.gz   being written
 *     output dir  the same name                           once closed; a hard link, so nothing is ever overwritten
 *
 * What is written is collected and goes out with `sync`; with gzip every sync is a gzip member of its own. A crash loses
 * nothing that was synced: the file before it is a valid one.
 */

import { type FileHandle, link, mkdir, open, stat, unlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Clock } from "@polylog/base/clock";
import type { FileLog } from "./file-log.ts";
import { strftime } from "./strftime.ts";

export interface RotatingFileOptions {
  /** Tokens filled in but `<DATETIME>` and `<REV>`. */
  readonly nameFormat: string;
  readonly datetimeFormat: string;
  readonly outputDir: string;
  readonly workDir: string;
  readonly gzip: boolean;
  readonly gzipLevel: number;
  /** Bytes before compression; 0 for no limit. */
  readonly rotateSize: number;
  /** 0 for no limit. */
  readonly rotateIntervalMs: number;
}

const compress = promisify(gzip);

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #clock: Clock;
  readonly #log: FileLog;
  #file: FileHandle | undefined;
  #path = "";
  /** With `<REV>` in it. */
  #name = "";
  #rev = 0;
  #openedMs = 0;
  #size = 0;
  #isEmpty = true;
  #collected: Buffer[] = [];

  constructor(options: RotatingFileOptions, clock: Clock, log: FileLog) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  /** True also when no file is open. */
  needsRotation(): boolean {
    if (this.#file === undefined) return true;
    const { rotateIntervalMs, rotateSize } = this.#options;
    const name = this.#currentName();
    if (name !== this.#name) {
      this.#log.info(`new filename ${name}, rotating...`);
      return true;
    }
    const openMs = this.#clock.monotonicMs() - this.#openedMs;
    if (rotateIntervalMs > 0 && openMs > rotateIntervalMs) {
      this.#log.info(`${openMs} ms since last open, rotating...`);
      return true;
    }
    return this.#isTooBig(rotateSize);
  }

  /** Closes the file, if there is one, and opens the next. Rejects when that is not possible. */
  async rotate(): Promise<void> {
    await this.close();
    const name = this.#currentName();
    this.#rev = name === this.#name ? this.#rev + 1 : 0;
    this.#name = name;
    this.#openedMs = this.#clock.monotonicMs();
    while (!(await this.#openRevision())) this.#rev++;
  }

  /** Takes a line; it is on the disk after the next `sync`. A file must be open. */
  write(line: Buffer): void {
    this.#collected.push(line);
    this.#size += line.length;
  }

  async sync(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    await this.#writeCollected(file);
    await file.sync();
  }

  async close(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    await this.#writeCollected(file);
    // An empty file is no gzip file.
    if (this.#options.gzip && this.#isEmpty) await writeAll(file, await this.#compressed(Buffer.alloc(0)));
    await file.sync();
    await file.close();
    this.#file = undefined;
    if (this.#options.workDir !== this.#options.outputDir) await this.#moveToOutput();
  }

  #currentName(): string {
    const datetime = strftime(this.#options.datetimeFormat, new Date(this.#clock.nowMs()));
    return this.#options.nameFormat.replaceAll("<DATETIME>", datetime);
  }

  #isTooBig(rotateSize: number): boolean {
    if (rotateSize <= 0 || this.#size <= rotateSize) return false;
    this.#log.info(`${this.#path} currently ${this.#size} bytes (> ${rotateSize}), rotating...`);
    return true;
  }

  /** False when the revision is taken, or its file too big already. */
  async #openRevision(): Promise<boolean> {
    const { workDir, outputDir, gzip: zipped, rotateIntervalMs, rotateSize } = this.#options;
    const name = withRevision(this.#name, this.#rev);
    const path = join(workDir, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o770 });
    if (workDir !== outputDir) {
      const target = join(outputDir, name);
      await mkdir(dirname(target), { recursive: true, mode: 0o770 });
      if (await exists(target)) {
        this.#log.warn(`output file already exists: ${target}`);
        return false;
      }
    }
    const file = await this.#open(path, zipped || rotateIntervalMs > 0);
    if (file === undefined) return false;
    this.#log.info(`opening ${path}`);
    this.#path = path;
    const { size } = await file.stat();
    this.#size = size;
    this.#isEmpty = size === 0;
    if (this.#isTooBig(rotateSize)) {
      await file.close();
      return false;
    }
    this.#file = file;
    return true;
  }

  async #open(path: string, exclusive: boolean): Promise<FileHandle | undefined> {
    try {
      return await open(path, exclusive ? "wx" : "a", 0o666);
    } catch (error) {
      if (!exclusive || !isExisting(error)) throw error;
      this.#log.warn(`working file already exists: ${path}`);
      return undefined;
    }
  }

  async #writeCollected(file: FileHandle): Promise<void> {
    if (this.#collected.length === 0) return;
    const plain = Buffer.concat(this.#collected);
    this.#collected = [];
    await writeAll(file, this.#options.gzip ? await this.#compressed(plain) : plain);
    this.#isEmpty = false;
  }

  #compressed(plain: Buffer): Promise<Buffer> {
    return compress(plain, { level: this.#options.gzipLevel });
  }

  async #moveToOutput(): Promise<void> {
    const { workDir, outputDir } = this.#options;
    const source = this.#path;
    let target = join(outputDir, relative(workDir, source));
    this.#log.info(`moving finished file ${source} to ${target}`);
    for (let rev = this.#rev + 1; !(await moveExclusively(source, target)); rev++) {
      this.#log.warn(`destination file already exists: ${target}`);
      target = join(outputDir, withRevision(this.#name, rev));
    }
  }
}

function withRevision(name: string, rev: number): string {
  return name.replaceAll("<REV>", `-${String(rev).padStart(6, "0")}`);
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** False when there is a file of that name already. */
async function moveExclusively(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
  } catch (error) {
    if (isExisting(error)) return false;
    throw error;
  }
  await unlink(source);
  return true;
}

function isExisting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EEXIST";
}
