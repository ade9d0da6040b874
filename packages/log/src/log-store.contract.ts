/**
 * What every `LogStore` does, as tests; `partition.contract.ts` has those of its partitions. A new engine registers them with
 * `logStoreContract`; see `log-store.test.ts`.
 */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { partitionContract } from "./partition.contract.ts";
import {
  ContractRig,
  type ContractTests,
  hasCode,
  type LogStorePlace,
  put,
  valuesFrom,
} from "./testing/contract-rig.ts";

export interface LogStoreContractOptions {
  readonly name: string;
  /** A place without logs; what it needs is cleaned up with `context.after`. */
  create(context: TestContext): Promise<LogStorePlace>;
}

/** An engine that never comes to an end fails. */
const testTimeoutMs = 30_000;

export function logStoreContract({ name, create }: LogStoreContractOptions): void {
  for (const [subject, tests] of Object.entries({ ...logTests, ...partitionContract }))
    describe(`${name}: ${subject}`, () => {
      for (const [title, body] of Object.entries(tests))
        it(title, { timeout: testTimeoutMs }, async (context) => {
          const rig = new ContractRig(await create(context));
          await rig.open();
          try {
            await body(rig);
          } finally {
            await rig.finish(rig.store.close());
          }
        });
    });
}

const making: ContractTests = {
  "makes a log that takes records at once": async ({ store }) => {
    const log = store.create("orders", { partitions: 3 });
    assert.equal(store.get("orders"), log);
    assert.deepEqual([log.name, log.ephemeral, log.partitions.length], ["orders", false, 3]);
    assert.deepEqual(
      log.partitions.map(({ number }) => number),
      [0, 1, 2],
    );
    assert.deepEqual([put(log.partitions[1]!, "a"), put(log.partitions[1]!, "b")], [0, 1]);
  },

  "lists its logs": async (rig) => {
    await rig.created("a");
    await rig.created("b");
    assert.deepEqual(
      rig.store
        .list()
        .map(({ name }) => name)
        .sort(),
      ["a", "b"],
    );
    assert.equal(rig.store.get("c"), undefined);
    await assert.rejects(rig.store.whenCreated("c"), hasCode("log.LOG_NOT_FOUND"));
  },

  "refuses names, doubles and configurations that are not good": async ({ store }) => {
    store.create("orders");
    assert.throws(() => store.create("orders"), hasCode("log.LOG_EXISTS"));
    assert.throws(() => store.create("not a name"), hasCode("log.LOG_NAME_INVALID"));
    assert.throws(() => store.create("other", { partitions: 0 }), hasCode("log.LOG_CONFIG_INVALID"));
    assert.equal(store.list().length, 1);
  },

  "keeps logs, configurations and records when it is opened again": async (rig) => {
    const partition = await rig.created("orders", { durability: "synced", retentionMs: 5000 });
    for (const value of ["a", "b", "c"]) put(partition, value);
    const { config } = rig.store.get("orders")!;
    const store = await rig.reopen();
    const log = store.get("orders")!;
    assert.deepEqual(log.config, config);
    assert.deepEqual(await valuesFrom(log.partitions[0]!), ["a", "b", "c"]);
    assert.equal(put(log.partitions[0]!, "d"), 3);
  },

  "forgets ephemeral logs": async (rig) => {
    const partition = await rig.created("live#ephemeral");
    assert.equal(rig.store.get("live#ephemeral")?.ephemeral, true);
    put(partition, "a");
    await rig.finish(partition.sync());
    assert.deepEqual(await valuesFrom(partition), ["a"]);
    assert.deepEqual((await rig.reopen()).list(), []);
  },
};

