/** Every door of every package opens under the name that other packages import it by. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

const packagesDir = new URL("../../packages/", import.meta.url);

for (const folder of readdirSync(packagesDir)) {
  const manifest = JSON.parse(readFileSync(new URL(`${folder}/package.json`, packagesDir), "utf8")) as Manifest;
  for (const door of Object.keys(manifest.exports)) {
    const name = `${manifest.name}${door.slice(1)}`;
    test(`${name} opens and gives names`, async () => {
      const names = Object.keys((await import(name)) as object);
      assert.notEqual(names.length, 0);
      assert.ok(!names.includes("default"), "doors list names; none has a default export");
    });
  }
}
