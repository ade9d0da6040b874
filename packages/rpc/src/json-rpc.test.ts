import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { anonymous, type Broker, brokerErrors } from "@polylog/broker";
import fc from "fast-check";
import * as v from "valibot";
import { Dispatcher } from "./json-rpc.ts";
import { defineMethod, type Method, type MethodContext, ResultText } from "./methods/method.ts";
import { Peer } from "./peer.ts";

interface Answer {
  jsonrpc: string;
  id: unknown;
  result?: unknown;
  error?: { code: number; message: string; data: Record<string, unknown> };
}

/** `calls`: what they did; `wait.for.gate` answers when `gate` opens. */
function testMethods(calls: string[], gate: Promise<void>): Method[] {
  return [
    defineMethod({
      name: "echo",
      summary: "",
      params: v.strictObject({ text: v.string(), list: v.optional(v.array(v.number())) }),
      result: "",
      handle: (_, { text }) => {
        calls.push(text);
        return { text };
      },
    }),
    defineMethod({
      name: "wait.for.gate",
      summary: "",
      params: v.strictObject({}),
      result: "",
      handle: () => gate.then(() => "open"),
    }),
    defineMethod({
      name: "refuse",
      summary: "",
      params: v.strictObject({}),
      result: "",
      handle: () => {
        throw brokerErrors.LOG_NOT_FOUND({ log: "orders" });
      },
    }),
    defineMethod({
      name: "crash",
      summary: "",
      params: v.strictObject({}),
      result: "",
      handle: () => Promise.reject(new Error("secret")),
    }),
    defineMethod({
      name: "text",
      summary: "",
      params: v.strictObject({ length: v.number() }),
      result: "",
      handle: (_, { length }) =>
        new ResultText(
          () => {
            if (length < 0) throw brokerErrors.NOT_IN_FLIGHT();
            return JSON.stringify("x".repeat(length));
          },
          () => calls.push("released"),
        ),
    }),
    defineMethod({
      name: "after",
      summary: "",
      params: v.strictObject({}),
      result: "",
      handle: (context: MethodContext) => {
        context.afterAnswer(() => calls.push("after"));
        return 1;
      },
    }),
  ];
}

/** A dispatcher with a few methods of its own, and what they did. */
function setUp(requestsMax = 10) {
  const calls: string[] = [];
  const errors: unknown[] = [];
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const methods = testMethods(calls, gate);
  const dispatcher = new Dispatcher({
    methods,
    broker: {} as Broker,
    clock: new ManualClock(),
    limits: { requestSizeMax: 1_000_000, batchRequestsMax: 5 },
    onError: (_method, _code, error) => errors.push(error),
  });
  const peer = new Peer(anonymous, requestsMax);
  const send = async (request: unknown): Promise<unknown> => {
    const text = typeof request === "string" ? request : JSON.stringify(request);
    const reply = await dispatcher.dispatch(text, peer);
    if (reply === undefined) return undefined;
    const answer: unknown = JSON.parse(`${await reply.render()}`);
    reply.onSent();
    return answer;
  };
  const ask = async (request: unknown): Promise<Answer> => (await send(request)) as Answer;
  return { ask, send, calls, errors, open, peer };
}

const call = (method: string, params?: unknown, id: unknown = 1) => ({ jsonrpc: "2.0", id, method, params });

test("answers a request under its id", async () => {
  const { ask } = setUp();
  assert.deepEqual(await ask(call("echo", { text: "a" }, "x")), { jsonrpc: "2.0", id: "x", result: { text: "a" } });
});

for (const id of ["", "x".repeat(256), 0, -7, 1.5, 2 ** 53 - 1, null]) {
  test(`sends back the id ${JSON.stringify(id).slice(0, 20)}`, async () => {
    assert.equal((await setUp().ask(call("echo", { text: "" }, id))).id, id);
  });
}

