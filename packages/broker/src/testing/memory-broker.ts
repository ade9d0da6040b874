/**
 * A broker on storage in memory, for the tests and benchmarks of this package and of the protocol servers. `MemoryBroker`
 * is on a manual clock: `run` lets everything happen that needs no time; `restart` and `crash` start again on the same
 * storage. `startBrokerInMemory` is on any clock.
 */

import { type Clock, ManualClock } from "@polylog/base/clock";
import { DiskSpace, EmbeddedLogStore, type EmbeddedLogStoreOptions } from "@polylog/log/embedded";
import { MemoryStateStore, MemoryStorage } from "@polylog/log/memory";
import { settle } from "@polylog/testkit";
import { Broker, type BrokerOptions } from "../broker.ts";

export type MemoryBrokerOptions = Partial<
  Pick<BrokerOptions, "access" | "authenticator" | "hooks" | "bus" | "captures" | "limits" | "logger">
> &
  Pick<EmbeddedLogStoreOptions, "defaults" | "pendingBytesMax" | "pendingTotalMax" | "tailCacheSizeMax"> & {
    /** Bytes that must stay free for records to be taken; default: nobody looks. */
    readonly diskFreeMin?: number;
  };

export class MemoryBroker {
  readonly clock = new ManualClock();
  readonly storage: MemoryStorage;
  readonly state: MemoryStateStore;
  readonly space: DiskSpace | undefined;
  readonly logs: EmbeddedLogStore;
  readonly broker: Broker;

  private constructor(storage: MemoryStorage, state: MemoryStateStore, options: MemoryBrokerOptions) {
    this.storage = storage;
    this.state = state;
    const { clock } = this;
    const { diskFreeMin: floorBytes } = options;
    this.space = floorBytes === undefined ? undefined : new DiskSpace({ storage, clock, floorBytes });
    const disk = this.space === undefined ? {} : { space: this.space };
    this.logs = new EmbeddedLogStore({ ...options, ...disk, storage, state, clock });
    this.broker = new Broker({ ...options, logs: this.logs, state, clock: this.clock });
  }

  static async start(options: MemoryBrokerOptions = {}): Promise<MemoryBroker> {
    const state = new MemoryStateStore();
    await state.open();
    return MemoryBroker.#open(new MemoryStorage(), state, options);
  }

  static async #open(storage: MemoryStorage, state: MemoryStateStore, options: MemoryBrokerOptions) {
    const opened = new MemoryBroker(storage, state, options);
    await opened.space?.start();
    await opened.logs.open();
    await opened.broker.start();
    await opened.run();
    return opened;
  }

  /** Turns of the loop until nothing is left to do now. */
  async run(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) {
      this.clock.turn();
      await settle(3);
    }
  }

  /** Moves time and lets happen what that brings. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.run();
  }

  /** A clean stop, and a start on the same storage. */
  async restart(options: MemoryBrokerOptions = {}): Promise<MemoryBroker> {
    const stopped = this.broker.stop();
    await this.run();
    await stopped;
    await this.logs.close();
    return MemoryBroker.#open(this.storage, this.state, options);
  }

  /** The process dies: progress that was not saved is forgotten; then a start on the same storage. */
  async crash(options: MemoryBrokerOptions = {}): Promise<MemoryBroker> {
    this.broker.catalog.close();
    await this.logs.close();
    return MemoryBroker.#open(this.storage, this.state, options);
  }
}

export async function startBrokerInMemory(clock: Clock, options: MemoryBrokerOptions = {}): Promise<Broker> {
  const state = new MemoryStateStore();
  await state.open();
  const logs = new EmbeddedLogStore({ ...options, storage: new MemoryStorage(), state, clock });
  await logs.open();
  const broker = new Broker({ ...options, logs, state, clock });
  await broker.start();
  return broker;
}
