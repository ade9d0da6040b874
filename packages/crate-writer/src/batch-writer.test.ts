import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { settle } from "@polylog/testkit";
import fc from "fast-check";
import { type BatchOutcome, BatchWriter } from "./batch-writer.ts";
import { Brake } from "./brake.ts";
import { type FaultKind, InsertFault } from "./fault.ts";
import { ignored, type RowResult, type RowsTransport, written } from "./rows-transport.ts";

/** What happens to a request: it goes, it fails before or after the rows are written, or is too much beyond so many rows. */
type Turn =
  | "goes"
  | "5000"
  | "later"
  | "lost before"
  | "lost after"
  | "refused"
  | "row later"
  | { readonly rowsMax: number };

/** A table with a primary key and ON CONFLICT DO NOTHING, behind a network of which each turn is told in advance. */
class ScriptedTable implements RowsTransport {
  readonly rows: string[] = [];
  requests = 0;
  readonly #turns: Turn[];
  readonly #bad: ReadonlySet<string>;
  /** A request with a bad row is refused as a whole. */
  readonly #isStrict: boolean;

  constructor(turns: readonly Turn[], bad: readonly string[] = [], isStrict = false) {
    this.#turns = [...turns];
    this.#bad = new Set(bad);
    this.#isStrict = isStrict;
  }

