import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isEphemeral, isLogName, logDirectoryName, parseLogDirectoryName } from "./log-name.ts";

describe("log names", () => {
  it("follow NSQ's rule", () => {
    for (const name of ["a", "orders.v1-x_Y", ".", "..", "x#ephemeral", "a".repeat(64)])
      assert.ok(isLogName(name), name);
    for (const name of ["", "#ephemeral", "a b", "a/b", "ü", "a#", "a#ephemeral2", "a%2E", "a".repeat(65)])
      assert.ok(!isLogName(name), name);
    assert.ok(!isLogName(`${"a".repeat(55)}#ephemeral`));
    assert.deepEqual([isEphemeral("a#ephemeral"), isEphemeral("a")], [true, false]);
  });

  it("have directories that are not hidden, not above, and their own", () => {
    assert.equal(logDirectoryName("."), "%2E");
    assert.equal(logDirectoryName(".."), "%2E.");
    assert.equal(logDirectoryName("a..b"), "a..b");
    const names = fc.stringMatching(/^[.a-zA-Z0-9_-]{1,64}$/);
    fc.assert(
      fc.property(names, (name) => {
        assert.equal(parseLogDirectoryName(logDirectoryName(name)), name);
        assert.doesNotMatch(logDirectoryName(name), /^\./);
      }),
    );
  });

  it("are not read from directories that are none of theirs", () => {
    for (const directory of [".hidden", "lost+found", "%2E%2E", "x#ephemeral", "%41"])
      assert.equal(parseLogDirectoryName(directory), undefined);
  });
});
