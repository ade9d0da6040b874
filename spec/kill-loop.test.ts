/**
 * kill -9, again and again, on one data directory, while producers of every protocol send and a channel is worked off.
 *
 * After each kill the segment files are read by a parser that is not the log's (`StoredLog` of the test kit) and compared
 * with what each producer saw acknowledged (`MessageLedger`): acked ⊆ stored, order per producer, no gap, no duplicate.
 * At the end everything acknowledged must have been finished by a consumer.
 *
 *     POLYLOG_KILL_ROUNDS=1000   rounds; default 200 where CI=true, otherwise 30
 *     POLYLOG_SEED=1234          repeats the schedule of a run; each test prints its seed
 *
 * A round takes about as long as a process needs to load the server's modules, which the next one does meanwhile.
 */

import assert from "node:assert/strict";
import { closeSync, openSync, writeSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Chance,
  ChannelWorker,
  type Door,
  doors,
  MessageLedger,
  type PreparedServer,
  Producer,
  prepareServer,
  type ServerProcess,
  StoredLog,
  seededChance,
  startServer,
  temporaryDirectory,
} from "@polylog/testkit";
import { callRpc } from "./json-rpc-client.ts";

const roundsWanted = Number(process.env["POLYLOG_KILL_ROUNDS"] ?? (process.env["CI"] === "true" ? 200 : 30));
const log = "numbers";
const flagsAlways = ["--log-segment-size=64KiB", "--log-format=json", "--log-sync-interval=20ms"];

/** One data directory, the servers that run on it one after the other, and what is known of it. */
class Patient {
  readonly dataDir: string;
  readonly chance: Chance = seededChance();
  readonly ledger = new MessageLedger();
  readonly stored: StoredLog;
  readonly #options: { dataDir: string; flags: string[] };
  readonly #doors: readonly Door[];
  #prepared: PreparedServer;
  #server: ServerProcess | undefined;
  #round = 0;
  #created = false;