const changing: ContractTests = {
  "changes a configuration for good": async (rig) => {
    await rig.created();
    const config = await rig.finish(rig.store.alter("orders", { retentionMs: 1000, durability: "synced" }));
    assert.deepEqual([config.retentionMs, config.durability, config.partitions], [1000, "synced", 1]);
    assert.deepEqual(rig.store.get("orders")?.config, config);
    assert.deepEqual((await rig.reopen()).get("orders")?.config, config);
  },

  "grows a log behind the partitions that are there": async (rig) => {
    const first = await rig.created();
    put(first, "a");
    await rig.finish(rig.store.alter("orders", { partitions: 3 }));
    const { partitions } = rig.store.get("orders")!;
    assert.deepEqual([partitions.length, partitions[0] === first], [3, true]);
    put(partitions[2]!, "c");
    const again = (await rig.reopen()).get("orders")!.partitions;
    assert.deepEqual([again.length, await valuesFrom(again[0]!), await valuesFrom(again[2]!)], [3, ["a"], ["c"]]);
  },

  "refuses to shrink, what is not good, and logs that it has not": async (rig) => {
    await rig.created("orders", { partitions: 2 });
    const { config } = rig.store.get("orders")!;
    const refused = (name: string, changes: object, code: string): Promise<void> =>
      assert.rejects(rig.finish(rig.store.alter(name, changes)), hasCode(code));
    await refused("orders", { partitions: 1 }, "log.LOG_CONFIG_INVALID");
    await refused("orders", { durability: "sometimes" }, "log.LOG_CONFIG_INVALID");
    await refused("others", { partitions: 3 }, "log.LOG_NOT_FOUND");
    assert.deepEqual(rig.store.get("orders")!.config, config);
  },
};

const ending: ContractTests = {
  "removes a log, and a new one of its name begins anew": async (rig) => {
    const partition = await rig.created();
    put(partition, "a");
    await rig.finish(partition.sync());
    const deleted = rig.store.delete("orders");
    assert.equal(rig.store.get("orders"), undefined);
    const again = rig.store.create("orders");
    await rig.finish(deleted);
    await rig.finish(rig.store.whenCreated("orders"));
    assert.equal(put(again.partitions[0]!, "b"), 0);
    assert.throws(() => put(partition, "c"), hasCode("log.PARTITION_CLOSED"));
    await assert.rejects(rig.finish(rig.store.delete("others")), hasCode("log.LOG_NOT_FOUND"));
    assert.deepEqual(await valuesFrom((await rig.reopen()).get("orders")!.partitions[0]!), ["b"]);
  },

  "tells who waits and watches that a log is gone": async (rig) => {
    const partition = await rig.created();
    const heard: string[] = [];
    partition.watch({ onHighWatermark: ({ status }) => heard.push(status) });
    const end = put(partition, "a") + 1;
    partition.whenDurable(end, "synced", { onDurable: (_, error) => heard.push(error?.code ?? "synced") }, 0);
    await rig.finish(rig.store.delete("orders"));
    assert.ok(heard.includes("closed"), `${heard}`);
    assert.ok(heard.includes("log.PARTITION_CLOSED") || heard.includes("synced"), `${heard}`);
  },

  "writes what was appended, and takes nothing more, when it closes": async (rig) => {
    const partition = await rig.created();
    const heard: (string | undefined)[] = [];
    const end = put(partition, "a") + 1;
    partition.whenDurable(end, "synced", { onDurable: (_, error) => heard.push(error?.code) }, 0);
    await rig.finish(rig.store.close());
    assert.deepEqual(heard, [undefined]);
    assert.equal(partition.status, "closed");
    assert.throws(() => rig.store.create("others"), hasCode("log.STORE_CLOSED"));
    assert.throws(() => put(partition, "b"), hasCode("log.PARTITION_CLOSED"));
    await assert.rejects(partition.readChunk(0, 100), hasCode("log.PARTITION_CLOSED"));
    await assert.rejects(partition.trimTo(1), hasCode("log.PARTITION_CLOSED"));
    assert.deepEqual(await valuesFrom((await rig.open()).get("orders")!.partitions[0]!), ["a"]);
  },
};

const logTests = { "making logs": making, "changing logs": changing, "ends of logs": ending };
