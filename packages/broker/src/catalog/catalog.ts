/**
 * Which logs there are, what they capture, and their channels. Logs and channels come into being here, are saved here and
 * go away here; everything else only uses them.
 */

import type { Clock } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import {
  isLogName,
  type LogConfig,
  type LogStore,
  type Partition,
  type RecordCursor,
  type StateStore,
} from "@polylog/log";
import { Channel, type ChannelSettings } from "../channels/channel.ts";
import { channelKey } from "../channels/channel-rows.ts";
import type { ChannelStore, LoadedWindow, SavedChannel } from "../channels/channel-store.ts";
import { appendRefused, type DeadLetterOrigin, deadLetterLogName } from "../channels/dead-letter.ts";
import { brokerErrors } from "../errors.ts";
import { type BrokerLimits, maxAttemptsMax } from "../limits.ts";
import type { Capture, Subscription } from "../publication.ts";
import type { Router } from "../router/index.ts";
import { BrokerLog } from "./broker-log.ts";
import type { CaptureRule } from "./capture-rule.ts";
import { keptFrom } from "./depth-bound.ts";
import { DropReport } from "./drop-report.ts";
import { forgetSettings, loadSettings, saveSettings } from "./log-settings.ts";
import { type ReplayRange, replayRange } from "./replay.ts";
import type { SeekPosition } from "./seek-position.ts";

export interface CatalogOptions {
  readonly logs: LogStore;
  readonly state: StateStore;
  readonly channelStore: ChannelStore;
  readonly router: Router<Subscription, Capture>;
  readonly captures: readonly CaptureRule[];
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Hears what comes and goes once the catalog is loaded: also what no caller of its own has asked for. */
export interface CatalogWatcher {
  onLogCreated(log: BrokerLog): void;
  /** Its channels go with it; of each `onChannelDeleted` tells as well. */
  onLogDeleted(log: BrokerLog): void;
  /** It has been saved. */
  onChannelCreated(log: BrokerLog, channel: string): void;
  onChannelDeleted(log: BrokerLog, channel: string): void;
}

/** Where a channel begins in each partition; undefined: at the end. */
type StartOffsets = readonly (number | undefined)[];

export class Catalog {
  readonly #options: CatalogOptions;
  readonly #drops: DropReport;
  readonly #logs = new Map<string, BrokerLog>();
  /** Logs of dead letters that are being replayed. */
  readonly #replaying = new Set<BrokerLog>();
  /** Channels whose creation is being saved. */
  readonly #creating = new Map<Channel, Promise<void>>();
  /** Channels whose rows are being removed, by key: one of the same name is saved after that. Never rejects. */
  readonly #removing = new Map<string, Promise<void>>();
  readonly #watchers = new Set<CatalogWatcher>();

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.#drops = new DropReport(options.clock, options.logger);
  }

  get(name: string): BrokerLog | undefined {
    return this.#logs.get(name);
  }

