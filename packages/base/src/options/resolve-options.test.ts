import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCodedError } from "../errors/index.ts";
import { defineOptions } from "./define-options.ts";
import { optionErrors } from "./errors.ts";
import { type OptionInput, resolveOptions } from "./resolve-options.ts";

const group = "Group";
const help = "Help.";
const table = defineOptions({
  listen: { flag: "mqtt-listen", type: "listen", default: "127.0.0.1:1883", group, help },
  dataDir: { flag: "data-dir", short: "d", type: "path", default: "./data", group, help },
  capture: { flag: "capture", type: "string", repeatable: true, default: ["a=b"], group, help },
  sizes: { flag: "sizes", type: "size", repeatable: true, group, help },
  color: { flag: "color", type: "boolean", default: true, group, help },
  count: { flag: "count", type: "integer", min: -9, max: 9, default: 1, group, help },
  drainMs: { flag: "drain", type: "duration", default: "10s", group, help },
  level: { flag: "level", type: "choice", values: ["low", "high"], group, help },
  config: { flag: "config", type: "path", from: ["flag", "environment"], group, help },
});
type Input = OptionInput<typeof table>;

const defaults = resolveOptions(table, {}).values;

const resolved: readonly { name: string; input: Input; values: Partial<typeof defaults> }[] = [
  { name: "defaults stand when nothing is given", input: {}, values: {} },
  { name: "a flag takes the next argument", input: { argv: ["--data-dir", "x"] }, values: { dataDir: "x" } },
  { name: "a flag takes what follows its first =", input: { argv: ["--data-dir=x=y"] }, values: { dataDir: "x=y" } },
  { name: "a short flag stands for its long one", input: { argv: ["-d", "x"] }, values: { dataDir: "x" } },
  { name: "a flag's value may start with one dash", input: { argv: ["--count", "-5"] }, values: { count: -5 } },
  { name: "the last of two flags counts", input: { argv: ["--count=2", "--count=3"] }, values: { count: 3 } },
  { name: "a boolean is switched off by --no-", input: { argv: ["--no-color"] }, values: { color: false } },
  { name: "a boolean is switched off by =false", input: { argv: ["--color=false"] }, values: { color: false } },
  { name: "a boolean takes no next argument", input: { argv: ["--no-color", "--color"] }, values: { color: true } },
  {
    name: "a repeatable flag collects its values",
    input: { argv: ["--sizes", "1K", "--sizes=2K"] },
    values: { sizes: [1024, 2048] },
  },
  {
    name: "an environment variable gives a value",
    input: { envPrefix: "P_", env: { P_DATA_DIR: "x", P_COLOR: "0", P_DRAIN: "5s" } },
    values: { dataDir: "x", color: false, drainMs: 5000 },
  },
  {
    name: "a repeatable variable is split at commas",
    input: { envPrefix: "P_", env: { P_CAPTURE: "a=b, c=d,," } },
    values: { capture: ["a=b", "c=d"] },
  },
  { name: "an empty variable counts as not set", input: { envPrefix: "P_", env: { P_DATA_DIR: "" } }, values: {} },
  { name: "without a prefix the environment is not read", input: { env: { DATA_DIR: "x" } }, values: {} },
  {
    name: "a file gives values by snake case keys",
    input: {
      file: {
        name: "f",
        values: { mqtt_listen: "off", count: 2, drain: 1500, color: false, sizes: [1, "1K"], level: "low" },
      },
    },
    values: { listen: "off", count: 2, drainMs: 1500, color: false, sizes: [1, 1024], level: "low" },
  },
  {
    name: "an empty list in a file replaces the default",
    input: { file: { name: "f", values: { capture: [] } } },
    values: { capture: [] },
  },
  {
    name: "a repeatable flag replaces the file's list",
    input: { argv: ["--capture", "x=y"], file: { name: "f", values: { capture: ["c=d", "e=f"] } } },
    values: { capture: ["x=y"] },
  },
];

for (const { name, input, values } of resolved) {
  test(name, () => assert.deepEqual(resolveOptions(table, input).values, { ...defaults, ...values }));
}

test("flag, environment, file, default is the order", () => {
  const values = { count: 2, data_dir: "file", level: "high" };
  const { values: result, sources } = resolveOptions(table, {
    argv: ["--count", "4"],
    envPrefix: "P_",
    env: { P_COUNT: "3", P_DATA_DIR: "env" },
    file: { name: "f", values },
  });
  assert.deepEqual([result.count, result.dataDir, result.level, result.color], [4, "env", "high", true]);
  assert.deepEqual(
    [sources.count, sources.dataDir, sources.level, sources.color],
    ["flag", "environment", "file", "default"],
  );
});

test("positionals are kept up to their number", () => {
  const argv = ["a", "--count", "1", "-", "--", "--count"];
  assert.deepEqual(resolveOptions(table, { argv, positionalsMax: 3 }).positionals, ["a", "-", "--count"]);
});

test("the file is found with flags and environment", () => {
  const { values } = resolveOptions(table, {
    argv: ["--config", "x.toml"],
    file: ({ config, dataDir }) => ({ name: config!, values: { data_dir: `${config} ${dataDir}` } }),
  });
  assert.equal(values.dataDir, "x.toml undefined");
});

test("values are deeply frozen and inputs untouched", () => {
  const list = ["c=d"];
  const values: Record<string, unknown> = { capture: list };
  const input: Input = Object.freeze({ argv: Object.freeze(["--count=1"]), file: { name: "f", values } });
  const result = resolveOptions(table, input);
  for (const part of [result, result.values, result.values.capture, result.values.listen, result.sources]) {
    assert.ok(Object.isFrozen(part));
  }
  assert.ok(!Object.isFrozen(values) && !Object.isFrozen(list));
  assert.deepEqual(values, { capture: ["c=d"] });
});

