import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { settle } from "@polylog/testkit";
import { bodyTimeoutMs } from "../limits.ts";
import type { SqlProcess } from "../process/sql-process.ts";
import { node } from "../testing/memory-sql.ts";
import { CrateEndpoint } from "./crate-endpoint.ts";

function start(answer: SqlProcess["answer"] = async () => ({ status: 200, body: "{}" })) {
  const clock = new ManualClock();
  const process = { answer } as unknown as SqlProcess;
  const endpoint = new CrateEndpoint({ process, node, clock, access: { allows: () => true }, arrivingBytesMax: 1000 });
  const post = () => {
    const body = new PassThrough();
    const request = Object.assign(body, { method: "POST", url: "/_sql", headers: {}, complete: false });
    const answer = { status: 0 };
    const response = Object.assign(new PassThrough(), {
      writeHead: (status: number) => {
        answer.status = status;
      },
      setHeader: () => undefined,
    });
    endpoint.handleSql(request as unknown as IncomingMessage, response as unknown as ServerResponse, { name: "ada" });
    return { body, answer, response };
  };
  return { clock, post };
}

test("refuses bodies that would be too much together", async () => {
  const { post } = start();
  const [first, second] = [post(), post()];
  first.body.write(Buffer.alloc(600));
  second.body.write(Buffer.alloc(600));
  await settle(3);
  assert.deepEqual([first.answer.status, second.answer.status], [0, 429]);
  first.body.end();
  await settle(5);
  const third = post();
  third.body.end(Buffer.alloc(900));
  await settle(5);
  assert.deepEqual([first.answer.status, third.answer.status], [200, 200]);
});

test("forgets a body that does not arrive in time", async () => {
  const { clock, post } = start();
  const slow = post();
  slow.body.write(Buffer.alloc(900));
  await settle(3);
  clock.advance(bodyTimeoutMs);
  await settle(3);
  assert.equal(slow.answer.status, 400);
  const next = post();
  next.body.end(Buffer.alloc(900));
  await settle(5);
  assert.equal(next.answer.status, 200);
});

test("gives a request up whose client went before the process was there", async () => {
  let begin: () => void = () => undefined;
  let isAborted = false;
  const { post } = start(async (_request, onAbort) => {
    await new Promise<void>((resolve) => {
      begin = resolve;
    });
    onAbort(() => {
      isAborted = true;
    });
    return { status: 200, body: "{}" };
  });
  const { body, response } = post();
  body.end("{}");
  await settle(5);
  response.destroy();
  await settle(5);
  begin();
  await settle(5);
  assert.ok(isAborted);
});
