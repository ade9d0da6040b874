import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import type { ProducerStamp } from "./producer-block.ts";
import { ProducerTable } from "./producer-table.ts";

const identity = { log: "orders", partition: 3 };

function stamp(id: string, epoch: number, sequence: number): ProducerStamp {
  return { id, epoch, sequence };
}

/** What a call of two records gets: an offset, `next`, or a code with what was expected. */
function outcome(table: ProducerTable, call: ProducerStamp, count = 2): unknown {
  try {
    return table.find(call, count) ?? "next";
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return [error.code, error.details["expected"] ?? error.details["epochCurrent"]];
  }
}

/** Seven batches of two records by `a` in epoch 4, at offsets 10, 20, … 70. */
function filled(): ProducerTable {
  const table = new ProducerTable(identity);
  for (let batch = 0; batch < 7; batch++) table.add(stamp("a", 4, batch * 2), 10 + batch * 10, 2);
  return table;
}

describe("a table of producers", () => {
  it("takes a producer that begins", () => {
    const table = new ProducerTable(identity);
    assert.equal(outcome(table, stamp("a", 0, 0)), "next");
    assert.deepEqual(outcome(table, stamp("a", 0, 2)), ["log.PRODUCER_UNKNOWN", undefined]);
  });

  it("takes the sequence that comes next", () => {
    assert.equal(outcome(filled(), stamp("a", 4, 14)), "next");
    assert.equal(outcome(filled(), stamp("b", 1, 0)), "next");
  });

  it("knows the last five batches again", () => {
    for (let batch = 0; batch < 7; batch++) {
      const expected = batch < 2 ? ["log.DUPLICATE_SEQUENCE", 14] : 10 + batch * 10;
      assert.deepEqual(outcome(filled(), stamp("a", 4, batch * 2)), expected);
    }
  });

  it("does not know a call again that was cut otherwise", () => {
    assert.deepEqual(outcome(filled(), stamp("a", 4, 12), 3), ["log.DUPLICATE_SEQUENCE", 14]);
    assert.deepEqual(outcome(filled(), stamp("a", 4, 13), 1), ["log.DUPLICATE_SEQUENCE", 14]);
  });

  it("tells what it expects when there is a gap", () => {
    assert.deepEqual(outcome(filled(), stamp("a", 4, 15)), ["log.SEQUENCE_GAP", 14]);
    assert.deepEqual(outcome(filled(), stamp("a", 5, 14)), ["log.SEQUENCE_GAP", 0]);
  });

  it("fences a lower epoch", () => {
    const table = filled();
    assert.deepEqual(outcome(table, stamp("a", 3, 0)), ["log.PRODUCER_FENCED", 4]);
    assert.equal(outcome(table, stamp("a", 5, 0)), "next");
    table.add(stamp("a", 5, 0), 100, 2);
    assert.deepEqual(outcome(table, stamp("a", 4, 14)), ["log.PRODUCER_FENCED", 5]);
    assert.equal(outcome(table, stamp("a", 5, 0)), 100);
  });

  it("forgets the one that has not written for longest", () => {
    const table = new ProducerTable(identity, 2);
    table.add(stamp("a", 7, 0), 0, 2);
    table.add(stamp("b", 2, 0), 2, 2);
    table.add(stamp("a", 7, 2), 4, 2);
    table.find(stamp("b", 2, 0), 2); // Being asked is no use.
    table.add(stamp("c", 9, 0), 6, 2);
    assert.deepEqual(
      [...table.entries()].map(([id]) => id),
      ["a", "c"],
    );
    assert.deepEqual(outcome(table, stamp("b", 2, 2)), ["log.PRODUCER_UNKNOWN", undefined]);
  });

  it("lets nobody begin with an epoch that may be forgotten", () => {
    const table = new ProducerTable(identity, 1);
    table.add(stamp("a", 7, 0), 0, 2);
    table.add(stamp("b", 8, 0), 2, 2);
    assert.deepEqual(outcome(table, stamp("a", 7, 0)), ["log.PRODUCER_UNKNOWN", undefined]);
    assert.deepEqual(outcome(table, stamp("c", 6, 0)), ["log.PRODUCER_UNKNOWN", undefined]);
    assert.equal(outcome(table, stamp("a", 9, 0)), "next");
    assert.deepEqual([table.epochForgotten, table.epochMax], [7, 8]);
  });

  it("remembers nothing from before a gap in the log", () => {
    const table = filled();
    table.add(stamp("a", 4, 20), 200, 2);
    assert.equal(outcome(table, stamp("a", 4, 20)), 200);
    assert.deepEqual(outcome(table, stamp("a", 4, 12)), ["log.DUPLICATE_SEQUENCE", 22]);
  });
});
