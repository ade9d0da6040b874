/** A directory of its own for one test, removed when the test ends. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The part of a `node:test` context that is needed here. */
interface Cleanup {
  after(callback: () => void): void;
}

export function temporaryDirectory(test: Cleanup): string {
  const path = mkdtempSync(join(tmpdir(), "polylog-"));
  test.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
