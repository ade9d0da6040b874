/**
 * Saves channels' progress to the state store and loads it back. Dirty channels are collected and written together, at
 * most every `channelSaveIntervalMs`: a crash loses no message, only the memory of the last answers, and what was
 * answered in that time is delivered once more. Creation and deletion are written before they are acknowledged.
 *
 * What the state store had no room for is kept, one operation per row, and goes first with the next save, which follows after
 * `channelSaveRetryMs` at the latest.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { StateOperation, StateStore } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import { channelSaveIntervalMs, channelSaveRetryMs } from "../limits.ts";
import { type Channel, type ChannelSettings, defaultChannelSettings } from "./channel.ts";
import {
  channelKey,
  channelRowPrefix,
  decodePage,
  decodeWindow,
  encodePage,
  encodeWindow,
  pageKey,
  pagePrefix,
  windowKey,
} from "./channel-rows.ts";
import { UnfinishedWindow } from "./unfinished-window.ts";

/** A saved channel's name and settings. */
export interface SavedChannel {
  readonly logName: string;
  readonly name: string;
  readonly paused: boolean;
  readonly settings: ChannelSettings;
}

/** Offsets from `low` to before `high`. */
export interface OffsetRange {
  readonly low: number;
  readonly high: number;
}

export interface LoadedWindow {
  readonly window: UnfinishedWindow;
  /** What was saved, when it lay beyond the end or held records that are gone. */
  readonly clamped: { readonly floor: number; readonly cursor: number } | undefined;
  /** Records that were trimmed before they were finished. */
  readonly dropCount: number;
}

export class ChannelStore {
  readonly #state: StateStore;
  readonly #clock: Clock;
  /** Hears of the first failure after a success. */
  readonly #onFailure: (error: PolylogError) => void;
  readonly #dirty = new Set<Channel>();
  /** What is being written, or found no room when it was, by key. */
  readonly #unwritten = new Map<string, StateOperation>();
  #failing = false;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(state: StateStore, clock: Clock, onFailure: (error: PolylogError) => void) {
    this.#state = state;
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** The channel changed: save it soon. Ephemeral and closed channels are not saved. */
  markDirty(channel: Channel): void {
    if (channel.ephemeral || channel.closed) return;
    this.#dirty.add(channel);
    this.#timer ??= this.#clock.setTimer(() => void this.flush(), channelSaveIntervalMs);
  }

  /** Writes what is dirty now; resolves when that, and every save before it, has been tried. */
  flush(): Promise<void> {
    return this.#save().catch(() => undefined); // It was said to `onFailure`.
  }

  /** Resolves once the channel, as it is now, is saved. Rejects with STATE_WRITE_FAILED. */
  save(channel: Channel): Promise<void> {
    if (channel.ephemeral) return Promise.resolve();
    this.#dirty.add(channel);
    return this.#save();
  }

