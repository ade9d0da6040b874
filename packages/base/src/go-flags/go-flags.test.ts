import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatGoDuration,
  GoFlagError,
  type GoFlagTable,
  parseGoDuration,
  parseGoFlags,
  renderGoMarkdown,
  renderGoUsage,
} from "./index.ts";

const table = {
  version: { type: "bool", default: false, usage: "print version string" },
  snappy: { type: "bool", default: true, usage: "offer snappy" },
  b: { type: "bool", default: false, usage: "short" },
  n: { type: "int", default: 0, usage: "total messages" },
  sample: { type: "float", default: 1, usage: "share" },
  channel: { type: "string", default: "ch", usage: "NSQ channel" },
  interval: { type: "duration", default: 2000, usage: "time between" },
  topic: { type: "strings", usage: "NSQ topic" },
  count: { type: "count", usage: "number of `reports`" },
} as const satisfies GoFlagTable;

const parse = (...argv: string[]) => parseGoFlags(table, argv);

test("reads one and two dashes, equals and space", () => {
  const { values, rest, given } = parse(
    "-topic=a",
    "--topic",
    "b",
    "-n",
    "3",
    "--interval=1m30s",
    "-sample=.5",
    "x",
    "-n=9",
  );
  assert.deepEqual(values, {
    ...{ version: false, snappy: true, b: false, n: 3, sample: 0.5, channel: "ch", interval: 90_000 },
    ...{ topic: ["a", "b"], count: undefined },
  });
  assert.deepEqual(rest, ["x", "-n=9"]);
  assert.deepEqual([...given], ["topic", "n", "interval", "sample"]);
});

test("takes a boolean's value only behind equals", () => {
  assert.equal(parse("-snappy=false").values.snappy, false);
  const { values, rest } = parse("-version", "false");
  assert.equal(values.version, true);
  assert.deepEqual(rest, ["false"]);
});

test("ends the flags at two dashes", () => {
  assert.deepEqual(parse("-n=1", "--", "-n=2").rest, ["-n=2"]);
});

const refused: readonly [readonly string[], string][] = [
  [["-nope"], "flag provided but not defined: -nope"],
  [["-n"], "flag needs an argument: -n"],
  [["-n=x"], 'invalid value "x" for flag -n: parse error'],
  [["-n=99999999999999999999"], 'invalid value "99999999999999999999" for flag -n: value out of range'],
  [["-snappy=no"], 'invalid boolean value "no" for -snappy: parse error'],
  [["-interval=5"], 'invalid value "5" for flag -interval: parse error'],
  [["---n"], "bad flag syntax: ---n"],
  [["-=1"], "bad flag syntax: -=1"],
  [["-toString=1"], "flag provided but not defined: -toString"],
];

test("refuses in Go's words", () => {
  for (const [argv, message] of refused) assert.throws(() => parse(...argv), { message });
});

test("checks a text, and knows what it means alone", () => {
  const required = {
    type: "text",
    default: "no",
    bare: "yes",
    shown: "",
    usage: "needed",
    problem: (text: string) => (text.length < 4 ? undefined : "too long"),
  } as const;
  const level = { type: "text", default: "INFO", usage: "how much", problem: required.problem } as const;
  const flags = { required, level } as const satisfies GoFlagTable;
  assert.deepEqual(parseGoFlags(flags, ["-required", "-level", "x"]).values, { required: "yes", level: "x" });
  assert.equal(parseGoFlags(flags, ["-required=no"]).values.required, "no");
  assert.throws(() => parseGoFlags(flags, ["-level=loud"]), {
    message: 'invalid value "loud" for flag -level: too long',
  });
  assert.throws(() => parseGoFlags(flags, ["-required=maybe"]), {
    message: 'invalid boolean value "maybe" for -required: too long',
  });
  assert.equal(
    renderGoUsage("tool", flags),
    "Usage of tool:\n  -level value\n    \thow much (default INFO)\n  -required\n    \tneeded\n",
  );
});

test("knows when help is asked for", () => {
  for (const word of ["-h", "--help", "-help"]) {
    assert.throws(
      () => parse(word),
      (error: unknown) => error instanceof GoFlagError && error.help,
    );
  }
});

test("prints usage as Go does", () => {
  assert.equal(
    renderGoUsage("tool", table),
    `Usage of tool:
  -b\tshort
  -channel string
    \tNSQ channel (default "ch")
  -count reports
    \tnumber of reports
  -interval duration
    \ttime between (default 2s)
  -n int
    \ttotal messages
  -sample float
    \tshare (default 1)
  -snappy
    \toffer snappy (default true)
  -topic value
    \tNSQ topic
  -version
    \tprint version string
`,
  );
  assert.match(renderGoMarkdown(table), /\| `-channel STRING` \| NSQ channel \| `ch` \|/);
});

test("reads and prints durations as Go does", () => {
  const pairs: readonly [string, number, string][] = [
    ["0", 0, "0s"],
    ["250ms", 250, "250ms"],
    ["1.5h", 5_400_000, "1h30m0s"],
    ["1m30s", 90_000, "1m30s"],
    ["-2s", -2000, "-2s"],
    ["1.5us", 0.0015, "1.5µs"],
    ["100ns", 0.0001, "100ns"],
  ];
  for (const [text, ms, printed] of pairs) {
    assert.equal(parseGoDuration(text), ms);
    assert.equal(formatGoDuration(ms), printed);
  }
  for (const text of ["", "5", "s", "1x", "1s2", "--1s"]) assert.equal(parseGoDuration(text), undefined, text);
});
