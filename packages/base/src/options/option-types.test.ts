import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { OptionRow, OptionType } from "./option-table.ts";
import { describeBounds, parseOptionText } from "./option-types.ts";

const row = (type: OptionType, more: object = {}): OptionRow =>
  ({ flag: "x", help: "Help.", group: "Group", type, ...more }) as OptionRow;

const accepted: Readonly<Partial<Record<OptionType, readonly (readonly [text: string, value: unknown])[]>>> = {
  string: [
    ["", ""],
    ["a b", "a b"],
  ],
  path: [["./x y", "./x y"]],
  boolean: [
    ["true", true],
    ["false", false],
    ["1", true],
    ["0", false],
  ],
  integer: [
    ["0", 0],
    ["-5", -5],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ],
  size: [
    ["0", 0],
    ["1048576", 1_048_576],
    ["12B", 12],
    ["64KiB", 65_536],
    ["64 kib", 65_536],
    ["1MiB", 1_048_576],
    ["256M", 268_435_456],
    ["2G", 2_147_483_648],
    ["1TiB", 1_099_511_627_776],
  ],
  duration: [
    ["0", 0],
    ["1500", 1500],
    ["250ms", 250],
    ["1s", 1000],
    ["1.5s", 1500],
    ["1m30s", 90_000],
    ["1h0m0s", 3_600_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
  ],
  listen: [
    ["off", "off"],
    ["127.0.0.1:1883", { host: "127.0.0.1", port: 1883 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    [":4150", { host: "0.0.0.0", port: 4150 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
    ["[fe80::1%eth0]:1", { host: "fe80::1%eth0", port: 1 }],
  ],
};

const refused: Readonly<Partial<Record<OptionType, readonly string[]>>> = {
  path: [""],
  boolean: ["", "yes", "TRUE"],
  integer: ["", "1.5", "1e3", "0x10", "9007199254740992", " 1"],
  size: ["", "-1", "1.5MiB", "1MB", "64KiBs", "KiB", "9007199254740992", "9000000T"],
  duration: ["", "-1s", "1s30", "s", "1x", "1 s", "1.s", ".5s", "99999999999d"],
  listen: [
    "",
    "1883",
    "host",
    "host:",
    "host:65536",
    "host:-1",
    "::1:1883",
    "[host]:1",
    "[]:1",
    "a b:1",
    "tcp://h:1",
    "OFF",
  ],
};

for (const [type, rows] of Object.entries(accepted)) {
  for (const [text, value] of rows) {
    test(`${type} accepts ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parseOptionText(row(type as OptionType), text), { value });
    });
  }
}

for (const [type, texts] of Object.entries(refused)) {
  for (const text of texts) {
    test(`${type} refuses ${JSON.stringify(text)}`, () => {
      const { problem } = parseOptionText(row(type as OptionType), text);
      assert.ok(problem?.startsWith(`${JSON.stringify(text)} is not `), problem);
    });
  }
}

test("bounds are inclusive", () => {
  const bounded = row("size", { min: "1KiB", max: 2048 });
  assert.deepEqual(parseOptionText(bounded, "1024"), { value: 1024 });
  assert.deepEqual(parseOptionText(bounded, "2KiB"), { value: 2048 });
  for (const text of ["1023", "2049"]) {
    assert.deepEqual(parseOptionText(bounded, text), { problem: `${text} is out of bounds; it must be 1KiB to 2048` });
  }
});

test("bounds read as a phrase with their unit", () => {
  assert.equal(describeBounds(row("integer", { min: 1, max: 5, unit: "clients" })), "1 to 5 clients");
  assert.equal(describeBounds(row("duration", { min: "1s" })), "at least 1s");
  assert.equal(describeBounds(row("duration", { max: "1s" })), "at most 1s");
  assert.equal(describeBounds(row("integer", { unit: "clients" })), "");
});

test("a check refuses what the type allows", () => {
  const even = row("integer", { check: (value: number) => (value % 2 === 0 ? undefined : "must be even") });
  assert.deepEqual(parseOptionText(even, "4"), { value: 4 });
  assert.deepEqual(parseOptionText(even, "3"), { problem: '"3": must be even' });
});

test("addresses are frozen", () => {
  assert.ok(Object.isFrozen(parseOptionText(row("listen"), "h:1").value));
});

test("any text gives a value or a problem", () => {
  const types = fc.constantFrom<OptionType>("string", "path", "boolean", "integer", "size", "duration", "listen");
  fc.assert(
    fc.property(types, fc.oneof(fc.string(), fc.stringMatching(/^[\dkmGiB.:[\]hs ]{0,12}$/)), (type, text) => {
      const { value, problem } = parseOptionText(row(type), text);
      assert.notEqual(value === undefined, problem === undefined);
    }),
  );
});
