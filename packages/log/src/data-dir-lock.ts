/**
 * One process per data directory: the file LOCK names the process that holds it.
 *
 *     LOCK             the holder, or one that ended without releasing
 *     LOCK.<token>     who succeeds the holder of that token; exists only during a takeover
 *     LOCK.new.<token> a record before it is linked to one of these names; a crash may leave it, and nobody reads it then
 *
 * A record is one line of JSON, `{"pid", "bootId", "startTime", "token"}`, synced before it is linked, so that nobody
 * reads half of one. `token` is random and new for every attempt.
 *
 * Free: a starter links its record to LOCK; `link` fails when the name exists, so one of many wins.
 *
 * Stale (no process with that pid, or one that started at another time, or another boot): moving LOCK aside would be
 * wrong, because between reading a stale LOCK and renaming it another starter may have taken over, and the rename would
 * take its good lock away. So a starter first links its record to LOCK.<token of the stale holder>. One of many wins;
 * if that one ends in the middle, its own token has a successor in turn, and so the records form a chain:
 *
 *     LOCK (stale a) ──▶ LOCK.a (stale b) ──▶ LOCK.b (c)        the living end of the chain holds the directory
 *
 * The new end reads the chain once more. If it still leads to its record, nobody else can hold the directory: each link
 * has one successor, and only the living end replaces LOCK, by renaming its record over it, before it removes the links.
 * If it does not lead there any more, another starter has replaced LOCK meanwhile; the record is withdrawn and the
 * starter begins again. It can never come to lead there later, because tokens do not return.
 *
 * Not seen from here: a process in another container or on another machine that shares the directory looks ended. Where
 * the kernel can tell, the state store refuses it (`log.STATE_LOCKED`), so open that before any log.
 */

import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { PolylogError } from "@polylog/base/errors";
import { logErrors } from "./errors.ts";

export interface DataDirLock {
  readonly directory: string;
  /** Gives the directory free. Every call returns the same promise. */
  release(): Promise<void>;
}

/** What the lock asks of the machine; tests bring their own. Files are named within the directory. */
export interface LockHost {
  readonly pid: number;
  /** Changes whenever the machine starts; "" where that cannot be known. */
  readonly bootId: string;
  /** When a process started, in any unit; "" where that cannot be known; undefined when there is no such process. */
  startTimeOf(pid: number): Promise<string | undefined>;
  /** Undefined when there is no such file. */
  read(name: string): Promise<string | undefined>;
  /** Makes a new file; its content is synced. */
  create(name: string, content: string): Promise<void>;
  /** False when `to` exists. */
  link(from: string, to: string): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  /** Does nothing when there is no such file. */
  remove(name: string): Promise<void>;
}

interface LockRecord {
  readonly pid: number;
  readonly bootId: string;
  readonly startTime: string;
  readonly token: string;
}

/** Others can change the files between two steps of ours only by ending or starting; so many times in a row is absurd. */
const attemptsMax = 100;

/** Tokens that this process has put into locks: a record of its pid without one of these is of a process before it. */
const ownTokens = new Set<string>();

/**
 * Makes the directory if needed and takes it for this process, once. Rejects with `log.DATA_DIR_LOCKED` when a living
 * process holds it (this one included) or is just trying to, and `log.DATA_DIR_UNUSABLE` when it cannot be written.
 */
export async function acquireDataDirLock(directory: string): Promise<DataDirLock> {
  return usable(directory, async () => {
    await mkdir(directory, { recursive: true });
    const release = await acquireLock(await systemHost(directory), directory);
    let releasing: Promise<void> | undefined;
    return {
      directory,
      release: () => {
        releasing ??= usable(directory, release);
        return releasing;
      },
    };
  });
}

/** The process that holds the directory; undefined: none. Changes nothing. Rejects with `log.DATA_DIR_UNUSABLE`. */
export async function findDataDirHolder(directory: string): Promise<number | undefined> {
  return usable(directory, async () => {
    const host = await systemHost(directory);
    let record = await readRecord(host, directory, "LOCK");
    for (let i = 0; i <= attemptsMax && record !== undefined; i++) {
      if (!(await isStale(host, record))) return record.pid;
      record = await readRecord(host, directory, successorOf(record));
    }
    return undefined;
  });
}

/** The lock itself, over any host. Returns what releases it. `directory` is for errors only. */
export async function acquireLock(host: LockHost, directory: string): Promise<() => Promise<void>> {
  const startTime = (await host.startTimeOf(host.pid)) ?? "";
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const token = randomBytes(8).toString("hex");
    const record = { pid: host.pid, bootId: host.bootId, startTime, token };
    const ownName = `LOCK.new.${token}`;
    await host.create(ownName, `${JSON.stringify(record)}\n`);
    ownTokens.add(token);
    let held = false;
    try {
      held = await tryAcquire(host, directory, ownName, token);
    } finally {
      await host.remove(ownName);
      if (!held) ownTokens.delete(token);
    }
    if (held) return () => release(host, token);
  }
  throw logErrors.DATA_DIR_UNUSABLE({ directory, reason: "its LOCK kept changing" });
}