const refusals: readonly (readonly [why: string, text: string, code: number])[] = [
  ["what is not JSON", "{", -32700],
  ["an empty message", "", -32700],
  ["a number", "1", -32600],
  ["null", "null", -32600],
  ["an empty batch", "[]", -32600],
  ["another version", '{"jsonrpc":"1.0","id":1,"method":"echo"}', -32600],
  ["no version", '{"id":1,"method":"echo"}', -32600],
  ["a method that is no text", '{"jsonrpc":"2.0","id":1,"method":1}', -32600],
  ["params that are a text", '{"jsonrpc":"2.0","id":1,"method":"echo","params":"a"}', -32600],
  ["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"echo"}', -32600],
  ["an id that is true", '{"jsonrpc":"2.0","id":true,"method":"echo"}', -32600],
  ["an id that no double holds", '{"jsonrpc":"2.0","id":12345678901234567890,"method":"echo"}', -32600],
  ["an id that is infinite", '{"jsonrpc":"2.0","id":1e400,"method":"echo"}', -32600],
  ["an id that is too long", `{"jsonrpc":"2.0","id":"${"x".repeat(257)}","method":"echo"}`, -32600],
  ["members behind __proto__", '{"__proto__":{"jsonrpc":"2.0","id":1,"method":"echo"}}', -32600],
  ["deep nesting", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, -32600],
  ["too many values", `[${"1,".repeat(200_000)}1]`, -32034],
  ["a batch that is too large", `[${"1,".repeat(5)}1]`, -32021],
  ["a text that is too large", " ".repeat(1_000_001), -32020],
  ["a method there is not", '{"jsonrpc":"2.0","id":1,"method":"nothing.like.it"}', -32601],
  ["a method of every object", '{"jsonrpc":"2.0","id":1,"method":"constructor"}', -32601],
  ["params by position", '{"jsonrpc":"2.0","id":1,"method":"echo","params":["a"]}', -32602],
];

for (const [why, text, code] of refusals) {
  test(`refuses ${why}`, async () => {
    const { ask, errors, peer } = setUp();
    const answer = await ask(text);
    assert.equal(answer.error?.code, code, JSON.stringify(answer));
    assert.equal(answer.jsonrpc, "2.0");
    assert.equal(errors.length, 1);
    assert.equal(peer.requestCount, 0);
  });
}

test("names the nearest method", async () => {
  const { ask } = setUp();
  assert.equal((await ask(call("ecoh"))).error?.data["nearest"], undefined);
  assert.equal((await ask(call("echoo"))).error?.data["nearest"], "echo");
  assert.equal((await ask(call("gateWaitFor"))).error?.data["nearest"], "wait.for.gate");
  const { message } = (await ask(call("x".repeat(500_000)))).error!;
  assert.ok(message.length < 300);
});

test("lists every problem with its path", async () => {
  const { error } = await setUp().ask(call("echo", { list: [1, "2", 3, null], more: 1 }));
  const problems = error?.data["problems"] as { path: string; message: string }[];
  assert.deepEqual(problems.map(({ path }) => path).sort(), ["list[1]", "list[3]", "more", "text"]);
  assert.equal(error?.data["code"], "rpc.INVALID_PARAMS");
  assert.match(error?.message ?? "", /and 3 more/);
});

test("lists one problem of a large request", async () => {
  const { error } = await setUp().ask(call("echo", { text: "x".repeat(100_000), list: ["1", "2"] }));
  assert.equal((error!.data["problems"] as unknown[]).length, 1);
});

test("does not repeat a client's text at length", async () => {
  const text = JSON.stringify(await setUp().ask(call("echo", { text: "", list: ["x".repeat(60_000)] })));
  assert.ok(text.length < 1500);
});

test("maps a coded error with its details", async () => {
  const { error } = await setUp().ask(call("refuse"));
  assert.equal(error?.code, -32002);
  assert.deepEqual(error?.data, { log: "orders", code: "broker.LOG_NOT_FOUND", retryable: false });
});

test("tells nothing about a bug", async () => {
  const { ask, errors } = setUp();
  const { error } = await ask(call("crash"));
  assert.equal(error?.code, -32603);
  assert.doesNotMatch(JSON.stringify(error), /secret/);
  assert.equal((errors[0] as Error).message, "secret");
});

test("never answers a notification", async () => {
  const { send, calls, errors } = setUp();
  for (const method of ["echo", "refuse", "crash", "nothing"])
    assert.equal(await send({ jsonrpc: "2.0", method, params: method === "echo" ? { text: "n" } : {} }), undefined);
  assert.deepEqual(calls, ["n"]);
  assert.equal(errors.length, 3);
});

test("answers a batch without its notifications", async () => {
  const { send, calls } = setUp();
  const batch = [
    call("echo", { text: "a" }, 1),
    { jsonrpc: "2.0", method: "echo", params: { text: "b" } },
    7,
    call("refuse", {}, 2),
  ];
  const answers = (await send(batch)) as Answer[];
  assert.deepEqual(
    answers.map(({ id, error }) => [id, error?.code]),
    [
      [1, undefined],
      [null, -32600],
      [2, -32002],
    ],
  );
  assert.deepEqual(calls, ["a", "b"]);
});

test("a batch of notifications has no answer", async () => {
  assert.equal(
    await setUp().send([
      { jsonrpc: "2.0", method: "after" },
      { jsonrpc: "2.0", method: "crash" },
    ]),
    undefined,
  );
});

test("a waiting request does not hold up others", async () => {
  const { ask, open, peer } = setUp();
  const waiting = ask(call("wait.for.gate", {}, "first"));
  assert.equal((await ask(call("echo", { text: "a" }, "second"))).id, "second");
  assert.equal(peer.requestCount, 1);
  open();
  assert.equal((await waiting).result, "open");
  assert.equal(peer.requestCount, 0);
});

test("refuses requests beyond the bound", async () => {
  const { ask, open } = setUp(2);
  const waiting = [ask(call("wait.for.gate")), ask(call("wait.for.gate"))];
  const { error } = await ask(call("echo", { text: "" }, 3));
  assert.equal(error?.code, -32022);
  assert.equal(error?.data["retryable"], true);
  open();
  await Promise.all(waiting);
  assert.equal((await ask(call("echo", { text: "" }))).error, undefined);
});

test("refuses requests once the server stops", async () => {
  const { ask, peer } = setUp();
  peer.ending.end();
  const answer = await ask(call("echo", { text: "" }, 9));
  assert.equal(answer.id, 9);
  assert.equal(answer.error?.data["code"], "rpc.STOPPING");
});

test("makes a result text and releases it", async () => {
  const { ask, calls } = setUp();
  assert.equal((await ask(call("text", { length: 3 }))).result, "xxx");
  assert.equal((await ask(call("text", { length: -1 }))).error?.data["code"], "broker.NOT_IN_FLIGHT");
  assert.deepEqual(calls, ["released", "released"]);
});

test("bounds the answer of a batch", async () => {
  const { send, calls } = setUp();
  const size = 9 * 1024 * 1024;
  const batch = [1, 2, 3].map((id) => call("text", { length: size }, id)).concat(call("echo", { text: "" }, 4));
  const answers = (await send(batch)) as Answer[];
  assert.deepEqual(
    answers.map(({ error }) => error?.data["code"]),
    [undefined, undefined, "rpc.ANSWER_TOO_LARGE", undefined],
  );
  assert.equal(calls.filter((each) => each === "released").length, 3);
});

test("calls back after the answer", async () => {
  const { send, calls } = setUp();
  await send([call("after"), call("echo", { text: "first" })]);
  assert.deepEqual(calls, ["first", "after"]);
  await send({ jsonrpc: "2.0", method: "after" });
  assert.deepEqual(calls, ["first", "after", "after"]);
});

test("answers any JSON and any text", async () => {
  const { send } = setUp();
  const answered = async (text: string): Promise<void> => {
    const answer = (await send(text)) as Answer | Answer[] | undefined;
    for (const each of [answer ?? []].flat()) assert.ok("result" in each || typeof each.error?.code === "number");
  };
  const request = fc.record(
    {
      jsonrpc: fc.constantFrom("2.0", "1.0", 2),
      id: fc.oneof(fc.string(), fc.double(), fc.constant(null), fc.jsonValue()),
      method: fc.oneof(fc.constantFrom("echo", "refuse", "__proto__", "toString"), fc.string()),
      params: fc.oneof(fc.jsonValue(), fc.record({ text: fc.string() })),
    },
    { requiredKeys: [] },
  );
  await fc.assert(fc.asyncProperty(fc.string(), answered));
  await fc.assert(fc.asyncProperty(fc.jsonValue(), (value) => answered(JSON.stringify(value))));
  await fc.assert(fc.asyncProperty(request, (value) => answered(JSON.stringify(value))));
});
