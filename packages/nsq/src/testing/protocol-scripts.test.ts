import assert from "node:assert/strict";
import { test } from "node:test";
import { nsqScripts } from "./protocol-scripts.ts";
import { recordedAnswers } from "./recorded-answers.ts";
import { TestNsqd } from "./test-nsqd.ts";

for (const { name, steps } of nsqScripts) {
  test(name, async () => {
    const nsqd = await TestNsqd.start();
    const client = nsqd.connect();
    const received: Buffer[] = [];
    for (const step of steps) received.push(await client.exchange(step));
    const answers = framesOf(Buffer.concat(received));
    assert.deepEqual(client.closed ? [...answers, "closed"] : answers, recordedAnswers[name.split(":")[0]!]);
  });
}

/** The nsqd that was recorded knew no topology yet. */
function framesOf(bytes: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at);
    const body = bytes.toString("latin1", at + 8, end).replace(',"topology_region":"","topology_zone":""', "");
    frames.push(`${bytes.readInt32BE(at + 4)} ${body}`);
    at = end;
  }
  return frames;
}