const usageErrors: readonly { name: string; input: Input; problem: string }[] = [
  {
    name: "an unknown flag",
    input: { argv: ["--mqtt-lisen", ":1"] },
    problem: "--mqtt-lisen: no such option; did you mean --mqtt-listen?",
  },
  { name: "an unknown flag far from all", input: { argv: ["--zzzzzz"] }, problem: "--zzzzzz: no such option" },
  { name: "an unknown short flag", input: { argv: ["-q"] }, problem: "-q: no such option" },
  {
    name: "--no- of what is not a boolean",
    input: { argv: ["--no-data-dir"] },
    problem: "--no-data-dir: no such option; did you mean --data-dir?",
  },
  { name: "--no- with a value", input: { argv: ["--no-color=1"] }, problem: "--no-color takes no value" },
  { name: "a flag at the end without value", input: { argv: ["--count"] }, problem: "--count needs a value" },
  {
    name: "a flag before another flag",
    input: { argv: ["--data-dir", "-d", "x"] },
    problem: "--data-dir needs a value",
  },
  { name: "a bad flag value", input: { argv: ["-d="] }, problem: '-d: "" is not a path' },
  { name: "an extra argument", input: { argv: ["x"] }, problem: '"x": unexpected argument; options start with --' },
  {
    name: "a value out of bounds",
    input: { argv: ["--count=10"] },
    problem: "--count: 10 is out of bounds; it must be -9 to 9",
  },
  {
    name: "a bad variable",
    input: { envPrefix: "P_", env: { P_LEVEL: "mid" } },
    problem: 'P_LEVEL: "mid" is not one of low, high',
  },
  {
    name: "an unknown file key",
    input: { file: { name: "f.toml", values: { "data-dir": "x" }, lineOf: () => 7 } },
    problem: "f.toml:7: data-dir: no such key; did you mean data_dir?",
  },
  {
    name: "a key of every object",
    input: { file: { name: "f", values: JSON.parse('{"__proto__": 1}') } },
    problem: "f: __proto__: no such key",
  },
  {
    name: "a key not for files",
    input: { file: { name: "f", values: { config: "x" } } },
    problem: "f: config: cannot be set in a file; use --config",
  },
  {
    name: "text for a number in a file",
    input: { file: { name: "f", values: { count: "1" } } },
    problem: "f: count: must be a whole number; this is a string",
  },
  {
    name: "a table for a text in a file",
    input: { file: { name: "f", values: { data_dir: {} } } },
    problem: "f: data_dir: must be a path; this is a list, table or date",
  },
  {
    name: "one value for a list in a file",
    input: { file: { name: "f", values: { capture: "a=b" } } },
    problem: "f: capture: takes a list: [ … ]",
  },
  {
    name: "a list for one value in a file",
    input: { file: { name: "f", values: { count: [1] } } },
    problem: "f: count: takes one value, not a list",
  },
];

for (const { name, input, problem } of usageErrors) {
  test(`${name} is a usage error`, () => {
    assert.throws(() => resolveOptions(table, input), {
      code: "options.USAGE",
      message: `1 of the options cannot be used:\n  ${problem}`,
    });
  });
}

test("all problems are reported at once", () => {
  const input: Input = {
    argv: ["--count=x", "--bogus"],
    envPrefix: "P_",
    env: { P_DRAIN: "soon" },
    file: { name: "f", values: { level: "mid", sizes: ["1K", "1X", "2X"] } },
  };
  assert.throws(
    () => resolveOptions(table, input),
    (error) =>
      isCodedError(error, "options.USAGE") && error.details["count"] === 6 && error.message.split("\n").length === 7,
  );
});

test("a coded error of the file is one more problem", () => {
  const file = () => {
    throw optionErrors.TABLE_INVALID({ option: "first line", problem: "second\nline" });
  };
  assert.throws(() => resolveOptions(table, { argv: ["--bogus"], file }), {
    code: "options.USAGE",
    message: /^2 of .+\n {2}--bogus.+\n {2}option table: first line: second\n {4}line$/,
  });
});

test("another error of the file is passed on", () => {
  const file = () => {
    throw new RangeError("a mistake");
  };
  assert.throws(() => resolveOptions(table, { file }), RangeError);
});

test("conflicts name where the option was given", () => {
  const relations: Input["relations"] = () => [
    { option: "count", problem: "too many" },
    { option: "dataDir", problem: "too far" },
    { option: "level", problem: "too low" },
  ];
  const input: Input = { envPrefix: "P_", env: { P_COUNT: "2" }, file: { name: "f", values: { data_dir: "x" } } };
  assert.throws(() => resolveOptions(table, { ...input, relations }), {
    message: /\n {2}P_COUNT: too many\n {2}f: data_dir: too far\n {2}--level: too low$/,
  });
});

test("a mistyped variable is a warning", () => {
  const env = { P_DATADIR: "x", P_SERVICE_HOST: "10.0.0.1", OTHER: "y" };
  assert.deepEqual(resolveOptions(table, { envPrefix: "P_", env }).warnings, [
    "P_DATADIR is not a setting; did you mean P_DATA_DIR?",
  ]);
});

test("any command line resolves or is a usage error", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "--",
      "-",
      "-d",
      "--count",
      "--color",
      "--no-color",
      "--sizes",
      "--capture=a",
      "1",
      "-1",
      "1K",
      "x",
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      try {
        resolveOptions(table, { argv, positionalsMax: 99 });
      } catch (error) {
        assert.ok(isCodedError(error, "options.USAGE"), String(error));
      }
    }),
  );
});
