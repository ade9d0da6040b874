/** What every `StateStore` does, as tests. Register with `stateStoreContract`; see `state-store.test.ts`. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { stateKeySizeMax, stateValueSizeMax } from "./limits.ts";
import type { StateStore } from "./state-store.ts";

export interface StateStoreContractOptions {
  /** Put before every test name. */
  readonly name: string;
  /** Makes an empty store that is not open yet; what it needs is cleaned up with `context.after`. */
  create(context: TestContext): Promise<StateStore>;
}

export function stateStoreContract({ name, create }: StateStoreContractOptions): void {
  const contractTest = (title: string, body: (store: StateStore) => Promise<void>): void => {
    test(`${name}: ${title}`, async (context) => {
      const store = await create(context);
      await store.open();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });
  };
  for (const [title, body] of Object.entries({ ...values, ...entries, ...order, ...compareAndSet, ...life })) {
    contractTest(title, body);
  }
}

type ContractTests = Readonly<Record<string, (store: StateStore) => Promise<void>>>;

const values: ContractTests = {
  "answers undefined for a missing key": async (store) => {
    assert.equal(await store.get("missing"), undefined);
  },

  "keeps a value byte for byte": async (store) => {
    const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    for (const value of [Buffer.alloc(0), allBytes, Buffer.alloc(1024 * 1024, "x")]) {
      await put(store, "key", value);
      assert.deepEqual(await store.get("key"), value);
    }
  },

  "replaces and deletes a value": async (store) => {
    await put(store, "key", "one");
    await put(store, "key", "two");
    assert.equal(await text(store, "key"), "two");
    await store.write([{ type: "delete", key: "key" }]);
    assert.equal(await store.get("key"), undefined);
    await store.write([{ type: "delete", key: "key" }]);
  },

  "copies the value it is given": async (store) => {
    const value = Buffer.from("before");
    const written = store.write([{ type: "put", key: "key", value }]);
    value.fill("!");
    await written;
    assert.equal(await text(store, "key"), "before");
  },

  "gives values away as copies": async (store) => {
    await put(store, "key", "before");
    (await store.get("key"))?.fill("!");
    for await (const [, value] of store.entries("")) value.fill("!");
    assert.equal(await text(store, "key"), "before");
  },

  "refuses a value above the limit": async (store) => {
    const tooLarge = Buffer.alloc(stateValueSizeMax + 1);
    const both = [
      { type: "put", key: "small", value: Buffer.alloc(1) },
      { type: "put", key: "large", value: tooLarge },
    ] as const;
    await assert.rejects(store.write(both), { code: "log.STATE_VALUE_TOO_LARGE" });
    await assert.rejects(store.compareAndSet("large", undefined, tooLarge), { code: "log.STATE_VALUE_TOO_LARGE" });
    assert.equal(await store.get("small"), undefined);
  },

  "refuses keys that are empty, too long or malformed": async (store) => {
    for (const key of ["", "k".repeat(stateKeySizeMax + 1), "lone \ud800 surrogate"]) {
      await assert.rejects(put(store, key, "value"), { code: "log.STATE_INVALID_KEY" });
      await assert.rejects(store.get(key), { code: "log.STATE_INVALID_KEY" });
      await assert.rejects(store.compareAndSet(key, undefined, Buffer.alloc(0)), { code: "log.STATE_INVALID_KEY" });
    }
    const longest = "k".repeat(stateKeySizeMax);
    await put(store, longest, "value");
    assert.equal(await text(store, longest), "value");
  },
};

const entries: ContractTests = {
  "lists the entries under a prefix": async (store) => {
    for (const key of ["a", "a/", "a/1", "a/2", "a/\u{10ffff}", "a0", "b"]) await put(store, key, `value of ${key}`);
    assert.deepEqual(await keys(store, "a/"), ["a/", "a/1", "a/2", "a/\u{10ffff}"]);
    assert.deepEqual(await keys(store, "nothing"), []);
    for await (const [key, value] of store.entries("")) assert.equal(value.toString(), `value of ${key}`);
  },

  "orders keys by their UTF-8 bytes": async (store) => {
    const ordered = ["B", "a", "aa", "b", "\u00e9", "\uffee", "\u{1f600}"];
    for (const key of ordered.toReversed()) await put(store, key, "");
    assert.deepEqual(await keys(store, ""), ordered);
  },

  "lists entries as they were at the start": async (store) => {
    for (const key of ["a", "b", "c"]) await put(store, key, "before");
    const seen: string[] = [];
    for await (const [key, value] of store.entries("")) {
      seen.push(`${key} ${value}`);
      await put(store, "c", "after");
      await put(store, "d", "after");
    }
    assert.deepEqual(seen, ["a before", "b before", "c before"]);
  },

  "lets a reader of entries stop early": async (store) => {
    for (let i = 0; i < 100; i++) await put(store, `key ${i}`, "value");
    for await (const [key] of store.entries("")) if (key !== "") break;
    assert.equal((await keys(store, "")).length, 100);
  },
};

