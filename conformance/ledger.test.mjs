// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { rootDir } from "../scripts/repository.mjs";
import { findTestedStatements, readLedger, readStatements, specifications } from "./ledger.mjs";

/** @type {Record<string, string[]>} */
const open = JSON.parse(readFileSync(join(rootDir, "conformance", "open.json"), "utf8"));

for (const specification of specifications) {
  const { version, title, file, statements } = specification;

  test(`lists every statement of ${title} once`, () => {
    const ids = readStatements(file).map(({ id }) => id);
    assert.equal(ids.length, statements);
    assert.equal(new Set(ids).size, statements);
  });

  test(`knows every statement of ${title} that a test names`, () => {
    const known = new Set(readStatements(file).map(({ id }) => id));
    const unknown = [...findTestedStatements()].filter(
      ([key]) => key.endsWith(version) && !known.has(key.slice(0, -3)),
    );
    assert.deepEqual(unknown, []);
  });

  test(`says which statements of ${title} are open`, async () => {
    const rows = await readLedger(specification);
    const found = rows.filter(({ status }) => status === "open").map(({ id }) => id);
    assert.deepEqual(found, open[version], "conformance/open.json must list exactly these");
  });
}