  constructor(t: TestContext, flags: readonly string[] = [], through: readonly Door[] = Object.values(doors)) {
    this.dataDir = temporaryDirectory(t);
    this.#doors = through;
    this.stored = new StoredLog(this.dataDir, log);
    this.#options = { dataDir: this.dataDir, flags: [...flagsAlways, ...flags] };
    this.#prepared = prepareServer(this.#options);
    t.after(() => Promise.all([this.#prepared.discard(), this.#server?.kill()]));
    t.diagnostic(`POLYLOG_SEED=${this.chance.seed}`);
  }

  /** Starts the process that is prepared and prepares another. */
  next(): PreparedServer {
    const prepared = this.#prepared;
    this.#prepared = prepareServer(this.#options);
    return prepared;
  }

  async start(): Promise<ServerProcess> {
    const server = await this.next().start();
    this.#server = server;
    // Before the first message: until there is such a log, the MQTT topic of its name is not captured.
    if (!this.#created) await callRpc(server.listeners.http.port, "log.create", { log });
    this.#created = true;
    return server;
  }

  /** The server lives until so much is acknowledged, but not much longer than 3 s, and a random time. */
  async round(acknowledgedMin = 0): Promise<void> {
    const round = this.#round++;
    const server = await this.start();
    const producers = this.#startProducers(server, round);
    const worker = this.work(server);
    const enough = this.ledger.acknowledged + acknowledgedMin;
    for (let waitedMs = 0; this.ledger.acknowledged < enough && waitedMs < 3000; waitedMs += 10) await sleep(10);
    await sleep(5 + this.chance.below(120));
    await server.kill();
    worker.close();
    for (const producer of producers) producer.close();
    this.check();
  }

  #startProducers(server: ServerProcess, round: number): Producer[] {
    return this.#doors.map(
      (door) => new Producer({ server, door, log, chance: this.chance, run: this.ledger.run(`${door.name}/${round}`) }),
    );
  }

  work(server: ServerProcess): ChannelWorker {
    return new ChannelWorker({ server, log, channel: "workers", ledger: this.ledger, chance: this.chance });
  }

  check(): void {
    this.ledger.addStored(this.stored.readOn());
    this.ledger.checkStored();
  }

  /** All of it once more, from the first byte; then everything acknowledged is worked off. */
  async checkAll(t: TestContext): Promise<void> {
    const fresh = new StoredLog(this.dataDir, log);
    assert.equal(fresh.readOn().length, this.ledger.stored);
    const server = await this.start();
    const worker = this.work(server);
    for (let waitedMs = 0; this.ledger.unfinished().length > 0 && waitedMs < 30_000; waitedMs += 20) await sleep(20);
    assert.deepEqual(this.ledger.unfinished(), []);
    worker.close();
    const { ledger, stored } = this;
    t.diagnostic(
      `${this.#round} rounds: ${ledger.acknowledged} acknowledged, ${ledger.stored} stored in ${stored.segmentCount} ` +
        `segments, ${ledger.deliveries} finished`,
    );
    assert.equal(await server.stop(), 0, server.output());
  }
}

test(`loses nothing acknowledged in ${roundsWanted} kills`, { timeout: 580_000 }, async (t) => {
  const patient = new Patient(t);
  let torn = 0;
  for (let i = 0; i < roundsWanted; i++) {
    await patient.round();
    if (patient.stored.tornBytes > 0) torn++;
  }
  t.diagnostic(`${torn} kills left a torn tail`);
  await patient.checkAll(t);
});

test("loses nothing where everything is synced", { timeout: 120_000 }, async (t) => {
  const through = [doors.mqtt, doors.httpPub, doors.rpcSynced];
  const patient = new Patient(t, ["--durability=synced", "--log-segment-size=1MiB"], through);
  let zeros = 0;
  for (let i = 0; i < Math.ceil(roundsWanted / 5); i++) {
    await patient.round(30);
    if (patient.stored.zeroBytes > 100) zeros++;
  }
  t.diagnostic(`${zeros} kills left zeros behind the last batch`);
  await patient.checkAll(t);
});

test("recovers after recovery itself was killed", { timeout: 120_000 }, async (t) => {
  const patient = new Patient(t);
  for (let i = 0; i < Math.ceil(roundsWanted / 20); i++) {
    await patient.round();
    tearTail(patient);
    for (let kills = 0; kills < 3; kills++) await patient.next().startAndKill(patient.chance.below(30));
    patient.check();
  }
  await patient.checkAll(t);
});

/** What a crash in the middle of a write leaves: the beginning of a batch that nobody was promised. */
function tearTail({ chance, stored }: Patient): void {
  const { path, position } = stored.end;
  if (stored.tornBytes > 0 || position === 0) return;
  const batch = Buffer.alloc(48 + chance.below(2000), 1);
  batch.write("PLB1");
  batch.writeUInt32LE(40 + 4000, 4);
  const file = openSync(path, "r+");
  writeSync(file, batch, 0, 1 + chance.below(batch.length - 1), position);
  closeSync(file);
}

test("answers what it took before it stops", { timeout: 60_000 }, async (t) => {
  const patient = new Patient(t);
  const server = await patient.start();
  const producers = Object.values(doors).map(
    (door) =>
      new Producer({
        server,
        door,
        log,
        chance: patient.chance,
        run: patient.ledger.run(door.name),
        pauseMsMax: 0,
        window: 64,
      }),
  );
  await sleep(200);
  const startedAt = performance.now();
  assert.equal(await server.stop(), 0, server.output());
  const stopMs = performance.now() - startedAt;
  assert.ok(stopMs < 10_000, `it took ${stopMs} ms`);
  assert.match(server.output(), /everything acknowledged is on disk/);
  for (const producer of producers) producer.close();
  patient.check();
  t.diagnostic(`stopped in ${stopMs.toFixed(0)} ms, ${patient.ledger.acknowledged} acknowledged`);
  await patient.checkAll(t);
});

test("exits at once on a second SIGTERM", { timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: ["--drain-timeout=1m"] });
  t.after(() => server.kill());
  // A request whose body never ends keeps the drain waiting.
  const body = new ReadableStream({ pull: () => new Promise(() => undefined) });
  const url = `http://127.0.0.1:${server.listeners.nsqHttp.port}/pub?topic=${log}`;
  void fetch(url, { method: "POST", body, duplex: "half" } as RequestInit).catch(() => undefined);
  await sleep(100);
  process.kill(server.pid, "SIGTERM");
  await sleep(600); // Less is taken for the echo of a terminal.
  assert.equal(await server.stop("SIGTERM"), 143);
});
