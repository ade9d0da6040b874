import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions } from "@polylog/base/options";
import { parseConfigFile } from "./config-file.ts";
import { renderReference } from "./render-docs.ts";
import { serveOptions } from "./serve-options.ts";

const reference = renderReference();
const exampleToml = reference["config.example.toml"]!;

test("the example config changes nothing as it is", () => {
  assert.deepEqual(Object.keys(parseConfigFile("example", exampleToml).values), []);
});

test("the example config with everything uncommented is valid", () => {
  const file = parseConfigFile("example", exampleToml.replace(/^#(?=\w+ = )/gm, ""));
  const { values, sources } = resolveOptions(serveOptions, { file });
  const defaults = resolveOptions(serveOptions, {}).values;
  const examples = Object.entries(values).filter(
    ([option]) => !("default" in serveOptions[option as keyof typeof values]),
  );
  assert.deepEqual(values, { ...defaults, ...Object.fromEntries(examples) });
  const notFromFile = Object.entries(sources).filter(([, source]) => source !== "file");
  assert.deepEqual(
    notFromFile.map(([option]) => option),
    ["config", "help"],
  );
});

test("the reference page names every option", () => {
  const page = reference["docs/reference/options.md"]!;
  for (const { flag } of Object.values(serveOptions)) assert.match(page, new RegExp(`^\\| \`--${flag}[ \`]`, "m"));
});
