import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageLedger, renderMessage } from "./message-ledger.ts";

function ledgerWith(stored: readonly number[], sent: number, acknowledged: number): MessageLedger {
  const ledger = new MessageLedger();
  Object.assign(ledger.run("a"), { sent, acknowledged });
  ledger.addStored(stored.map((sequence, offset) => ({ offset, value: renderMessage("a", sequence, 20) })));
  return ledger;
}

test("accepts what was sent and not acknowledged", () => {
  ledgerWith([0, 1, 2], 4, 2).checkStored();
});

test("sees an acknowledged message that is missing", () => {
  assert.throws(() => ledgerWith([0, 1], 4, 3).checkStored(), /3 acknowledged, but 2 stored/);
});

test("sees a duplicate, a gap and a wrong order", () => {
  for (const stored of [
    [0, 0],
    [0, 2],
    [1, 0],
  ])
    assert.throws(() => ledgerWith(stored, 3, 0), /expected/);
});

test("sees a message that nobody finished", () => {
  const ledger = ledgerWith([0, 1], 2, 2);
  ledger.addFinished(renderMessage("a", 1, 20));
  assert.deepEqual(ledger.unfinished(), ["a 0"]);
});
