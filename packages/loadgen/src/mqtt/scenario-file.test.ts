import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { offeredRate, receiverGroups } from "./plan.ts";
import { parseScenario } from "./scenario-file.ts";

const defaults = { warmupNs: 1e9, durationNs: 10e9, clientPrefix: "b", filling: new Uint8Array(8) };

test("reads any mix of publishers and subscribers", async () => {
  const text = `
    name = "building"
    duration = "1m"
    [[publishers]]
    count = 4
    topic = "floor-{i%2}/sensor-{i}"
    rate = 2.5
    [[publishers]]
    topic = "alarm"
    qos = 1
    stages = "10s:1,50s:3"
    payload-template = "{client} {i}"
    [[subscribers]]
    count = 2
    filter = "floor-{i}/+"
    [[subscribers]]
    count = 3
    filter = "$share/g/#"
    qos = 2`;
  const plan = await parseScenario(text, "x.toml", defaults);
  const [first, second] = plan.flows;
  assert.deepEqual(
    plan.flows.flatMap(({ publishers }) => publishers.map(({ sender, topic }) => `${sender} ${topic}`)),
    ["0 floor-0/sensor-0", "1 floor-1/sensor-1", "2 floor-0/sensor-2", "3 floor-1/sensor-3", "4 alarm"],
  );
  assert.deepEqual([first?.rate, first?.qos, second?.rate, second?.qos], [2.5, 0, 0, 1]);
  assert.equal(Buffer.from(second!.payloads[0]!.subarray(32)).toString(), "b-pub-4 0");
  assert.equal(plan.durationNs, 60e9);
  assert.deepEqual(
    receiverGroups(plan).map(({ filter, senders, members }) => [filter, senders, members]),
    [
      ["floor-0/+", [0, 2], [0]],
      ["floor-1/+", [1, 3], [1]],
      ["$share/g/#", [0, 1, 2, 3, 4], [2, 3, 4]],
    ],
  );
  assert.equal(offeredRate(plan), 10 + (0.5 * 10 + 2 * 50) / 60);
});

test("every preset can be run", async () => {
  const folder = new URL("../../presets/", import.meta.url);
  for (const file of readdirSync(folder)) {
    const plan = await parseScenario(readFileSync(new URL(file, folder), "utf8"), file, defaults);
    assert.equal(`${plan.name}.toml`, file);
    assert.ok(receiverGroups(plan).every(({ senders }) => senders.length > 0));
  }
});

const wrong = [
  ["= 1", /./],
  ["publishers = 1", /publishers is written as \[\[publishers\]\]/],
  ["[[publishers]]", /publishers\[0\] has no topic/],
  ['[[publishers]]\ntopic = "a/#"', /"a\/#" is no topic name/],
  ['[[publishers]]\ntopic = "a"\nqos = 3', /publishers\[0\]\.qos is 3/],
  ['[[publishers]]\ntopic = "a"\nspeed = 3', /publishers\[0\]\.speed is not known/],
  ['[[publishers]]\ntopic = "a"\ncount = 1.5', /not a whole number/],
  ['[[publishers]]\ntopic = "a"\npayload-size = 4', /not 8 to 16777216/],
  ['duration = "1s"\n[[publishers]]\ntopic = "a"\nstages = "2s:1"', /stages are longer than duration/],
  ['[[subscribers]]\nfilter = "a/#/b"', /no topic filter/],
  ['duration = "soon"\n[[subscribers]]\nfilter = "a"', /"soon" is not a duration/],
  ['name = "empty"', /neither publishers nor subscribers/],
] as const;

for (const [text, problem] of wrong) {
  test(`refuses ${JSON.stringify(text)}`, async () => {
    await assert.rejects(parseScenario(text, "x.toml", defaults), {
      code: "loadgen.SCENARIO_FILE_INVALID",
      message: problem,
    });
  });
}