/** False: the files changed under this attempt; make another. Throws `log.DATA_DIR_LOCKED`. */
async function tryAcquire(host: LockHost, directory: string, ownName: string, token: string): Promise<boolean> {
  const chain: string[] = []; // Names of stale records, from LOCK on.
  let name = "LOCK";
  while (!(await host.link(ownName, name))) {
    const record = await readRecord(host, directory, name);
    if (record === undefined) return false;
    if (!(await isStale(host, record))) throw logErrors.DATA_DIR_LOCKED({ directory, pid: record.pid });
    chain.push(name);
    name = successorOf(record);
    if (chain.length > attemptsMax) return false;
  }
  if (chain.length === 0) return true;
  let held = false;
  try {
    if (await leadsTo(host, directory, token)) {
      await host.rename(ownName, "LOCK");
      held = true;
    }
  } finally {
    if (!held) await host.remove(name);
  }
  if (held) for (const stale of [...chain.slice(1), name]) await host.remove(stale);
  return held;
}

async function leadsTo(host: LockHost, directory: string, token: string): Promise<boolean> {
  let record = await readRecord(host, directory, "LOCK");
  for (let i = 0; i <= attemptsMax && record !== undefined; i++) {
    if (record.token === token) return true;
    record = await readRecord(host, directory, successorOf(record));
  }
  return false;
}

async function release(host: LockHost, token: string): Promise<void> {
  const content = await host.read("LOCK"); // Somebody may have removed it by hand, and another taken its place.
  if (content?.includes(token)) await host.remove("LOCK");
  ownTokens.delete(token);
}

function successorOf(record: LockRecord): string {
  return `LOCK.${record.token}`;
}

/** Undefined when the file is gone. A file that is no record is not ours to judge. */
async function readRecord(host: LockHost, directory: string, name: string): Promise<LockRecord | undefined> {
  const content = await host.read(name);
  if (content === undefined) return undefined;
  const record = parseRecord(content);
  if (record === undefined) {
    const reason = `its file ${name} does not name a process; remove it if no server uses the directory`;
    throw logErrors.DATA_DIR_UNUSABLE({ directory, reason });
  }
  return record;
}

function parseRecord(content: string): LockRecord | undefined {
  try {
    const { pid, bootId, startTime, token } = JSON.parse(content) as Partial<LockRecord>;
    if (!Number.isSafeInteger(pid) || Number(pid) < 1 || !/^[0-9a-f]{16}$/.test(String(token))) return undefined;
    return { pid: Number(pid), bootId: String(bootId), startTime: String(startTime), token: String(token) };
  } catch {
    return undefined;
  }
}

async function isStale(host: LockHost, record: LockRecord): Promise<boolean> {
  if (record.bootId !== host.bootId && record.bootId !== "" && host.bootId !== "") return true;
  const startTime = await host.startTimeOf(record.pid);
  if (startTime === undefined) return true;
  if (startTime !== "" && record.startTime !== "") return startTime !== record.startTime;
  return record.pid === host.pid && !ownTokens.has(record.token);
}

/** Turns errors of the file system into `log.DATA_DIR_UNUSABLE`. */
async function usable<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PolylogError) throw error;
    throw logErrors.DATA_DIR_UNUSABLE({ directory, reason: (error as Error).message }, error);
  }
}

async function systemHost(directory: string): Promise<LockHost> {
  const path = (name: string): string => join(directory, name);
  return {
    pid: process.pid,
    bootId: ((await readIfThere("/proc/sys/kernel/random/boot_id")) ?? "").trim(),
    startTimeOf,
    read: (name) => readIfThere(path(name)),
    create: async (name, content) => {
      const file = await open(path(name), "wx", 0o644);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    link: (from, to) => link(path(from), path(to)).then(() => true, unless("EEXIST", false)),
    rename: (from, to) => rename(path(from), path(to)),
    remove: (name) => unlink(path(name)).catch(unless("ENOENT", undefined)),
  };
}

/** From /proc/PID/stat; where that cannot be read, only whether the process exists. A zombie has ended. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (stat === undefined) return exists(pid) ? "" : undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // From field 3, the state; the name before it may hold anything.
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19]; // Field 22: clock ticks since boot.
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(unless("ENOENT", undefined));
}

function unless<Result>(code: string, result: Result): (error: NodeJS.ErrnoException) => Result {
  return (error) => {
    if (error.code === code) return result;
    throw error;
  };
}
