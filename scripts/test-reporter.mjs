// @ts-check
/**
 * A reporter for `node:test` that writes one JSON line per test, for `run-tests.mjs` to read. A parent that fails only
 * because its subtests did is left out, and so are suites, unless the failure is the suite's own (a hook).
 */

import { inspect } from "node:util";

/**
 * @typedef {object} TestLine
 * @property {"pass" | "fail" | "skip" | "note"} kind `note` is a diagnostic of the runner
 * @property {string[]} path names from the outermost suite to the test
 * @property {string} text why it was skipped, how it failed, or the note
 */

/** @param {AsyncIterable<{ type: string, data: any }>} events */
export default async function* report(events) {
  /** @type {string[]} */
  const names = [];
  for await (const { type, data } of events) {
    if (type === "test:start") {
      names.length = data.nesting;
      names.push(data.name);
    } else if (type === "test:pass" || type === "test:fail") {
      const line = lineOf(type, data, [...names.slice(0, data.nesting), data.name]);
      if (line !== undefined) yield `${JSON.stringify(line)}\n`;
    } else if (type === "test:diagnostic") {
      yield `${JSON.stringify({ kind: "note", path: [], text: data.message })}\n`;
    }
  }
}

/**
 * @param {string} type
 * @param {any} data
 * @param {string[]} path
 * @returns {TestLine | undefined}
 */
function lineOf(type, data, path) {
  const skipped = data.skip ?? data.todo;
  if (skipped !== undefined && skipped !== false) {
    return { kind: "skip", path, text: typeof skipped === "string" && skipped !== "" ? skipped : "no reason given" };
  }
  if (type === "test:fail") {
    const error = data.details?.error;
    if (error?.failureType === "subtestsFailed") return undefined;
    return { kind: "fail", path, text: describeError(error) };
  }
  return data.details?.type === "suite" ? undefined : { kind: "pass", path, text: "" };
}

/** The runner wraps what the test threw; its own frames tell nothing. @param {any} error */
function describeError(error) {
  return describeThrown(error?.cause ?? error)
    .split("\n")
    .filter((line) => !/^\s+at .*\(?node:(internal|async_hooks)/.test(line))
    .join("\n");
}

/** @param {unknown} thrown @returns {string} */
function describeThrown(thrown) {
  if (!(thrown instanceof Error)) return typeof thrown === "string" ? thrown : inspect(thrown, { depth: 5 });
  const parts = [thrown.stack ?? thrown.message];
  if (thrown.cause !== undefined) parts.push(`caused by: ${describeThrown(thrown.cause)}`);
  if (thrown instanceof AggregateError) parts.push(...thrown.errors.map((each) => `one of: ${describeThrown(each)}`));
  return parts.join("\n");
}
