import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { settle } from "@polylog/testkit";
import { askChannelsOverHttp } from "./ask-channels.ts";

/** An HTTP server on loopback whose answer the test gives. */
async function start(t: TestContext, answer: (response: ServerResponse, url: string | undefined) => void) {
  const server = createServer((request, response) => answer(response, request.url));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const clock = new ManualClock();
  const lookupd = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const askChannels = askChannelsOverHttp(clock);
  return { clock, ask: (topic: string) => askChannels(lookupd, topic) };
}

test("asks for a topic's channels", async (t) => {
  const { clock, ask } = await start(t, (response, url) => response.end(JSON.stringify({ channels: [url, 1, "b"] })));
  assert.deepEqual(await ask("a#ephemeral"), ["/channels?topic=a%23ephemeral", "b"]);
  while (clock.timersPending > 0) await settle(1);
});

test("understands nsqlookupds of before 1.0", async (t) => {
  const { ask } = await start(t, (response) => response.end('{"data":{"channels":["a"]}}'));
  assert.deepEqual(await ask("t"), ["a"]);
});

for (const body of ["", "null", "[]", "{}", '{"channels":null}', '{"channels":"a"}']) {
  test(`refuses the answer ${JSON.stringify(body)}`, async (t) => {
    const { ask } = await start(t, (response) => response.end(body));
    await assert.rejects(ask("t"), { code: "nsq.LOOKUPD_ANSWER" });
  });
}

test("refuses other statuses, too much, and a connection that ends", async (t) => {
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => response.writeHead(404).end('{"channels":[]}'),
    (response) => response.end(" ".repeat(5_242_881)),
    (response) => response.write("{", () => response.destroy()),
  ];
  const { ask } = await start(t, (response) => answers.shift()!(response));
  for (let left = answers.length; left > 0; left--) await assert.rejects(ask("t"));
});

test("asks so many questions at a time and no more", async (t) => {
  const waiting: ServerResponse[] = [];
  const { ask } = await start(t, (response) => waiting.push(response));
  const answers = Promise.all(Array.from({ length: 20 }, (_, i) => ask(`topic-${i}`)));
  for (let answered = 0; answered < 20; ) {
    while (waiting.length < Math.min(8, 20 - answered)) await settle(1);
    await settle(20);
    assert.equal(waiting.length, Math.min(8, 20 - answered));
    answered += waiting.length;
    for (const response of waiting.splice(0)) response.end('{"channels":[]}');
  }
  await answers;
});

test("waits no longer than five seconds", async (t) => {
  let asked = false;
  const { clock, ask } = await start(t, () => (asked = true));
  const refused = assert.rejects(ask("t"), { code: "nsq.LOOKUPD_TIMEOUT" });
  while (!asked) await settle(1);
  clock.advance(5000);
  await refused;
});

test("waits no longer for an answer that has begun", async (t) => {
  let begun = false;
  const { clock, ask } = await start(t, (response) => response.write("{", () => (begun = true)));
  const refused = assert.rejects(ask("t"));
  while (!begun) await settle(1);
  await settle(20);
  clock.advance(5000);
  await refused;
  while (clock.timersPending > 0) await settle(1);
});
