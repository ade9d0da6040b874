import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { findTool, missingTools } from "./outside-tools.ts";

test("finds a program in a later folder of the path", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "polylog-tools-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "nsqd"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(folder, "go"), "not executable", { mode: 0o644 });
  const path = ["/nonexistent", folder].join(delimiter);
  assert.equal(findTool("nsqd", path), join(folder, "nsqd"));
  assert.equal(findTool("go", path), undefined);
});

test("gives no reason to skip when nothing is asked for", () => {
  assert.equal(missingTools(), false);
});
