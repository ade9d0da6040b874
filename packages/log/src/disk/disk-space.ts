/**
 * Room on the disk, for all logs together: appending is refused before the disk is full, and taken up again when there is
 * room, without a restart. Reading, consuming and the progress of channels go on in between.
 *
 *     roomy ──less than the floor free, or a write had no room──▶ full
 *       ▲                                                          │ looked at every `diskCheckMs`
 *       └──────── an eighth more than the floor is free ───────────┘
 *
 * - It asks the system about once per `diskCheckMs` while something is written, and at once when what was written since the
 *   last answer may have reached the floor; never per record, and not at all while nothing is written and there is room.
 * - What waits to be written when the floor is reached is still written: it counts as written already.
 * - The reserve is kept while only the floor is reached, for another program may be what fills the disk. It is given up when
 *   a write had no room, or nearly none is left, and is made again, with the way back to roomy, when there is room for both.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import { type Logger, type MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import { logErrors } from "../errors.ts";
import { diskCheckMs, diskRetryMs, diskRoomMin } from "../limits.ts";
import type { Storage } from "../storage/storage.ts";
import { Reserve } from "./reserve.ts";

export interface DiskSpaceOptions {
  /** Begins in the data directory: says how much is free there, and has the file `reserve`. */
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Bytes below which appending is refused; 0: only when a write has no room. */
  readonly floorBytes: number;
  /** Bytes; default 0: none. */
  readonly reserveSize?: number;
}

export interface DiskSpaceWatcher {
  /** No record may be taken from now on; `error` says why. */
  onDiskFull(error: PolylogError): void;
  onDiskRoom(): void;
}

export class DiskSpace {
  readonly floorBytes: number;
  readonly reserve: Reserve;
  /** As of the last answer; undefined before the first. */
  freeBytes: number | undefined;
  readonly #options: DiskSpaceOptions;
  readonly #logger: Logger;
  readonly #watchers = new Set<DiskSpaceWatcher>();
  #error: PolylogError | undefined;
  /** Bytes written since the last question, and bytes that wait to be. */
  #writtenBytes = 0;
  #pendingBytes = 0;
  /** A write had no room: the system's answer does not count before this time. */
  #fullUntilMs = 0;
  #timer: Timer | undefined;
  #asking: Promise<void> | undefined;
  #starting = false;
  #stopped = false;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
    this.#logger = (options.logger ?? silentLogger).child("disk");
    this.floorBytes = options.floorBytes;
    this.reserve = new Reserve(options.storage, "reserve", options.reserveSize ?? 0, (bytes) => {
      this.#writtenBytes += bytes;
    });
  }

  /** DISK_FULL while records are refused, otherwise undefined. */
  get error(): PolylogError | undefined {
    return this.#error;
  }

  /**
   * Looks once; whether there is room is known when this resolves. The reserve is made after `diskCheckMs`: writing it keeps
   * the disk busy, and what else starts has to wait for the disk.
   */
  async start(): Promise<void> {
    await this.reserve.look();
    this.#starting = true;
    await this.#ask();
    this.#starting = false;
    if (!this.reserve.made) this.look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.clock.clearTimer(this.#timer);
    await this.#asking;
    await this.reserve.close();
  }

  watch(watcher: DiskSpaceWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: DiskSpaceWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** Something was written to the disk, and `pendingBytes` wait to be. */
  wrote(bytes: number, pendingBytes: number): void {
    if (this.floorBytes === 0) return;
    this.#writtenBytes += bytes;
    this.#pendingBytes = pendingBytes;
    this.look();
    if (this.#asking === undefined && this.#error === undefined && this.#left() < this.floorBytes) void this.#ask();
  }

  /** Asks the system soon, unless it was asked just now. */
  look(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      void this.#ask();
    }, diskCheckMs);
  }

  /** A write had no room. Returns what those who wait for it are told. */
  onNoRoom(cause: unknown): PolylogError {
    this.#fullUntilMs = this.#options.clock.monotonicMs() + diskRetryMs;
    void this.reserve.release();
    this.#becomeFull(cause);
    return this.#error!;
  }

  /** As `onNoRoom`, of a write that must go on all the same; resolves once the reserve is given up for it. */
  async makeRoom(cause: unknown): Promise<void> {
    this.onNoRoom(cause);
    await this.reserve.release();
  }

  /** Lists what it knows; a scrape has it look again. */
  registerMetrics(metrics: MetricRegistry): void {
    metrics.gauge("polylog_disk_free_bytes", "Free bytes of the data directory's disk.", () => {
      this.look();
      return this.freeBytes ?? Number.NaN;
    });
    metrics.gauge("polylog_disk_full", "1 while records are refused because the disk is full.", () =>
      this.#error === undefined ? 0 : 1,
    );
    const made = (): number => (this.reserve.made ? this.reserve.size : 0);
    metrics.gauge("polylog_disk_reserve_bytes", "Bytes that the reserve holds.", made);
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askNow(): Promise<void> {
    this.#writtenBytes = 0;
    try {
      this.freeBytes = await this.#options.storage.freeBytes();
      this.#judge();
    } catch (error) {
      this.#logger.warn("the system does not say how much of the disk is free", { error });
    }
    if (this.#error !== undefined) this.look();
  }

  /** What will be free when everything that waits is written, and the reserve made. */
  #left(): number {
    const { freeBytes = Number.POSITIVE_INFINITY } = this;
    return freeBytes - this.#writtenBytes - this.#pendingBytes - this.reserve.pendingBytes;
  }

  #judge(): void {
    const { reserve } = this;
    const left = this.#left();
    if (this.floorBytes > 0 && left < this.floorBytes) this.#becomeFull(undefined);
    const missingBytes = reserve.made || reserve.pendingBytes > 0 ? 0 : reserve.size;
    const roomAtBytes = Math.max(this.floorBytes * 1.125, diskRoomMin) + missingBytes;
    if (left >= roomAtBytes && this.#options.clock.monotonicMs() >= this.#fullUntilMs) {
      this.#becomeRoomy();
      if (!reserve.made && !this.#starting && !this.#stopped) this.#makeReserve();
    } else if (reserve.made && left < reserve.size / 4 && this.#error !== undefined) void reserve.release();
  }

  #makeReserve(): void {
    this.reserve.make().catch((error: unknown) => {
      this.#logger.warn("the reserve could not be made", { error });
    });
  }

  #becomeFull(cause: unknown): void {
    if (this.#error !== undefined) return;
    const reason =
      cause === undefined
        ? `${this.freeBytes} bytes are free and ${this.floorBytes} are to stay free`
        : `a write had no room (${cause instanceof Error ? cause.message : String(cause)})`;
    this.#error = logErrors.DISK_FULL({ reason }, cause);
    this.#logger.error("records are refused until the disk has room", { reason });
    this.look();
    for (const watcher of [...this.#watchers]) watcher.onDiskFull(this.#error);
  }

  #becomeRoomy(): void {
    if (this.#error === undefined) return;
    this.#error = undefined;
    this.#logger.info("the disk has room again; records are taken", { freeBytes: this.freeBytes });
    for (const watcher of [...this.#watchers]) watcher.onDiskRoom();
  }
}
