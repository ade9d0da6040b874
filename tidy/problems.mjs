// @ts-check
/** How a rule reports: one line per problem, saying where and what to do. */

import assert from "node:assert/strict";

/** Fails with all problems, one per line. @param {readonly string[]} problems */
export function expectNone(problems) {
  if (problems.length === 0) return;
  const list = problems.map((problem) => `  ${problem}`).join("\n");
  const message = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}:\n${list}`;
  throw new assert.AssertionError({ message, stackStartFn: expectNone });
}

/**
 * Fails unless there are exactly these problems; each is known by words that its line contains.
 * @param {readonly string[]} problems
 * @param {readonly RegExp[]} expected
 */
export function expectProblems(problems, expected) {
  for (const pattern of expected) {
    assert.ok(
      problems.some((problem) => pattern.test(problem)),
      `no problem matches ${pattern} in:\n${problems.join("\n")}`,
    );
  }
  assert.equal(problems.length, expected.length, problems.join("\n"));
}
