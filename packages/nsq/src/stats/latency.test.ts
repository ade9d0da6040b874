import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf, sized } from "../testing/frames.ts";
import { startHttp } from "../testing/test-http.ts";

test("NSQ-2.3-7: measures from publish to FIN", async (t) => {
  const { nsqd, request } = await startHttp(t, { latency: { quantiles: [0.5, 1], windowMs: 60_000 } });
  const client = await nsqd.subscribe("orders", "billing", 10);
  for (const delayMs of [10, 20, 2000]) {
    await client.exchange(sized("PUB orders", "a"));
    await nsqd.advance(delayMs);
    const offset = [10, 20, 2000].indexOf(delayMs);
    await client.exchange(`FIN ${idOf(offset)}\n`);
  }
  const { topics } = JSON.parse((await request("GET", "/stats?format=json")).body);
  const expected = {
    count: 3,
    percentiles: [
      { quantile: 1, value: 2_000_000_000 },
      { quantile: 0.5, value: 20_000_000 },
    ],
  };
  assert.deepEqual(topics[0].e2e_processing_latency, expected);
  assert.deepEqual(topics[0].channels[0].e2e_processing_latency, expected);
  const text = (await request("GET", "/stats")).body;
  assert.match(text, /\[billing {18}\].* e2e%: 2\.0s, 20\.0ms\n/);
  await nsqd.advance(25_000);
  await client.exchange("NOP\n");
  await nsqd.advance(25_000);
  await client.exchange("NOP\n");
  await nsqd.advance(25_000);
  const later = JSON.parse((await request("GET", "/stats?format=json")).body);
  assert.equal(later.topics[0].e2e_processing_latency.count, 0);
});

test("leaves what timed out aside", async (t) => {
  const { nsqd, request } = await startHttp(t, { latency: { quantiles: [0.99] } });
  const client = await nsqd.subscribe("orders", "billing", 1);
  await client.exchange(sized("PUB orders", "a"), `FIN ${idOf(7)}\n`, `REQ ${idOf(0)} 0\n`);
  const { topics } = JSON.parse((await request("GET", "/stats?format=json")).body);
  assert.deepEqual(topics[0].e2e_processing_latency, { count: 0, percentiles: [{ quantile: 0.99, value: 0 }] });
});
