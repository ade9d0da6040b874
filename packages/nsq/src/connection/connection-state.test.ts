import assert from "node:assert/strict";
import { test } from "node:test";
import { closeWaitFrame } from "@polylog/nsq-wire";
import { error, idOf, mpub, response, sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";
import { connectionStates, verdictOn } from "./connection-state.ts";

const ok = response("OK");
const nothing = Buffer.alloc(0);
const id = idOf(7);

function notInFlight(verb: string): Buffer {
  return error(`E_${verb}_FAILED ${verb} ${id} failed ID not in flight`);
}

function wrongState(verb: string): Buffer {
  return error(`E_INVALID cannot ${verb} in current state`);
}

/** What each command is answered with in the states init, subscribed and closing. Fatal is what `wrongState` gives. */
const rows: readonly (readonly [verb: string, command: string | Buffer, answers: readonly Buffer[]])[] = [
  ["IDENTIFY", sized("IDENTIFY", "{}"), [ok, wrongState("IDENTIFY"), wrongState("IDENTIFY")]],
  ["SUB", "SUB orders other\n", [ok, wrongState("SUB"), wrongState("SUB")]],
  ["RDY", "RDY 5\n", [wrongState("RDY"), nothing, nothing]],
  ["FIN", `FIN ${id}\n`, [wrongState("FIN"), notInFlight("FIN"), notInFlight("FIN")]],
  ["REQ", `REQ ${id} 0\n`, [wrongState("REQ"), notInFlight("REQ"), notInFlight("REQ")]],
  ["TOUCH", `TOUCH ${id}\n`, [wrongState("TOUCH"), notInFlight("TOUCH"), notInFlight("TOUCH")]],
  ["CLS", "CLS\n", [wrongState("CLS"), closeWaitFrame, wrongState("CLS")]],
  ["PUB", sized("PUB elsewhere", "a"), [ok, ok, ok]],
  ["MPUB", mpub("elsewhere", ["a", "b"]), [ok, ok, ok]],
  ["DPUB", sized("DPUB elsewhere 10", "a"), [ok, ok, ok]],
  ["NOP", "NOP\n", [nothing, nothing, nothing]],
];

for (const [at, state] of ["init", "subscribed", "closing"].entries()) {
  for (const [verb, command, answers] of rows) {
    test(`answers ${verb} in state ${state}`, async () => {
      const nsqd = await TestNsqd.start();
      const client = nsqd.connect();
      if (at > 0) await client.exchange("SUB orders billing\n");
      if (at > 1) await client.exchange("CLS\n");
      assert.deepEqual(await client.exchange(command), answers[at]);
      assert.equal(client.closed, answers[at]!.equals(wrongState(verb)));
    });
  }
}

test("refuses AUTH after SUB before its body", async () => {
  const nsqd = await TestNsqd.start();
  const client = await nsqd.subscribe("orders", "billing");
  assert.deepEqual(await client.exchange("AUTH\n"), wrongState("AUTH"));
  assert.equal(client.closed, true);
});

test("ignores RDY after CLS whatever its count", async () => {
  const nsqd = await TestNsqd.start();
  const client = await nsqd.subscribe("orders", "billing");
  await client.exchange("CLS\n");
  assert.deepEqual(await client.exchange("RDY 99999\nRDY x\nNOP\n"), nothing);
  assert.equal(client.closed, false);
});

test("leaves words that are no command to the reader", () => {
  assert.equal(verdictOn(connectionStates.closing, 0), "allowed");
});
