import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestName } from "./nearest-name.ts";

const known = ["--mqtt-listen", "--http-listen", "--data-dir", "--log-level"];

const cases: readonly (readonly [name: string, nearest: string | undefined])[] = [
  ["--mqtt-lisen", "--mqtt-listen"],
  ["--datadir", "--data-dir"],
  ["--loglevle", "--log-level"],
  ["--tls-listen", "--http-listen"],
  ["--retention", undefined],
  ["", undefined],
];

for (const [name, nearest] of cases) {
  test(`"${name}" is near ${nearest ?? "nothing"}`, () => assert.equal(nearestName(name, known), nearest));
}

test("the given distance is the most allowed", () => {
  assert.equal(nearestName("abcd", ["abXY"], 2), "abXY");
  assert.equal(nearestName("abcd", ["aWXY"], 2), undefined);
});
