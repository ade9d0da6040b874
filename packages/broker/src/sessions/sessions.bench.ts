/**
 * What queues of sessions cost on real files: messages in and out, memory, a start.
 *
 *     node packages/broker/dist/sessions/sessions.bench.js [--smoke] [--directory DIR]
 *
 * Memory is heap and buffers after a full collection, if Node was started with --expose-gc; more otherwise.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@polylog/base/clock";
import { FileStorage, LevelStateStore } from "@polylog/log/embedded";
import { Delivery } from "./delivery.ts";
import { DurableSessionStore } from "./durable-session-store.ts";
import { SessionMessage } from "./session-message.ts";
import type { StoredSession } from "./stored-session.ts";

const smoke = process.argv.includes("--smoke");
const given = process.argv.indexOf("--directory");
const directory = mkdtempSync(join(given < 0 ? tmpdir() : process.argv[given + 1]!, "polylog-bench-"));
const messageCount = smoke ? 2_000 : 1_000_000;
const idleCount = smoke ? 200 : 100_000;
const payload = Buffer.alloc(16, "x");
const topic = Buffer.from("site/1/sensor/2/temp");
/** Messages that arrive in one turn, and those that wait to be acknowledged. */
const arrivingMax = 256;
const outstandingMax = 1024;

async function main(): Promise<void> {
  try {
    await enqueueAndDequeue();
    await fanOut();
    await exchangeQos2();
    await manySessions();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface Opened {
  readonly store: DurableSessionStore;
  readonly state: LevelStateStore;
}

async function open(name: string): Promise<Opened> {
  const state = new LevelStateStore(join(directory, `${name}-state`));
  await state.open();
  const store = new DurableSessionStore({
    storage: new FileStorage(join(directory, name)),
    state,
    clock: systemClock,
    limits: { messagesMax: 10_000_000, bytesMax: 2 ** 40, whenFull: "refuse" },
  });
  await store.open();
  return { store, state };
}

async function close({ store, state }: Opened): Promise<void> {
  await store.close();
  await state.close();
}

async function create(store: DurableSessionStore, count: number): Promise<StoredSession[]> {
  const creations: Promise<StoredSession>[] = [];
  for (let i = 0; i < count; i++) creations.push(store.create(`client-${i}`, Buffer.alloc(40)));
  return Promise.all(creations);
}

/** Appends `count` messages, to `to(i)`, as fast as they are acknowledged; returns seconds. */
async function publish(store: DurableSessionStore, count: number, to: (i: number) => readonly StoredSession[]) {
  const message = new SessionMessage();
  message.topic = topic;
  message.payload = payload;
  message.payloadEnd = payload.length;
  message.qos = 1;
  let acknowledged = 0;
  const waiter = { onDurable: () => void acknowledged++ };
  const startedAtMs = performance.now();
  for (let sent = 0; acknowledged < count; ) {
    for (let i = 0; i < arrivingMax && sent < count && sent - acknowledged < outstandingMax; i++) {
      message.begin();
      for (const session of to(sent)) message.addRecipient(session, 1);
      if (store.append(message, waiter, 0)) acknowledged++;
      sent++;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return (performance.now() - startedAtMs) / 1000;
}

/** A client that answers each message in the turn after. */
class Client {
  count = 0;
  readonly #session: StoredSession;
  readonly #delivery = new Delivery();

  constructor(session: StoredSession) {
    this.#session = session;
    session.attach(this);
  }

  onDeliverable(): void {
    const delivery = this.#delivery;
    for (let i = 0; i < arrivingMax && this.#session.next(delivery) === "message"; i++) {
      this.#session.finish(delivery.sequence);
      this.count++;
    }
  }
}

async function drain(sessions: readonly StoredSession[], count: number): Promise<number> {
  const startedAtMs = performance.now();
  const clients = sessions.map((session) => new Client(session));
  for (let done = 0; done < count; ) {
    await new Promise((resolve) => setImmediate(resolve));
    done = 0;
    for (const client of clients) {
      client.onDeliverable();
      done += client.count;
    }
  }
  for (const session of sessions) session.detach();
  return (performance.now() - startedAtMs) / 1000;
}

async function enqueueAndDequeue(): Promise<void> {
  let opened = await open("one");
  const [session] = await create(opened.store, 1);
  const before = memory();
  print("enqueue, 1 session", messageCount, await publish(opened.store, messageCount, () => [session!]));
  const taken = memory() - before;
  process.stdout.write(`1 session, ${messageCount} waiting: ${mib(taken)} of memory, newest records included; `);
  process.stdout.write(`${(opened.store.arena.size / messageCount).toFixed(1)} bytes of queue per entry\n`);
  await close(opened);
  cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  opened = await open("one");
  process.stdout.write(`start with ${messageCount} waiting: ${Math.round(performance.now() - startedAtMs)} ms\n`);
  print("dequeue from disk, 1 session", messageCount, await drain([opened.store.get("client-0")!], messageCount));
  const { fromDisk, fromMemory } = opened.store.counters;
  process.stdout.write(`${fromDisk} from disk, ${fromMemory} from memory\n`);
  const client = new Client(opened.store.get("client-0")!);
  print(
    "through, 1 session, from memory",
    messageCount,
    await publish(opened.store, messageCount, () => [opened.store.get("client-0")!]),
  );
  while (client.count < messageCount) {
    client.onDeliverable();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await close(opened);
}

async function fanOut(): Promise<void> {
  const opened = await open("fan");
  const sessions = await create(opened.store, 100);
  const count = messageCount / 50;
  const before = memory();
  print("enqueue, 100 sessions each", count * 100, await publish(opened.store, count, () => sessions));
  const bytes = opened.store.arena.size / (count * 100);
  process.stdout.write(
    `100 sessions, ${count * 100} waiting: ${mib(memory() - before)}, ${bytes.toFixed(1)} per entry\n`,
  );
  print("dequeue, 100 sessions", count * 100, await drain(sessions, count * 100));
  await close(opened);
}

/** PUBLISH, PUBREC, PUBREL, PUBCOMP on both sides; every step durable. */
async function exchangeQos2(): Promise<void> {
  const { store, state } = await open("qos2");
  const [from, to] = (await create(store, 2)) as [StoredSession, StoredSession];
  const count = messageCount / 5;
  const message = new SessionMessage();
  Object.assign(message, { topic, payload, payloadEnd: payload.length });
  const delivery = new Delivery();
  let completed = 0;
  let finished = 0;
  let sent = 0;
  const onPubcomp = { onDurable: () => void completed++ };
  const onPubrec = { onDurable: (identifier: number) => void from.release(identifier, onPubcomp, 0) };
  const onReceived = { onDurable: (sequence: number) => void (to.finish(sequence) && finished++) };
  const onDeliverable = (): void => {
    while (to.next(delivery) === "message") to.received(delivery.sequence, onReceived, delivery.sequence);
  };
  to.attach({ onDeliverable });
  const startedAtMs = performance.now();
  while (finished < count || completed < count) {
    for (let i = 0; i < arrivingMax && sent < count && sent - completed < outstandingMax; i++, sent++) {
      message.begin();
      message.qos = 2;
      message.publisher = from;
      message.packetIdentifier = (sent % 65_535) + 1;
      message.addRecipient(to, 2);
      store.append(message, onPubrec, message.packetIdentifier);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  print("QoS 2 in and out, both durable", count, (performance.now() - startedAtMs) / 1000);
  await close({ store, state });
}

async function manySessions(): Promise<void> {
  let opened = await open("many");
  const before = memory();
  const startedAtMs = performance.now();
  const sessions = await create(opened.store, idleCount);
  print("create", idleCount, (performance.now() - startedAtMs) / 1000);
  process.stdout.write(`${Math.round((memory() - before) / idleCount)} bytes per idle session\n`);
  const each = Array.from({ length: 10 }, () => sessions[0]!);
  const toTen = (i: number): readonly StoredSession[] => {
    for (let k = 0; k < 10; k++) each[k] = sessions[(i * 10 + k) % idleCount]!;
    return each;
  };
  const count = idleCount;
  print("enqueue, 10 of many sessions each", count * 10, await publish(opened.store, count, toTen));
  const queues = opened.store.arena.size;
  process.stdout.write(`${count * 10} waiting over ${idleCount} sessions: ${mib(queues)} of queues\n`);
  await opened.store.flush();
  await close(opened);
  cpuBefore = process.cpuUsage();
  const restartedAtMs = performance.now();
  opened = await open("many");
  const { size, queuedCount } = opened.store;
  print(`start with ${queuedCount} waiting, sessions`, size, (performance.now() - restartedAtMs) / 1000);
  await close(opened);
}

function memory(): number {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

let cpuBefore = process.cpuUsage();

/** The time of the processor since the last line says more than the rate where others use the machine, too. */
function print(what: string, count: number, seconds: number): void {
  const { user, system } = process.cpuUsage(cpuBefore);
  const microseconds = ((user + system) / count).toFixed(2);
  process.stdout.write(
    `${what}: ${Math.round(count / seconds).toLocaleString("en")}/s, ${microseconds} µs of CPU each\n`,
  );
  cpuBefore = process.cpuUsage();
}

await main();
