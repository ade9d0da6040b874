import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { boardSlotsPerSenderMax } from "../limits.ts";
import { ArrivalBoard, turns } from "./arrival-board.ts";

const { neither, first, last } = turns;

test("tells the first and the last arrival of each message", () => {
  const board = ArrivalBoard.create([3, 1, 0]);
  const note = (sender: number, sequence: number) => board.note(sender, sequence);
  assert.deepEqual(
    [note(0, 0), note(0, 1), note(0, 0), note(0, 0), note(0, 1)],
    [first, first, neither, last, neither],
  );
  assert.deepEqual([note(1, 0), note(2, 5)], [neither, neither]);
});

test("forgets what is too far behind, and mistakes nothing", () => {
  const board = ArrivalBoard.create([2]);
  const ring = boardSlotsPerSenderMax;
  assert.equal(board.note(0, 7), first);
  assert.equal(board.note(0, 7 + ring), first);
  assert.equal(board.note(0, 7), neither);
  assert.equal(board.note(0, 7 + ring), last);
  const far = 7 + 4095 * ring; // The generations have gone round once.
  for (let sequence = 7 + 2 * ring; sequence < far; sequence += 1000 * ring) board.note(0, sequence);
  assert.deepEqual([board.note(0, far), board.note(0, far)], [first, last]);
});

test("knows what is under way, also beyond 32 bits", () => {
  const board = ArrivalBoard.create([2, 1]);
  for (let sequence = 0; sequence < 4; sequence++) board.note(0, 0);
  assert.equal(board.underWay(0, 5), 3);
  assert.equal(board.underWay(1, 2 ** 33 + 9), 9);
  assert.equal(ArrivalBoard.create([0]).underWay(0, 100), 0);
});

test("counts right when threads note at once", async () => {
  const messages = 2000;
  const threads = 3;
  const board = ArrivalBoard.create([threads]);
  const code = `const { workerData, parentPort } = require("node:worker_threads");
    import(workerData.module).then(({ ArrivalBoard, turns }) => {
      const board = new ArrivalBoard(workerData.buffer, 1);
      const seen = [0, 0, 0];
      for (let sequence = 0; sequence < ${messages}; sequence++) seen[board.note(0, sequence)]++;
      parentPort.postMessage(seen);
    });`;
  const workerData = { buffer: board.buffer, module: new URL("./arrival-board.js", import.meta.url).href };
  const workers = Array.from({ length: threads }, () => new Worker(code, { eval: true, workerData }));
  const seen = await Promise.all(workers.map(async (each) => (await once(each, "message"))[0] as number[]));
  const sum = (turn: number) => seen.reduce((total, each) => total + each[turn]!, 0);
  assert.equal(sum(first), messages);
  assert.equal(sum(last), messages);
  assert.equal(board.underWay(0, messages), 0);
});
