/** A started broker that keeps everything in memory, on a clock of the test's own. */

import { type Clock, ManualClock } from "@polylog/base/clock";
import { type Access, allowAll, Broker } from "@polylog/broker";
import { LogStore, MemoryStateStore, MemoryStorage } from "@polylog/log";
import { settle } from "@polylog/testkit";

export interface MemoryBrokerOptions {
  readonly access?: Access;
  /** Bytes that may wait to be written, per partition. */
  readonly pendingBytesMax?: number;
  /** Bytes of recent batches kept in memory; small: readers have to read. */
  readonly tailCacheSizeMax?: number;
}

export interface MemoryBroker {
  readonly broker: Broker;
  readonly clock: ManualClock;
  /** Lets everything happen that needs no time. */
  run(): Promise<void>;
}

export async function startMemoryBroker(options: MemoryBrokerOptions = {}): Promise<MemoryBroker> {
  const clock = new ManualClock();
  const broker = await startBroker(clock, options);
  const run = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) {
      clock.turn();
      await settle(3);
    }
  };
  return { broker, clock, run };
}

/** As `startMemoryBroker`, on any clock. */
export async function startBroker(clock: Clock, options: MemoryBrokerOptions = {}): Promise<Broker> {
  const { access = allowAll, ...limits } = options;
  const state = new MemoryStateStore();
  await state.open();
  const logs = new LogStore({ storage: new MemoryStorage(), state, clock, ...limits });
  await logs.open();
  const broker = new Broker({ logs, state, clock, access });
  await broker.start();
  return broker;
}
