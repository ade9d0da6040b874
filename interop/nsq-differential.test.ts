/** The same bytes to nsqd and to Polylog: what comes back must be the same, frame by frame and field by field. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { nsqScripts, recordedAnswers, wrongMagics } from "@polylog/nsq/testing";
import { converse, type Outcome, startPeers } from "./nsq-peers.ts";
import { missingTools } from "./outside-tools.ts";

const skip = missingTools("nsqd");

/** Released nsqd 1.3.0 knows no topology yet. */
function comparable({ frames, closed }: Outcome): readonly string[] {
  const seen = frames.map((frame) => frame.replace(',"topology_region":"","topology_zone":""', ""));
  return closed ? [...seen, "closed"] : seen;
}

test("answers every script as nsqd does", { skip }, async (t) => {
  const [nsqd, polylog] = await startPeers(t);
  const scripts = [
    ...nsqScripts.map(({ name, steps }) => ({ name, magic: "  V2", steps })),
    ...wrongMagics.map((magic) => ({ name: `magic ${JSON.stringify(magic)}`, magic, steps: [] })),
  ];
  const width = 8;
  for (let first = 0; first < scripts.length; first += width) {
    await Promise.all(
      scripts.slice(first, first + width).map(async ({ name, magic, steps }) => {
        const outcomes = await Promise.all([converse(nsqd, magic, steps), converse(polylog, magic, steps)]);
        const [theirs, ours] = outcomes.map(comparable);
        await t.test(name, () => assert.deepEqual(ours, theirs));
        const recorded = recordedAnswers[name.split(":")[0]!];
        if (recorded !== undefined) assert.deepEqual(theirs, recorded, `what was recorded of ${name}`);
      }),
    );
  }
});