const order: ContractTests = {
  "applies the operations of a write in order": async (store) => {
    await store.write([
      { type: "put", key: "a", value: Buffer.from("1") },
      { type: "delete", key: "a" },
      { type: "put", key: "b", value: Buffer.from("1") },
      { type: "put", key: "b", value: Buffer.from("2") },
      { type: "put", key: "c", value: Buffer.from("1") },
      { type: "delete", key: "c" },
      { type: "put", key: "c", value: Buffer.from("3") },
    ]);
    assert.deepEqual([await text(store, "a"), await text(store, "b"), await text(store, "c")], [undefined, "2", "3"]);
    await store.write([]);
  },

  "applies writes in the order of the calls": async (store) => {
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 500; i++) writes.push(put(store, "key", `${i}`, i % 100 === 0));
    await Promise.all(writes);
    assert.equal(await text(store, "key"), "499");
  },
};

const compareAndSet: ContractTests = {
  "sets only what holds the expected value": async (store) => {
    const [one, two] = [Buffer.from("one"), Buffer.from("two")];
    assert.equal(await store.compareAndSet("key", one, two), false);
    assert.equal(await store.compareAndSet("key", undefined, one), true);
    assert.equal(await store.compareAndSet("key", undefined, two), false);
    assert.equal(await store.compareAndSet("key", two, two), false);
    assert.equal(await text(store, "key"), "one");
    assert.equal(await store.compareAndSet("key", one, two), true);
    assert.equal(await text(store, "key"), "two");
  },

  "tells an empty value from none": async (store) => {
    const empty = Buffer.alloc(0);
    assert.equal(await store.compareAndSet("key", empty, empty), false);
    assert.equal(await store.compareAndSet("key", undefined, empty), true);
    assert.equal(await store.compareAndSet("key", undefined, empty), false);
    assert.equal(await store.compareAndSet("key", empty, Buffer.from("value")), true);
  },

  "lets one of many comparers win": async (store) => {
    const attempts = Array.from({ length: 50 }, (_, i) => store.compareAndSet("key", undefined, Buffer.from(`${i}`)));
    const winners = (await Promise.all(attempts)).flatMap((won, i) => (won ? [`${i}`] : []));
    assert.deepEqual(winners, [await text(store, "key")]);
  },

  "counts right among concurrent callers": async (store) => {
    await put(store, "count", "0");
    const increment = async (): Promise<void> => {
      for (;;) {
        const current = await store.get("count");
        if (await store.compareAndSet("count", current, Buffer.from(`${Number(current) + 1}`))) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    assert.equal(await text(store, "count"), "20");
  },

  "compares with the writes called before": async (store) => {
    const answers = await Promise.all([
      put(store, "key", "one"),
      store.compareAndSet("key", Buffer.from("one"), Buffer.from("two")),
      store.write([{ type: "delete", key: "key" }]),
      store.compareAndSet("key", undefined, Buffer.from("three")),
      store.compareAndSet("key", Buffer.from("two"), Buffer.from("four")),
    ]);
    assert.deepEqual(answers, [undefined, true, undefined, true, false]);
    assert.equal(await text(store, "key"), "three");
  },
};

const life: ContractTests = {
  "keeps what was written when opened again": async (store) => {
    const written = put(store, "key", "value", true);
    await store.close();
    await written;
    await store.close();
    await store.open();
    await store.open();
    assert.equal(await text(store, "key"), "value");
  },

  "refuses work while it is closed": async (store) => {
    await put(store, "a", "");
    await put(store, "b", "");
    const underWay = store.entries("")[Symbol.asyncIterator]();
    await underWay.next();
    await store.close();
    const closed = { code: "log.STATE_CLOSED" };
    await assert.rejects(store.get("a"), closed);
    await assert.rejects(put(store, "a", "value"), closed);
    await assert.rejects(store.compareAndSet("a", undefined, Buffer.alloc(0)), closed);
    await assert.rejects(keys(store, ""), closed);
    await assert.rejects(underWay.next(), closed);
  },
};

function put(store: StateStore, key: string, value: string | Buffer, sync = false): Promise<void> {
  return store.write([{ type: "put", key, value: Buffer.from(value) }], { sync });
}

async function text(store: StateStore, key: string): Promise<string | undefined> {
  return (await store.get(key))?.toString();
}

async function keys(store: StateStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const [key] of store.entries(prefix)) found.push(key);
  return found;
}
