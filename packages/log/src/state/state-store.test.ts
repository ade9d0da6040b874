import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { LevelStateStore } from "./level-state-store.ts";
import { MemoryStateStore } from "./memory-state-store.ts";
import { stateStoreContract } from "./state-store.contract.ts";
import type { StateOperation, StateStore } from "./state-store.ts";

async function createLevel(context: TestContext): Promise<StateStore> {
  const directory = await mkdtemp(join(tmpdir(), "polylog-state-"));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return new LevelStateStore(join(directory, "state"));
}

const implementations = {
  memory: async (): Promise<StateStore> => new MemoryStateStore(),
  level: createLevel,
};

type Step = StateOperation[] | { key: string; expected: Uint8Array | undefined; value: Uint8Array } | "open";

const key = fc.constantFrom("a", "a/b", "b", "\u{1f600}", "\uffee");
const value = fc.uint8Array({ maxLength: 2 });
const operation: fc.Arbitrary<StateOperation> = fc.oneof(
  fc.record({ type: fc.constant("put" as const), key, value }),
  fc.record({ type: fc.constant("delete" as const), key }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.array(operation, { maxLength: 4 }) },
  { weight: 5, arbitrary: fc.record({ key, expected: fc.option(value, { nil: undefined }), value }) },
  { weight: 1, arbitrary: fc.constant("open" as const) },
);

for (const [name, create] of Object.entries(implementations)) {
  stateStoreContract({ name, create });

  test(`${name}: agrees with a map under any schedule`, async (context) => {
    const store = await create(context);
    await store.open();
    const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await clear(store);
      const model = new Map<string, Buffer>();
      const answers: Promise<unknown>[] = [];
      const expected: unknown[] = [];
      for (const each of steps) expected.push(applyToModel(model, each)) && answers.push(applyToStore(store, each));
      assert.deepEqual(await Promise.all(answers), expected);
      const ordered = [...model].sort(([a], [b]) => Buffer.from(a).compare(Buffer.from(b)));
      assert.deepEqual(await all(store, ""), ordered);
      assert.deepEqual(
        await all(store, "a"),
        ordered.filter(([each]) => each.startsWith("a")),
      );
    });
    await fc.assert(property, { numRuns: name === "memory" ? 300 : 60 });
    await store.close();
  });
}

async function applyToStore(store: StateStore, each: Step): Promise<unknown> {
  if (each === "open") {
    await store.open(); // It is open: the steps before are under way.
    return undefined;
  }
  if (Array.isArray(each)) return store.write(each);
  return store.compareAndSet(each.key, each.expected, each.value);
}

function applyToModel(model: Map<string, Buffer>, each: Step): unknown {
  if (each === "open") return undefined;
  if (!Array.isArray(each)) {
    const current = model.get(each.key);
    if (each.expected === undefined ? current !== undefined : !current?.equals(each.expected)) return false;
    model.set(each.key, Buffer.from(each.value));
    return true;
  }
  for (const operation of each) {
    if (operation.type === "put") model.set(operation.key, Buffer.from(operation.value));
    else model.delete(operation.key);
  }
  return undefined;
}

async function all(store: StateStore, prefix: string): Promise<(readonly [string, Buffer])[]> {
  const found: (readonly [string, Buffer])[] = [];
  for await (const entry of store.entries(prefix)) found.push(entry);
  return found;
}

async function clear(store: StateStore): Promise<void> {
  const deletes = (await all(store, "")).map(([each]) => ({ type: "delete" as const, key: each }));
  await store.write(deletes);
}
