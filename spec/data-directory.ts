/**
 * One data directory with everything in it that a release can write, made the same way each time, and what must be found
 * in it. `spec/fixtures/data-directory-VERSION` was made by the code of that version:
 *
 *     git worktree add /tmp/release COMMIT    (install and compile there)
 *     node spec/dist/data-directory.js /tmp/release spec/fixtures/data-directory-VERSION
 *
 * A fixture is never made again: what users have on their disks does not change either.
 */

import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The doors of the code that makes the directory; the present code's types must fit an older one as far as used here. */
export interface Release {
  readonly clock: Pick<typeof import("@polylog/base/clock"), "ManualClock">;
  readonly log: Pick<typeof import("@polylog/log/embedded"), "EmbeddedLogStore" | "FileStorage" | "LevelStateStore">;
  readonly broker: Pick<typeof import("@polylog/broker"), "Broker" | "Publication">;
}

export interface ExpectedRecord {
  readonly value: string;
  readonly key?: string;
  readonly topic?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

/** When the directory was made, by its own clock. */
export const madeAtMs = Date.UTC(2026, 10, 21);
export const deferredForMs = 10 * 365 * 24 * 3_600_000;
export const tornSize = 70;

export const orders: readonly ExpectedRecord[] = Array.from({ length: 40 }, (_, i) => ({
  value: `order ${i} ${"o".repeat((i * 53) % 400)}`,
}));

/** Partition 0 has the even ones, partition 1 the odd ones. */
export const telemetry: readonly ExpectedRecord[] = Array.from({ length: 40 }, (_, i) => ({
  value: JSON.stringify({ sequence: i, celsius: 20 + (i % 7), note: "n".repeat((i * 31) % 300) }),
  ...(i % 3 === 0 ? {} : { key: `device-${i % 5}` }),
  ...(i % 4 === 0 ? {} : { topic: `sensors/${i % 5}/temperature` }),
  ...(i % 5 === 0 ? {} : { headers: [["content-type", "application/json"] as const, ["n", String(i)] as const] }),
}));

export const retained = { "plant/state": "running", "plant/shift": "night" };

/** Makes the directory, which must not exist or be empty. */
export async function fillDataDirectory(release: Release, dataDir: string): Promise<void> {
  const clock = new release.clock.ManualClock(madeAtMs);
  const state = new release.log.LevelStateStore(join(dataDir, "state"));
  const storage = new release.log.FileStorage(join(dataDir, "logs"), clock);
  const logs = new release.log.EmbeddedLogStore({ storage, state, clock, defaults: { segmentSizeMax: 4096 } });
  const broker = new release.broker.Broker({ logs, state, clock });
  const run = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) {
      clock.turn();
      await new Promise((done) => setTimeout(done, 4));
    }
  };
  /** Waits for `work`, which needs turns of the clock. */
  const during = async <Result>(work: Promise<Result>): Promise<Result> => {
    let ended = false;
    const settled = work.finally(() => (ended = true));
    while (!ended) await run();
    return settled;
  };
  await storage.makeDirectory("");
  await state.open();
  await logs.open();
  await broker.start();
  await during(appendAll(broker, run, clock));
  await during(useChannels(broker, run));
  for (const [topic, payload] of Object.entries(retained)) publishRetained(release, broker, topic, payload);
  await run();
  await during(broker.stop());
  await during(logs.close());
  await state.close();
  tearEnd(dataDir, "orders");
}

type BrokerOf = InstanceType<Release["broker"]["Broker"]>;

async function appendAll(
  broker: BrokerOf,
  run: () => Promise<void>,
  clock: { advance(ms: number): void },
): Promise<void> {
  const ordersLog = broker.catalog.create("orders");
  const telemetryLog = broker.catalog.create("telemetry", { partitions: 2 });
  for (let i = 0; i < 40; i++) {
    ordersLog.appendRecord(ordersLog.partitions[0]!, fieldsOf(orders[i]!));
    telemetryLog.appendRecord(telemetryLog.partitions[i % 2]!, fieldsOf(telemetry[i]!));
    if (i % 3 === 2) await run();
    clock.advance(10);
  }
}

function fieldsOf({ value, key, topic, headers }: ExpectedRecord) {
  return {
    value: Buffer.from(value),
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
    ...(topic === undefined ? {} : { topic: Buffer.from(topic) }),
    ...(headers === undefined ? {} : { headers: headers.map(([name, text]) => [name, Buffer.from(text)] as const) }),
  };
}

/**
 * `workers` of `orders`: 0 to 4 finished, 5 requeued, 6 deferred for years, 7 in flight at the end, 8 dead after two
 * attempts, 9 and the rest never delivered. `audit`: paused, nothing delivered. `late`: from the end on.
 */
async function useChannels(broker: BrokerOf, run: () => Promise<void>): Promise<void> {
  const log = broker.catalog.require("orders");
  const channel = await broker.catalog.ensureChannel(log, "workers", "earliest");
  await broker.catalog.configureChannel(log, "workers", { maxAttempts: 2 });
  const consumer = channel.addConsumer(
    { onRecord: () => undefined, onChannelClosed: () => undefined },
    60_000,
    900_000,
  );
  channel.setReady(consumer, 9);
  await run();
  channel.setReady(consumer, 0);
  for (let offset = 0; offset < 5; offset++) channel.finish(consumer, 0, offset);
  channel.requeue(consumer, 0, 8, 0);
  channel.setReady(consumer, 4);
  await run();
  channel.setReady(consumer, 0);
  channel.requeue(consumer, 0, 8, 0);
  channel.requeue(consumer, 0, 5, 0);
  channel.requeue(consumer, 0, 6, deferredForMs);
  await run();
  const audit = await broker.catalog.ensureChannel(log, "audit", "earliest");
  audit.setPaused(true);
  await broker.catalog.saveChannel(log, audit);
  await broker.catalog.ensureChannel(log, "late", "latest");
  await run();
}

function publishRetained(release: Release, broker: BrokerOf, topic: string, payload: string): void {
  const publication = new release.broker.Publication();
  const bytes = Buffer.from(payload);
  publication.route = broker.router.resolveName(topic);
  publication.payload = bytes;
  publication.payloadStart = 0;
  publication.payloadEnd = bytes.length;
  publication.qos = 1;
  publication.retain = true;
  broker.publish(publication, undefined, 0);
}

/** Leaves a write that a crash interrupted at the end of the log's newest segment. */
function tearEnd(dataDir: string, log: string): void {
  const directory = join(dataDir, "logs", log, "0");
  const segments = readdirSync(directory).filter((name) => name.endsWith(".log"));
  const newest = join(directory, segments.sort().at(-1)!);
  appendFileSync(newest, readFileSync(newest).subarray(96, 96 + tornSize));
}

async function main(repository: string, dataDir: string): Promise<void> {
  const load = (door: string) => import(pathToFileURL(resolve(repository, "packages", door)).href);
  const [clock, log, broker] = [
    load("base/dist/clock/index.js"),
    load("log/dist/index.js"),
    load("broker/dist/index.js"),
  ];
  await fillDataDirectory({ clock: await clock, log: await log, broker: await broker }, resolve(dataDir));
  rmSync(join(dataDir, "state", "LOG"), { force: true }); // LevelDB's diary, with paths of this machine.
  rmSync(join(dataDir, "state", "LOG.old"), { force: true });
}

const [program, ...words] = process.argv.slice(1);
if (program === fileURLToPath(import.meta.url)) await main(words[0]!, words[1]!);