  #save(): Promise<void> {
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    const operations: StateOperation[] = [];
    const floors: [window: UnfinishedWindow, floor: number][] = [];
    for (const channel of this.#dirty) {
      this.#collect(channel, operations);
      for (const window of channel.windows()) {
        floors.push([window, window.floor]);
        // From here on a start may find the one or the other.
        window.savedFloor = Math.min(window.savedFloor, window.floor);
      }
    }
    this.#dirty.clear();
    if (operations.length === 0 && this.#unwritten.size === 0) return this.#writing;
    const written = this.#writing.then(async () => {
      await this.#write(operations);
      for (const [window, floor] of floors) window.savedFloor = floor;
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  /** Removes the channel's rows. */
  async delete(channel: Channel): Promise<void> {
    this.#dirty.delete(channel);
    if (channel.ephemeral) return;
    await this.#writing;
    this.forget(channel);
    const keys = [channelKey(channel.logName, channel.name)];
    for (const partition of channel.windows().keys()) {
      keys.push(windowKey(channel.logName, channel.name, partition));
      for await (const [key] of this.#state.entries(pagePrefix(channel.logName, channel.name, partition)))
        keys.push(key);
    }
    await this.#write(keys.map((key) => ({ type: "delete", key })));
  }

  /** Writes nothing of the channel that is not written yet. */
  forget(channel: Channel): void {
    const { logName, name } = channel;
    this.#dirty.delete(channel);
    this.#unwritten.delete(channelKey(logName, name));
    for (const partition of channel.windows().keys()) {
      this.#unwritten.delete(windowKey(logName, name, partition));
      const pages = pagePrefix(logName, name, partition);
      for (const key of this.#unwritten.keys()) if (key.startsWith(pages)) this.#unwritten.delete(key);
    }
  }

  async load(): Promise<SavedChannel[]> {
    const saved: SavedChannel[] = [];
    for await (const [key, row] of this.#state.entries(channelRowPrefix)) {
      const [logName, name] = key.slice(channelRowPrefix.length).split("/");
      const parsed = parseRow(key, row);
      if (logName === undefined || name === undefined) throw brokerErrors.STATE_DAMAGED({ key });
      saved.push({ logName, name, paused: parsed["paused"] === true, settings: readSettings(parsed) });
    }
    return saved;
  }

  /**
   * The saved window of one partition, or undefined when none was saved. `kept`, where given, is what the log has: a
   * position outside of it (the machine failed before the log was synced, or retention went on) is moved into it, and
   * what lies outside is forgotten with the records. What was removed in front after it was finished is no loss.
   */
  async loadWindow(
    { logName, name, settings }: SavedChannel,
    partition: number,
    kept: OffsetRange | undefined,
  ): Promise<LoadedWindow | undefined> {
    const key = windowKey(logName, name, partition);
    const row = await this.#state.get(key);
    if (row === undefined) return undefined;
    const saved = decodeWindow(key, row);
    const floor = Math.min(saved.floor, kept?.high ?? saved.floor);
    const cursor = Math.min(saved.cursor, kept?.high ?? saved.cursor);
    const window = new UnfinishedWindow(floor, cursor);
    window.setAttemptsMax(settings.maxAttempts);
    for await (const [page, entries] of this.#state.entries(pagePrefix(logName, name, partition)))
      decodePage(page, entries, window, this.#wallOffsetMs());
    window.restored();
    const dropCount = kept === undefined ? 0 : window.dropBelow(kept.low);
    const isInside = dropCount === 0 && floor === saved.floor && cursor === saved.cursor;
    return { window, clamped: isInside ? undefined : saved, dropCount };
  }

  #collect(channel: Channel, operations: StateOperation[]): void {
    const { logName, name } = channel;
    const settings = Buffer.from(JSON.stringify({ paused: channel.paused, ...channel.settings }));
    operations.push({ type: "put", key: channelKey(logName, name), value: settings });
    for (const [partition, window] of channel.windows().entries()) {
      for (const page of window.takeRemovedPages())
        operations.push({ type: "delete", key: pageKey(logName, name, partition, page) });
      for (const page of window.takeDirtyPages()) {
        page.saved = true;
        const value = encodePage(page, this.#wallOffsetMs());
        operations.push({ type: "put", key: pageKey(logName, name, partition, page.index), value });
      }
      window.takeMoved();
      operations.push({ type: "put", key: windowKey(logName, name, partition), value: encodeWindow(window) });
    }
  }

  async #write(operations: readonly StateOperation[]): Promise<void> {
    for (const operation of operations) this.#unwritten.set(operation.key, operation);
    const all = [...this.#unwritten.values()];
    try {
      await this.#state.write(all);
      this.#settle(all);
      this.#failing = false;
    } catch (error) {
      if (isCodedError(error) && error.retryable)
        this.#timer ??= this.#clock.setTimer(() => void this.flush(), channelSaveRetryMs);
      else this.#settle(all);
      const reason = error instanceof Error ? error.message : String(error);
      const failure = brokerErrors.STATE_WRITE_FAILED({ reason }, error);
      if (!this.#failing) this.#onFailure(failure);
      this.#failing = true;
      throw failure;
    }
  }

  #settle(operations: readonly StateOperation[]): void {
    for (const operation of operations)
      if (this.#unwritten.get(operation.key) === operation) this.#unwritten.delete(operation.key);
  }

  #wallOffsetMs(): number {
    return this.#clock.nowMs() - this.#clock.monotonicMs();
  }
}

/** A row of an older Polylog has fewer. */
function readSettings(row: Record<string, unknown>): ChannelSettings {
  const { maxAttempts } = row;
  return {
    ...defaultChannelSettings,
    ...(typeof maxAttempts === "number" && { maxAttempts }),
    ordered: row["ordered"] === true,
    deadLetterExpired: row["deadLetterExpired"] === true,
  };
}

function parseRow(key: string, row: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(row.toString("utf8")) as Record<string, unknown>;
  } catch (error) {
    throw brokerErrors.STATE_DAMAGED({ key }, error);
  }
}
