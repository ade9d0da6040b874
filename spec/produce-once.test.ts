/**
 * Producers with an id over kill -9: each sends again whatever was not answered, to the next server on the same data
 * directory, five calls at a time. After each kill the segments are read by a parser that is not the log's: what was
 * acknowledged is stored, nothing is stored twice, and the order is the producer's (`MessageLedger`, `StoredLog`). Now and
 * then a producer is opened again, and what its earlier life still sends has to be refused.
 *
 *     POLYLOG_KILL_ROUNDS=1000   rounds; default 100 where CI=true, otherwise 15
 *     POLYLOG_SEED=1234          repeats the schedule of a run; the test prints its seed
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Chance,
  MessageLedger,
  prepareServer,
  type Run,
  renderMessage,
  type ServerProcess,
  StoredLog,
  seededChance,
  temporaryDirectory,
} from "@polylog/testkit";
import { WebSocket } from "ws";
import { callRpc } from "./json-rpc-client.ts";

const roundsWanted = Number(process.env["POLYLOG_KILL_ROUNDS"] ?? (process.env["CI"] === "true" ? 100 : 15));
const log = "payments";
const producerCount = 4;
const windowMax = 5;
const flags = ["--log-segment-size=64KiB", "--log-format=json", "--log-sync-interval=20ms"];

interface Call {
  readonly sequence: number;
  readonly values: readonly string[];
}

interface Answer {
  readonly id: number;
  readonly result?: { readonly duplicate?: boolean };
  readonly error?: { readonly message: string; readonly data: { readonly code: string } };
}

/** One life of a producer. It outlives connections and servers. */
class OnceProducer {
  readonly id: string;
  readonly epoch: number;
  readonly run: Run;
  readonly refusals: string[] = [];
  duplicates = 0;
  readonly #chance: Chance;
  /** In the order of their sequences. */
  readonly #unanswered: Call[] = [];
  #socket: WebSocket | undefined;

  constructor(id: string, epoch: number, run: Run, chance: Chance) {
    this.id = id;
    this.epoch = epoch;
    this.run = run;
    this.#chance = chance;
  }

  get firstUnanswered(): Call | undefined {
    return this.#unanswered[0];
  }

  /** Sends what was not answered again, and goes on, until the connection ends. */
  connect(server: ServerProcess): void {
    const socket = new WebSocket(`ws://127.0.0.1:${server.listeners.http.port}/rpc`);
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("message", (text) => this.#onAnswer(socket, JSON.parse(String(text)) as Answer));
    socket.on("open", () => {
      for (const call of this.#unanswered) this.#send(socket, call);
      this.#fill(socket);
    });
  }

  disconnect(): void {
    this.#socket?.terminate();
  }

  #fill(socket: WebSocket): void {
    while (this.#unanswered.length < windowMax) {
      const call = this.next();
      this.#unanswered.push(call);
      this.#send(socket, call);
    }
  }

  /** The call after the last one. */
  next(): Call {
    const sequence = this.run.sent;
    const values: string[] = [];
    for (let left = 1 + this.#chance.below(6); left > 0; left--)
      values.push(renderMessage(this.run.name, this.run.sent++, this.#chance.below(200)).toString("latin1"));
    return { sequence, values };
  }

  params({ sequence, values }: Call): object {
    const producer = { id: this.id, epoch: this.epoch, sequence };
    return { log, encoding: "utf8", records: values.map((value) => ({ value })), producer };
  }

  #send(socket: WebSocket, call: Call): void {
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: call.sequence, method: "produce", params: this.params(call) }));
  }

  #onAnswer(socket: WebSocket, { id, result, error }: Answer): void {
    if (socket !== this.#socket) return; // It came in by a connection that was given up.
    if (error !== undefined || this.#unanswered[0]?.sequence !== id) {
      this.refusals.push(error?.data.code ?? `an answer to ${id}`);
      return;
    }
    if (result?.duplicate === true) this.duplicates++;
    this.run.acknowledged += this.#unanswered.shift()!.values.length;
    this.#fill(socket);
  }
}

class Patient {
  readonly chance = seededChance();
  readonly ledger = new MessageLedger();
  readonly stored: StoredLog;
  readonly producers: OnceProducer[] = [];
  readonly lives: OnceProducer[] = [];
  fenced = 0;
  readonly #options: { dataDir: string; flags: string[] };
  #prepared: ReturnType<typeof prepareServer>;
  #server: ServerProcess | undefined;

  constructor(t: TestContext) {
    const dataDir = temporaryDirectory(t);
    this.stored = new StoredLog(dataDir, log);
    this.#options = { dataDir, flags };
    this.#prepared = prepareServer(this.#options);
    t.after(() => Promise.all([this.#prepared.discard(), this.#server?.kill()]));
    t.diagnostic(`POLYLOG_SEED=${this.chance.seed}`);
  }

  async start(): Promise<ServerProcess> {
    const prepared = this.#prepared;
    this.#prepared = prepareServer(this.#options);
    const server = await prepared.start();
    this.#server = server;
    if (this.producers.length > 0) return server;
    await callRpc(server.listeners.http.port, "log.create", { log });
    for (let i = 0; i < producerCount; i++) this.producers.push(await this.open(server, `shop-${i}`));
    return server;
  }

  async open(server: ServerProcess, id: string): Promise<OnceProducer> {
    const { epoch } = (await callRpc(server.listeners.http.port, "producer.open", { id })) as { epoch: number };
    const life = new OnceProducer(id, epoch, this.ledger.run(`${id}/${epoch}`), this.chance);
    this.lives.push(life);
    return life;
  }

  async round(): Promise<void> {
    const server = await this.start();
    if (this.chance.below(3) === 0) await this.replaceOne(server);
    for (const producer of this.producers) producer.connect(server);
    await sleep(5 + this.chance.below(120));
    await server.kill();
    for (const producer of this.producers) producer.disconnect();
    this.check();
  }

  /** Opens a producer again and has its earlier life try to go on. */
  async replaceOne(server: ServerProcess): Promise<void> {
    const at = this.chance.below(producerCount);
    const zombie = this.producers[at]!;
    this.producers[at] = await this.open(server, zombie.id);
    const late = zombie.params(zombie.next());
    await assert.rejects(callRpc(server.listeners.http.port, "produce", late), /was opened again/);
    this.fenced++;
  }

  check(): void {
    this.ledger.addStored(this.stored.readOn());
    this.ledger.checkStored();
    for (const { id, refusals } of this.lives) assert.deepEqual(refusals, [], id);
  }
}

test(`stores each record once in ${roundsWanted} kills`, { timeout: 280_000 }, async (t) => {
  const patient = new Patient(t);
  for (let i = 0; i < roundsWanted; i++) await patient.round();
  const server = await patient.start();
  for (const producer of patient.producers) {
    // The first call that was not answered is there already or comes next; then it is there.
    const params = producer.params(producer.firstUnanswered ?? producer.next());
    await callRpc(server.listeners.http.port, "produce", params);
    const again = await callRpc(server.listeners.http.port, "produce", params);
    assert.equal((again as { duplicate?: boolean }).duplicate, true);
  }
  assert.equal(await server.stop(), 0, server.output());
  patient.check();
  const { ledger, stored, lives, fenced } = patient;
  const duplicates = lives.reduce((sum, life) => sum + life.duplicates, 0);
  t.diagnostic(
    `${ledger.acknowledged} acknowledged, ${ledger.stored} stored in ${stored.producedBatches} calls and ` +
      `${stored.segmentCount} segments; ${duplicates} calls were known again, ${fenced} zombies fenced`,
  );
});
