import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import { MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import type { RecordFields, StateOperation, StateWriteOptions } from "@polylog/log";
import { MemoryStateStore } from "@polylog/log/memory";
import type { Broker } from "../broker.ts";
import { type Publication, type Subscriber, Subscription } from "../publication.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { ProducerRegistry } from "./producer-registry.ts";

const hasCode = (code: string) => (error: unknown) => isCodedError(error, code);

async function opened(producersMax = 3, state = new MemoryStateStore(), epochMax = -1) {
  await state.open();
  const registry = new ProducerRegistry(state, producersMax);
  await registry.load(epochMax);
  return { registry, state };
}

function codeOf(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return isCodedError(error) ? error.code : String(error);
  }
}

test("each life of a producer has a higher epoch", async () => {
  const { registry } = await opened();
  const epochs = await Promise.all([registry.open("a"), registry.open("a"), registry.open("b"), registry.open("a")]);
  assert.deepEqual(epochs, [1, 2, 3, 4]);
});

test("a lower epoch is fenced as soon as the producer is opened again", async () => {
  const { registry } = await opened();
  const first = await registry.open("a");
  registry.check("a", first);
  const opening = registry.open("a");
  assert.throws(() => registry.check("a", first), hasCode("log.PRODUCER_FENCED"));
  registry.check("a", await opening);
});

test("an epoch that was not handed out for the id is not known", async () => {
  const { registry } = await opened();
  const epoch = await registry.open("a");
  for (const [id, each] of [
    ["a", epoch + 1],
    ["b", epoch],
  ] as const)
    assert.throws(() => registry.check(id, each), hasCode("log.PRODUCER_UNKNOWN"));
});

test("epochs and fences survive a restart", async () => {
  const { registry, state } = await opened();
  const [zombie, current] = [await registry.open("a"), await registry.open("a")];
  const again = await opened(3, state);
  again.registry.check("a", current);
  assert.throws(() => again.registry.check("a", zombie), hasCode("log.PRODUCER_FENCED"));
  assert.equal(await again.registry.open("b"), current + 1);
});

class NotedWrites extends MemoryStateStore {
  readonly options: (StateWriteOptions | undefined)[] = [];
  failure: Error | undefined;

  override async write(operations: readonly StateOperation[], options?: StateWriteOptions): Promise<void> {
    this.options.push(options);
    if (this.failure !== undefined) throw this.failure;
    await super.write(operations);
  }
}

test("an epoch is saved and synced before it is answered", async () => {
  const state = new NotedWrites();
  const { registry } = await opened(3, state);
  await registry.open("a");
  assert.deepEqual(state.options, [{ sync: true }]);
  state.failure = new Error("no space");
  await assert.rejects(registry.open("a"), hasCode("broker.STATE_WRITE_FAILED"));
});

test("the producer not used for longest is forgotten", async () => {
  const { registry, state } = await opened(2);
  const [a, b] = [await registry.open("a"), await registry.open("b")];
  registry.check("a", a);
  await registry.open("c");
  assert.equal(registry.size, 2);
  assert.equal(
    codeOf(() => registry.check("b", b)),
    "log.PRODUCER_UNKNOWN",
  );
  registry.check("a", a);
  const again = await opened(2, state);
  assert.equal(again.registry.size, 2);
  again.registry.check("a", a);
  assert.ok((await again.registry.open("b")) > 3);
});

test("epochs go on behind those in the logs when the state was lost", async () => {
  const { registry } = await opened(3, new MemoryStateStore(), 41);
  assert.equal(await registry.open("a"), 42);
});

test("refuses an id that is none, and state that is damaged", async () => {
  const { registry, state } = await opened();
  for (const id of ["", "a b", "ü", "x".repeat(65), "a#ephemeral"])
    await assert.rejects(registry.open(id), hasCode("broker.PRODUCER_ID_INVALID"));
  for (const row of ["{}", "{", '{"epoch":1.5}']) {
    await state.write([{ type: "put", key: "producer/a", value: Buffer.from(row) }]);
    await assert.rejects(opened(3, state), hasCode("broker.STATE_DAMAGED"));
  }
});

const records = (...values: string[]): RecordFields[] => values.map((value) => ({ value: Buffer.from(value) }));

class Listener implements Subscriber {
  readonly payloads: string[] = [];
  onPublication({ payload, payloadStart, payloadEnd }: Publication): void {
    this.payloads.push(payload.toString("latin1", payloadStart, payloadEnd));
  }
}

function listen(broker: Broker): Listener {
  const listener = new Listener();
  broker.router.subscribe("orders", listener, new Subscription(listener, "orders", { qos: 0 }));
  return listener;
}

test("what is sent again is neither appended nor delivered again", async () => {
  const { broker, run } = await startMemory();
  const log = broker.catalog.ensure("orders");
  const listener = listen(broker);
  const stamp = { id: "a", epoch: await broker.producers.open("a"), sequence: 0 };
  const [partition] = log.partitions;
  assert.equal(broker.produceOnce(log, partition!, stamp, records("x", "y")).duplicate, false);
  assert.equal(broker.produceOnce(log, partition!, stamp, records("x", "y")).duplicate, true);
  await run();
  assert.deepEqual([listener.payloads, log.messageCount, log.messageBytes], [["x", "y"], 2, 2]);
  const metrics = new MetricRegistry();
  broker.registerMetrics(metrics);
  const text = renderPrometheus(metrics);
  assert.match(text, /^polylog_duplicate_calls_total 1$/m);
  assert.match(text, /^polylog_producers 1$/m);
});

async function startMemory(options: object = {}) {
  const memory = await MemoryBroker.start(options);
  return { memory, broker: memory.broker, run: () => memory.run() };
}

test("a zombie is fenced in every log, also after a crash", async () => {
  const { memory, broker } = await startMemory();
  const logs = ["orders", "payments"].map((name) => broker.catalog.ensure(name));
  const zombie = { id: "a", epoch: await broker.producers.open("a"), sequence: 0 };
  broker.produceOnce(logs[0]!, logs[0]!.partitions[0]!, zombie, records("x"));
  const epoch = await broker.producers.open("a");
  await memory.run();
  const attempt = (each: Broker, name: string, sequence: number) => () => {
    const log = each.catalog.require(name);
    each.produceOnce(log, log.partitions[0]!, { ...zombie, sequence }, records("late"));
  };
  assert.throws(attempt(broker, "orders", 1), hasCode("log.PRODUCER_FENCED"));
  assert.throws(attempt(broker, "payments", 0), hasCode("log.PRODUCER_FENCED"));
  const crashed = await memory.crash();
  assert.throws(attempt(crashed.broker, "orders", 1), hasCode("log.PRODUCER_FENCED"));
  assert.throws(attempt(crashed.broker, "payments", 0), hasCode("log.PRODUCER_FENCED"));
  const log = crashed.broker.catalog.require("orders");
  const next = { id: "a", epoch, sequence: 0 };
  assert.equal(crashed.broker.produceOnce(log, log.partitions[0]!, next, records("new")).baseOffset, 1);
});