  /** `watcher` hears of changes from now on, until `unwatch`. */
  watch(watcher: CatalogWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: CatalogWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** The log, or LOG_NOT_FOUND. */
  require(name: string): BrokerLog {
    const log = this.#logs.get(name);
    if (log === undefined) throw brokerErrors.LOG_NOT_FOUND({ log: name });
    return log;
  }

  /** In order of creation. */
  list(): Iterable<BrokerLog> {
    return this.#logs.values();
  }

  get size(): number {
    return this.#logs.size;
  }

  /** Highest epoch of the producers that wrote to any log; -1: none did. */
  get producerEpochMax(): number {
    let max = -1;
    for (const { partitions } of this.#logs.values())
      for (const { producerEpochMax } of partitions) max = Math.max(max, producerEpochMax);
    return max;
  }

  /** Makes a log. Throws LOG_EXISTS, INVALID_NAME, LOG_LIMIT. Nothing appended to it is acknowledged before it is saved. */
  create(name: string, config: Partial<LogConfig> = {}): BrokerLog {
    if (this.#logs.has(name)) throw brokerErrors.LOG_EXISTS({ log: name });
    if (!isLogName(name)) throw brokerErrors.INVALID_NAME({ name });
    const { logsMax } = this.#options.limits;
    if (this.#logs.size >= logsMax) throw brokerErrors.LOG_LIMIT({ log: name, limit: logsMax });
    const log = this.#add(new BrokerLog(this.#options.logs.create(name, config)));
    this.#options.logger.info("log created", { log: name, partitions: log.partitions.length });
    for (const watcher of this.#watchers) watcher.onLogCreated(log);
    return log;
  }

  /** The log, made when it does not exist: how NSQ topics come into being. */
  ensure(name: string): BrokerLog {
    return this.#logs.get(name) ?? this.create(name);
  }

  /**
   * Changes a log's configuration; what is left out stays. Resolves with all of it once it is saved and in force. Rejects with
   * LOG_NOT_FOUND and what `LogStore.alter` rejects with.
   */
  async alter(log: BrokerLog, changes: Partial<LogConfig>): Promise<LogConfig> {
    const config = await this.#options.logs.alter(log.name, changes);
    log.onPartitionsAdded();
    this.#options.logger.info("log altered", { log: log.name, ...config });
    return config;
  }

  /** Removes a log with its channels and records. Another of the same name can be made as soon as this returns. */
  async delete(name: string): Promise<void> {
    const log = this.require(name);
    this.#logs.delete(name);
    for (const watcher of this.#watchers) watcher.onLogDeleted(log);
    for (const filter of log.captureFilters) this.#options.router.removeCapture(filter, log);
    const deleted = this.#options.logs.delete(name);
    const removed = [...log.channels.values()].map((channel) => this.#remove(log, channel));
    const forgotten = forgetSettings(this.#options.state, name);
    await Promise.all([deleted, forgotten, ...removed]);
    this.#options.logger.info("log deleted", { log: name });
  }

  /**
   * Removes every record that the log has now and frees the disk; what is appended meanwhile stays, offsets go on. Channels
   * lose what they had not finished, and count it. Resolves once it is done. Rejects as `Partition.trimTo`.
   */
  async removeRecords(log: BrokerLog): Promise<void> {
    await Promise.all(log.partitions.map((partition) => partition.empty()));
    this.#options.logger.info("log emptied", { log: log.name });
  }

  /** NSQ's emptying of a topic: drops what waits for the first channel; channels keep what they have. Resolves once saved. */
  async empty(log: BrokerLog): Promise<void> {
    log.backlogOffsets = log.partitions.map((partition) => partition.nextOffset);
    await saveSettings(this.#options.state, log);
  }

  async setPaused(log: BrokerLog, paused: boolean): Promise<void> {
    log.paused = paused;
    log.onHighWatermark();
    await saveSettings(this.#options.state, log);
  }

  /**
   * The channel, made when it does not exist: at `from`, by default a first one at the backlog, others at the end.
   * Resolves once saved. INVALID_NAME, CHANNEL_LIMIT, STATE_WRITE_FAILED.
   */
  async ensureChannel(log: BrokerLog, name: string, from?: "earliest" | "latest" | StartOffsets): Promise<Channel> {
    const existing = log.channels.get(name);
    if (existing !== undefined) {
      await this.#creating.get(existing);
      return existing;
    }
    if (!isLogName(name)) throw brokerErrors.INVALID_NAME({ name });
    const { channelsPerLogMax } = this.#options.limits;
    if (log.channels.size >= channelsPerLogMax)
      throw brokerErrors.CHANNEL_LIMIT({ channel: name, limit: channelsPerLogMax, log: log.name });
    const isFirst = from === undefined && log.channels.size === 0;
    const channel = this.#addChannel(log, name);
    channel.startAt(
      log.partitions.map((partition, index) => {
        if (typeof from === "object") return from[index] ?? partition.nextOffset;
        return isFirst ? log.backlogOffset(index) : from === "earliest" ? partition.lowWatermark : partition.nextOffset;
      }),
    );
    // A channel of a log that would not be found again would not be found either; one of a damaged log can be read.
    const saved = Promise.all([this.#saveNew(log, channel), log.whenSaved().catch(() => undefined)]).then(
      () => undefined,
    );
    this.#creating.set(channel, saved);
    try {
      await saved;
    } catch (error) {
      if (log.channels.get(name) === channel) log.channels.delete(name);
      channel.close(true);
      this.#options.channelStore.forget(channel);
      throw error;
    } finally {
      this.#creating.delete(channel);
    }
    this.#options.logger.info("channel created", { log: log.name, channel: name });
    if (log.channels.get(name) === channel) for (const watcher of this.#watchers) watcher.onChannelCreated(log, name);
    return channel;
  }

  /**
   * As `ensureChannel`, for a channel that begins at a position; partitions that it does not name begin at their end. One that
   * exists stays where it is. LOG_NOT_FOUND when the log is deleted meanwhile, and what `offsetsOfPosition` rejects with.
   */
  async ensureChannelAt(log: BrokerLog, name: string, position: SeekPosition): Promise<Channel> {
    const offsets = log.channels.has(name) ? [] : await log.offsetsAt(position);
    if (this.#logs.get(log.name) !== log) throw brokerErrors.LOG_NOT_FOUND({ log: log.name });
    return this.ensureChannel(log, name, offsets);
  }

  /** The channel, or CHANNEL_NOT_FOUND. */
  requireChannel(log: BrokerLog, name: string): Channel {
    const channel = log.channels.get(name);
    if (channel === undefined) throw brokerErrors.CHANNEL_NOT_FOUND({ log: log.name, channel: name });
    return channel;
  }

  /** Resolves once the channel's progress and settings, as they are now, are saved. STATE_WRITE_FAILED. */
  async saveChannel(log: BrokerLog, channel: Channel): Promise<void> {
    if (!log.log.ephemeral) await this.#options.channelStore.save(channel);
  }

  /**
   * Moves a channel; what was in flight there is forgotten, and a later answer to it is `notInFlight` unless the same
   * record is in flight again by then. Resolves once saved. Rejects as `offsetsOfPosition`, CHANNEL_NOT_FOUND,
   * CHANNEL_CLOSED, STATE_WRITE_FAILED.
   */
  async seekChannel(log: BrokerLog, name: string, position: SeekPosition): Promise<void> {
    const channel = this.requireChannel(log, name);
    const offsets = await log.offsetsAt(position);
    if (channel.closed) throw brokerErrors.CHANNEL_CLOSED({ log: log.name, channel: name });
    channel.moveTo(offsets);
    await this.saveChannel(log, channel);
    this.#options.logger.info("channel moved", { log: log.name, channel: name, offsets });
  }

  /**
   * Changes a channel's settings; what is left out stays. Resolves once saved. CHANNEL_NOT_FOUND, MAX_ATTEMPTS_INVALID,
   * DEAD_LETTER_NAME, STATE_WRITE_FAILED.
   */
  async configureChannel(log: BrokerLog, name: string, settings: Partial<ChannelSettings>): Promise<ChannelSettings> {
    const channel = this.requireChannel(log, name);
    const changed = { ...channel.settings, ...settings };
    this.checkSettings(log, changed);
    channel.configure(changed);
    await this.saveChannel(log, channel);
    this.#options.logger.info("channel configured", { log: log.name, channel: name, ...changed });
    return channel.settings;
  }

  /** Throws what `configureChannel` rejects such settings with. */
  checkSettings(log: BrokerLog, { maxAttempts = 0, deadLetterExpired = false }: Partial<ChannelSettings>): void {
    if (!Number.isInteger(maxAttempts) || maxAttempts < 0 || maxAttempts > maxAttemptsMax)
      throw brokerErrors.MAX_ATTEMPTS_INVALID({ maxAttempts, limit: maxAttemptsMax });
    if (maxAttempts > 0 || deadLetterExpired) deadLetterLogName(log.name);
  }

  /**
   * Appends dead letters to their log once more; see `replay.ts`. Without a range those that came since the last time;
   * with one, those, as often as asked. Returns how many. LOG_NOT_FOUND when there are no dead letters, INVALID_PARTITION,
   * log.OFFSET_OUT_OF_RANGE, REPLAY_RUNNING, or what the log refuses with: calling again goes on from there.
   */
  async replayDeadLetters(log: BrokerLog, range?: ReplayRange): Promise<number> {
    const dead = this.require(deadLetterLogName(log.name));
    if (this.#replaying.has(dead)) throw brokerErrors.REPLAY_RUNNING({ log: log.name });
    this.#replaying.add(dead);
    try {
      const replayed = await (range === undefined ? this.#replayNew(log, dead) : this.#replayRange(log, dead, range));
      this.#options.logger.info("dead letters replayed", { log: log.name, count: replayed });
      return replayed;
    } finally {
      this.#replaying.delete(dead);
    }
  }

  async #replayRange(log: BrokerLog, dead: BrokerLog, range: ReplayRange): Promise<number> {
    const from = dead.partitions[range.partition];
    const last = dead.partitions.length - 1;
    if (from === undefined) throw brokerErrors.INVALID_PARTITION({ log: dead.name, partition: range.partition, last });
    return replayRange(log, from, range, dead.name, () => Promise.resolve());
  }

  async #replayNew(log: BrokerLog, dead: BrokerLog): Promise<number> {
    let replayed = 0;
    for (const { number, lowWatermark, highWatermark: endOffset } of dead.partitions) {
      const offset = Math.min(endOffset, Math.max(lowWatermark, dead.replayedOffsets[number] ?? 0));
      const range = { partition: number, offset, endOffset };
      replayed += await replayRange(log, dead.partitions[number]!, range, dead.name, async (next) => {
        dead.replayedOffsets = dead.partitions.map((each, index) =>
          index === number ? next : (dead.replayedOffsets[index] ?? each.lowWatermark),
        );
        if (this.#logs.get(dead.name) === dead) await saveSettings(this.#options.state, dead);
      });
    }
    return replayed;
  }

  /** Removes a channel; its consumers are told. CHANNEL_NOT_FOUND when there is none. */
  /**
   * Appends a dead letter for a record that its worker refused; `detail`: in its words. Resolves at the level of the log; then the
   * record may be finished. Rejects with DEAD_LETTER_NAME, and with what the log of dead letters refuses with.
   */
  async appendDeadLetter(
    log: BrokerLog,
    record: RecordCursor,
    origin: DeadLetterOrigin,
    detail: string,
  ): Promise<void> {
    const dead = this.#deadLetterLog(log);
    await appendRefused((fields, waiter) => dead.appendFields(fields, waiter, 0), record, origin, detail);
  }

  async deleteChannel(log: BrokerLog, name: string): Promise<void> {
    const channel = this.requireChannel(log, name);
    const removed = this.#remove(log, channel);
    if (log.channels.size > 0) return removed;
    // What is appended from now on waits for the next first channel, also while the rows are being removed.
    await Promise.all([removed, log.log.ephemeral ? this.delete(log.name) : this.empty(log)]);
  }

  /** Loads logs, channels and their progress; then captures apply. */
  async load(): Promise<void> {
    for (const log of this.#options.logs.list()) this.#add(new BrokerLog(log)).loaded = false;
    for (const { log } of this.#options.captures) this.ensure(log);
    await loadSettings(this.#options.state, this.#logs);
    for (const saved of await this.#options.channelStore.load()) {
      const log = this.#logs.get(saved.logName);
      if (log === undefined) continue; // The log was deleted in the middle of a crash; its channels go with it.
      await this.#loadChannel(log, saved);
    }
    for (const log of this.#logs.values()) log.loaded = true;
  }

  /** The channel appears when all of it is loaded: one that is saved sooner would overwrite what is not. */
  async #loadChannel(log: BrokerLog, saved: SavedChannel): Promise<void> {
    const windows: (LoadedWindow | undefined)[] = [];
    for (const partition of log.partitions) windows.push(await this.#loadWindow(log, saved, partition));
    const channel = this.#addChannel(log, saved.name);
    channel.restore(
      saved,
      windows.map((loaded) => loaded?.window),
    );
    const { counters } = channel;
    counters.clampCount = windows.filter((loaded) => loaded?.clamped !== undefined).length;
    counters.dropCount = windows.reduce((sum, loaded) => sum + (loaded?.dropCount ?? 0), 0);
    if (counters.clampCount > 0) this.#options.channelStore.markDirty(channel);
  }

  async #loadWindow(log: BrokerLog, saved: SavedChannel, partition: Partition): Promise<LoadedWindow | undefined> {
    // What a damaged partition has lost may come back with its repair, so its positions stay.
    const { lowWatermark: low, highWatermark: high, status, number } = partition;
    const loaded = await this.#options.channelStore.loadWindow(
      saved,
      number,
      status === "readOnly" ? undefined : { low, high },
    );
    if (loaded?.clamped !== undefined) {
      const { floor, cursor } = loaded.clamped;
      const { dropCount: dropped } = loaded;
      const fields = { log: log.name, channel: saved.name, partition: number, floor, cursor, low, high, dropped };
      this.#options.logger.warn("a channel's saved position is outside of the log and was moved into it", fields);
    }
    return loaded;
  }

  /** Some channel that is appending dead letters now, or undefined. */
  get channelAppending(): Channel | undefined {
    for (const log of this.#logs.values())
      for (const channel of log.channels.values()) if (channel.appendingDeadLetters) return channel;
    return undefined;
  }

  /** Ends every channel; nothing is delivered any more. */
  close(): void {
    this.#drops.flush();
    for (const log of this.#logs.values()) for (const channel of log.channels.values()) channel.close(false);
  }

  #add(log: BrokerLog): BrokerLog {
    this.#logs.set(log.name, log);
    const rules = this.#options.captures.filter((rule) => rule.log === log.name).map((rule) => rule.filter);
    log.captureFilters = rules.length > 0 || log.topic === undefined ? rules : [log.topic];
    for (const filter of log.captureFilters) this.#options.router.addCapture(filter, log);
    return log;
  }

  #addChannel(log: BrokerLog, name: string): Channel {
    const channel = new Channel({
      logName: log.name,
      name,
      partitions: log.partitions,
      clock: this.#options.clock,
      logPaused: () => log.paused,
      ttlMs: () => log.log.config.ttlMs,
      keptFrom: (partition) => keptFrom(log.log, partition),
      onDirty: (each) => {
        if (!log.log.ephemeral) this.#options.channelStore.markDirty(each);
      },
      deadLetters: { append: (fields, waiter) => this.#deadLetterLog(log).appendFields(fields, waiter, 0) },
      onDeadLetterFailure: (each, partition, offset, error) => {
        const fields = { log: log.name, channel: each.name, partition, offset, error };
        this.#options.logger.error("a record cannot go to the log of dead letters; it waits", fields);
      },
      onUnreadable: (each, partition, offset, error) => {
        const fields = { log: log.name, channel: each.name, partition, offset, error };
        this.#options.logger.error("a record cannot be read; this partition of the channel waits", fields);
      },
      onDropped: (each, count) => this.#drops.add(each, count),
    });
    log.channels.set(name, channel);
    return channel;
  }

  /** Made on demand, with the durability of the log whose records it takes. */
  #deadLetterLog(log: BrokerLog): BrokerLog {
    const name = deadLetterLogName(log.name);
    return (
      this.#logs.get(name) ??
      this.create(name, { durability: log.log.config.durability, ttlMs: 0, depthRecords: 0, depthBytes: 0 })
    );
  }

  async #saveNew(log: BrokerLog, channel: Channel): Promise<void> {
    await this.#removing.get(channelKey(log.name, channel.name));
    await this.saveChannel(log, channel);
  }

  async #remove(log: BrokerLog, channel: Channel): Promise<void> {
    log.channels.delete(channel.name);
    for (const watcher of this.#watchers) watcher.onChannelDeleted(log, channel.name);
    channel.close(true);
    const key = channelKey(log.name, channel.name);
    const removal = this.#options.channelStore.delete(channel);
    const settled = removal.catch(() => undefined);
    this.#removing.set(key, settled);
    await removal.finally(() => {
      if (this.#removing.get(key) === settled) this.#removing.delete(key);
    });
    this.#options.logger.info("channel deleted", { log: log.name, channel: channel.name });
  }
}
