import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "../errors/index.ts";
import { defineOptions } from "./define-options.ts";
import type { ListenOption, OptionRow, OptionValues } from "./option-table.ts";

const base = { help: "Help.", group: "Group" } as const;

test("a table is returned as it is", () => {
  const table = { size: { ...base, flag: "size", type: "size", default: "1MiB" } } as const;
  assert.equal(defineOptions(table), table);
});

test("rows give the types of their values", () => {
  const table = defineOptions({
    text: { ...base, flag: "text", type: "string" },
    given: { ...base, flag: "given", type: "path", default: "x" },
    off: { ...base, flag: "off", type: "boolean", default: false },
    count: { ...base, flag: "count", type: "integer", check: (value) => (value % 2 === 0 ? undefined : "is odd") },
    names: { ...base, flag: "names", type: "string", repeatable: true, check: (value) => value.at(0) },
    level: { ...base, flag: "level", type: "choice", values: ["low", "high"], default: "low" },
    listen: { ...base, flag: "listen", type: "listen", default: "off" },
  });
  const values: OptionValues<typeof table> = {
    text: undefined,
    given: "y",
    off: true,
    count: undefined,
    names: ["a", "b"],
    level: "high",
    listen: { host: "::1", port: 0 },
  };
  const level: "low" | "high" = values.level;
  const listen: ListenOption = values.listen;
  const names: readonly string[] = values.names;
  const count: number | undefined = values.count;
  // @ts-expect-error: without a default it may be undefined.
  const text: string = values.text;
  assert.deepEqual(
    [level, listen, names, count, text],
    ["high", { host: "::1", port: 0 }, ["a", "b"], undefined, undefined],
  );
});

const mistakes: readonly { name: string; rows: readonly OptionRow[]; problem: RegExp }[] = [
  { name: "a flag with dashes", rows: [{ ...base, flag: "--x", type: "string" }], problem: /not a kebab-case flag/ },
  { name: "a flag starting with no-", rows: [{ ...base, flag: "no-x", type: "boolean" }], problem: /must not start/ },
  { name: "a long short name", rows: [{ ...base, flag: "x", short: "xy", type: "string" }], problem: /not one letter/ },
  {
    name: "one flag for two options",
    rows: [
      { ...base, flag: "x", type: "string" },
      { ...base, flag: "x", type: "path" },
    ],
    problem: /"x" is already the name/,
  },
  {
    name: "a default outside its bounds",
    rows: [{ ...base, flag: "x", type: "duration", max: "1s", default: "2s" }],
    problem: /default: 2s is out of bounds; it must be at most 1s/,
  },
  {
    name: "a default that is no choice",
    rows: [{ ...base, flag: "x", type: "choice", values: ["a"], default: "b" }],
    problem: /default: "b" is not one of a/,
  },
  {
    name: "a list with one default its check refuses",
    rows: [
      {
        ...base,
        flag: "x",
        type: "string",
        repeatable: true,
        default: ["a", ""],
        check: (v) => (v ? undefined : "empty"),
      },
    ],
    problem: /default: "": empty/,
  },
  {
    name: "a bound that cannot be read",
    rows: [{ ...base, flag: "x", type: "size", min: "1 parsec" }],
    problem: /bound 1 parsec is not a size/,
  },
];

for (const { name, rows, problem } of mistakes) {
  test(`a table is refused for ${name}`, () => {
    const table = Object.fromEntries(rows.map((row, index) => [`option${index}`, row]));
    assert.throws(
      () => defineOptions(table),
      (error) => isCodedError(error, "options.TABLE_INVALID") && problem.test(error.message),
    );
  });
}
