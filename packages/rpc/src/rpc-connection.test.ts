import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { anonymous, type Broker } from "@polylog/broker";
import { settle } from "@polylog/testkit";
import * as v from "valibot";
import { Dispatcher } from "./json-rpc.ts";
import { defaultRpcLimits } from "./limits.ts";
import { defineMethod } from "./methods/method.ts";
import { RpcConnection } from "./rpc-connection.ts";
import { MemorySocket } from "./testing/memory-socket.ts";

/** A connection to a server with two methods: `fill` answers at length, `wait` when the peer or the server ends. */
function setUp() {
  const clock = new ManualClock();
  const socket = new MemorySocket();
  const started: string[] = [];
  const finish: (() => void)[] = [];
  const schema = v.strictObject({ length: v.optional(v.number()) });
  const dispatcher = new Dispatcher({
    methods: [
      defineMethod({
        name: "fill",
        summary: "",
        params: schema,
        result: "",
        handle: (context, { length }) => {
          started.push("fill");
          context.afterAnswer(() => started.push("answered"));
          return "x".repeat(length ?? 0);
        },
      }),
      defineMethod({
        name: "wait",
        summary: "",
        params: schema,
        result: "",
        handle: ({ peer }) => new Promise((resolve) => peer.ending.add(() => resolve("ended"))),
      }),
      defineMethod({
        name: "work",
        summary: "",
        params: schema,
        result: "",
        handle: () => new Promise((resolve) => finish.push(() => resolve("done"))),
      }),
    ],
    broker: {} as Broker,
    clock,
    limits: defaultRpcLimits,
  });
  const connection = new RpcConnection({
    socket,
    dispatcher,
    clock,
    principal: anonymous,
    limits: { ...defaultRpcLimits, requestsPerConnectionMax: 4 },
    onNotification: () => undefined,
  });
  socket.onDrain = () => connection.onDrain();
  const send = (method: string, id?: number, length = 0): void =>
    connection.onText(JSON.stringify({ jsonrpc: "2.0", id, method, params: { length } }));
  const received = (): unknown[] => {
    clock.turn();
    return socket.received();
  };
  const ids = (): unknown[] => received().map((answer) => (answer as { id: unknown }).id);
  return { clock, socket, connection, send, received, ids, started, finish };
}

test("writes the answers of a turn together", () => {
  const { clock, socket, send, ids } = setUp();
  for (let id = 1; id <= 5; id++) send("fill", id);
  assert.deepEqual(socket.received(), []);
  clock.turn();
  assert.equal(socket.writeCount, 1);
  assert.deepEqual(ids(), [1, 2, 3, 4, 5]);
});

test("refuses a binary frame and goes on", () => {
  const { connection, send, received } = setUp();
  connection.onBinary();
  send("fill", 1);
  const [refusal, answer] = received() as { id: unknown; error?: { code: number } }[];
  assert.deepEqual([refusal?.id, refusal?.error?.code, answer?.id], [null, -32600, 1]);
});

test("makes and reads nothing while the socket is full", () => {
  const { clock, socket, send, ids, started } = setUp();
  socket.stalled = true;
  send("fill", 1, 2000);
  assert.equal(socket.paused, true);
  send("fill", 2, 2000);
  send("fill", 3);
  clock.turn();
  assert.deepEqual(started, ["fill", "answered", "fill", "fill"]);
  socket.drain();
  assert.deepEqual(ids(), [1]);
  clock.turn();
  assert.equal(socket.paused, true);
  socket.stalled = false;
  socket.drain();
  assert.deepEqual(ids(), [2, 3]);
  assert.equal(socket.paused, false);
  assert.equal(started.at(-1), "answered");
});

test("stops reading while many notifications run", async () => {
  const { socket, send, finish, received } = setUp();
  for (let i = 0; i < 9; i++) send("work");
  assert.equal(socket.paused, true);
  for (const each of finish) each();
  await settle();
  assert.equal(socket.paused, false);
  assert.deepEqual(received(), []);
});

test("refuses requests beyond the bound", async () => {
  const { connection, send, received } = setUp();
  for (let id = 1; id <= 5; id++) send("wait", id);
  const answers = received() as { id: number; error: { data: { code: string } } }[];
  assert.deepEqual(
    answers.map(({ id, error }) => [id, error.data.code]),
    [[5, "rpc.TOO_MANY_REQUESTS"]],
  );
  connection.onClose();
  await settle();
  assert.deepEqual(received(), []);
});

test("ends a peer that is silent", () => {
  const { socket, connection } = setUp();
  connection.heartbeat();
  assert.equal(socket.pingCount, 1);
  connection.onPong();
  connection.heartbeat();
  assert.equal(socket.terminated, false);
  connection.heartbeat();
  assert.equal(socket.terminated, true);
  assert.equal(socket.pingCount, 2);
});

test("keeps a slow peer as long as it takes something", () => {
  const { clock, socket, connection, send } = setUp();
  socket.stalled = true;
  for (const length of [500, 400, 1500]) send("fill", 1, length);
  send("fill", 1, 1500);
  clock.turn();
  connection.heartbeat();
  socket.drain(1);
  connection.heartbeat();
  assert.equal(socket.terminated, false);
  connection.heartbeat();
  assert.equal(socket.terminated, true);
});

test("keeps a peer it has stopped reading from itself", () => {
  const { socket, connection, send } = setUp();
  for (let i = 0; i < 9; i++) send("work");
  for (let i = 0; i < 3; i++) connection.heartbeat();
  assert.equal(socket.terminated, false);
});

test("stop lets waits answer and work finish", async () => {
  const { socket, connection, send, received, finish } = setUp();
  send("wait", 1);
  send("work", 2);
  connection.stop();
  send("fill", 3);
  await settle();
  const answers = received() as { id: number; result?: string; error?: { data: { code: string } } }[];
  assert.deepEqual(
    answers.map(({ id, result, error }) => [id, result ?? error?.data.code]),
    [
      [3, "rpc.STOPPING"],
      [1, "ended"],
    ],
  );
  assert.equal(socket.closedWith, undefined);
  finish[0]!();
  await settle();
  assert.equal((received() as { id: number }[])[0]?.id, 2);
  assert.equal(socket.closedWith, 1001);
});

test("stop closes an idle connection at once", () => {
  const { socket, connection } = setUp();
  connection.stop();
  assert.equal(socket.closedWith, 1001);
});