  async insert(rows: readonly string[]): Promise<readonly RowResult[]> {
    this.requests++;
    const turn = this.#turns.shift() ?? "goes";
    if (typeof turn === "object" && rows.length > turn.rowsMax) throw fault("smaller");
    if (turn === "later" || turn === "refused") throw fault(turn);
    if (turn === "5000") throw new InsertFault("refused", "5000", "it is anything");
    if (turn === "lost before") throw fault("unknown");
    if (this.#isStrict && rows.some((row) => this.#bad.has(row))) throw fault("row");
    const results = rows.map((row, i): RowResult => {
      if (turn === "row later" && i % 2 === 1) return { fate: "later", code: "5030", message: "no shard" };
      if (this.#bad.has(row)) return { fate: "refused", code: "4003", message: "bad" };
      if (this.rows.includes(row)) return ignored;
      this.rows.push(row);
      return written;
    });
    if (turn === "lost after") throw fault("unknown");
    return results;
  }

  async close(): Promise<void> {}
}

function fault(kind: FaultKind): InsertFault {
  return new InsertFault(kind, kind, `it is ${kind}`);
}

interface Setting {
  readonly isIdempotent?: boolean;
  readonly patienceMs?: number;
}

async function write(table: ScriptedTable, rows: readonly string[], setting: Setting = {}): Promise<BatchOutcome> {
  const clock = new ManualClock();
  const brake = new Brake(clock, () => 1);
  const writer = new BatchWriter({ transport: table, brake, clock, isIdempotent: true, ...setting });
  let outcome: BatchOutcome | undefined;
  void writer.write(rows, new AbortController().signal).then((it) => {
    outcome = it;
  });
  for (let i = 0; outcome === undefined && i < 1000; i++) {
    await settle(1);
    clock.advance(1000);
  }
  assert.ok(outcome !== undefined, "it never ended");
  return outcome;
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `["${i}"]`);

test("writes again what may go later", async () => {
  const table = new ScriptedTable(["later", "later"]);
  const { written: count, retries } = await write(table, names(5));
  assert.deepEqual([count, retries, table.rows.length], [5, 2, 5]);
});

test("halves what is too much, and remembers", async () => {
  const table = new ScriptedTable(Array.from({ length: 20 }, () => ({ rowsMax: 3 })));
  const { written: count, halvings } = await write(table, names(10));
  assert.deepEqual([count, table.rows.length], [10, 10]);
  assert.ok(halvings >= 3, `${halvings} halvings`);
});

test("refuses a single row that is too much", async () => {
  const { refused } = await write(new ScriptedTable([{ rowsMax: 0 }]), names(1));
  assert.deepEqual(refused, [{ index: 0, code: "smaller", message: "it is smaller" }]);
});

test("sends what was lost from sight again only when that cannot double it", async () => {
  const once = new ScriptedTable(["lost after"]);
  const { ignored: passed, retries } = await write(once, names(3));
  assert.deepEqual([passed, retries, once.rows.length], [3, 1, 3]);
  const twice = new ScriptedTable(["lost after"]);
  const { unknown } = await write(twice, names(3), { isIdempotent: false });
  assert.deepEqual([unknown.length, twice.requests], [3, 1]);
});

test("tells of each row that is refused", async () => {
  const { written: count, refused } = await write(new ScriptedTable([], ['["1"]']), names(3));
  assert.deepEqual([count, refused], [2, [{ index: 1, code: "4003", message: "bad" }]]);
});

test("finds the rows for whose sake a whole request is refused", async () => {
  const rows = names(100);
  const bad = [0, 41, 42, 99];
  const found = rows.filter((_row, index) => bad.includes(index));
  for (const isIdempotent of [true, false]) {
    const table = new ScriptedTable([], found, true);
    const { written: count, refused } = await write(table, rows, { isIdempotent });
    assert.deepEqual([count, table.rows.length], [96, 96]);
    assert.deepEqual(
      refused.map(({ index, code }) => [index, code]),
      bad.map((index) => [index, "row"]),
    );
    assert.ok(table.requests < 2 * bad.length * Math.ceil(Math.log2(100)), `${table.requests} requests`);
  }
});

test("asks once about rows that are refused for the statement's sake", async () => {
  const table = new ScriptedTable(["refused"]);
  const { refused } = await write(table, names(100));
  assert.deepEqual([refused.length, table.requests], [100, 1]);
});

test("looks for a row behind CrateDB's 5000 only when that cannot double one", async () => {
  const { written: count } = await write(new ScriptedTable(["5000", "5000"]), names(8));
  assert.equal(count, 8);
  const { refused } = await write(new ScriptedTable(["5000"]), names(8), { isIdempotent: false });
  assert.equal(refused.length, 8);
});

test("takes two requests a row when each is bad", async () => {
  const rows = names(64);
  const table = new ScriptedTable([], rows, true);
  const { refused, halvings } = await write(table, rows);
  assert.deepEqual([refused.length, table.requests, halvings], [64, 127, 63]);
});

test("sends single rows again that may go later", async () => {
  const table = new ScriptedTable(["row later", "row later"]);
  const { written: count } = await write(table, names(9));
  assert.deepEqual([count, table.rows.length], [9, 9]);
});

test("gives up after its patience, and says why", async () => {
  const table = new ScriptedTable(Array.from({ length: 100 }, () => "later" as const));
  const { refused } = await write(table, names(2), { patienceMs: 5_000 });
  assert.equal(refused.length, 2);
  assert.equal(refused[0]?.code, "PATIENCE");
});

test("does not call a row refused that may be there", async () => {
  const table = new ScriptedTable(["lost after", ...Array.from({ length: 100 }, () => "later" as const)]);
  const { refused, unknown } = await write(table, names(2), { patienceMs: 5_000 });
  assert.deepEqual([refused.length, unknown.length, table.rows.length], [0, 2, 2]);
});

test("accounts for every row, whatever happens", async () => {
  const turn = fc.oneof(
    fc.constantFrom<Turn>("goes", "later", "lost before", "lost after", "refused", "row later", "5000"),
    fc.record({ rowsMax: fc.integer({ min: 0, max: 5 }) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(turn, { maxLength: 12 }),
      fc.integer({ min: 1, max: 12 }),
      fc.boolean(),
      fc.boolean(),
      async (turns, count, isIdempotent, isStrict) => {
        const rows = names(count);
        const table = new ScriptedTable(turns, [rows[0]!], isStrict);
        const outcome = await write(table, rows, { isIdempotent });
        const { written: done, ignored: passed, refused, unknown } = outcome;
        assert.equal(done + passed + refused.length + unknown.length, count);
        const lost = new Set(refused.map(({ index }) => rows[index]!));
        for (const row of lost) assert.ok(!table.rows.includes(row), `${row} is called refused and is there`);
        assert.ok(table.rows.length >= done + passed && table.rows.length <= done + passed + unknown.length);
      },
    ),
    { numRuns: 150 },
  );
});
