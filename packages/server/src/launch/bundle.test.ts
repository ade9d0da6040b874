import assert from "node:assert/strict";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "@polylog/testkit";
import { type BundleFiles, isBundleCurrent, runBundle } from "./bundle.ts";

const hash = "0".repeat(64);

/** A bundle of `text`, whose map says that its line 3 was line 70 of `original.ts`. */
function plant(directory: string, text: string): BundleFiles {
  const source = join(directory, "planted.cjs");
  const files = { source, sourceMap: `${source}.map`, code: `${source}.code` };
  writeFileSync(source, `// ${hash}\n${text}`);
  const map = { version: 3, sources: ["src/original.ts"], names: [], mappings: ";;AAqEA" };
  writeFileSync(files.sourceMap, JSON.stringify(map));
  return files;
}

function answer(): unknown {
  return (globalThis as { planted?: unknown }).planted;
}

describe("bundle", () => {
  it("runs, with code that was kept or without", (context) => {
    const files = plant(temporaryDirectory(context), "globalThis.planted = [typeof require, __filename];");
    const { script } = runBundle(files);
    assert.deepEqual(answer(), ["function", files.source]);
    writeFileSync(files.code, Buffer.concat([Buffer.from(hash), script.createCachedData()]));
    assert.equal(runBundle(files).script.cachedDataRejected, false);
  });

  it("runs when V8 refuses the code that was kept", (context) => {
    const files = plant(temporaryDirectory(context), "globalThis.planted = 'refused';");
    writeFileSync(files.code, Buffer.concat([Buffer.from(hash), Buffer.alloc(200, "no code of V8's")]));
    assert.equal(runBundle(files).script.cachedDataRejected, true);
    assert.equal(answer(), "refused");
  });

  it("does not offer V8 another bundle's code", (context) => {
    const files = plant(temporaryDirectory(context), "globalThis.planted = 1;");
    const { script } = runBundle(files);
    writeFileSync(files.code, Buffer.concat([Buffer.from("1".repeat(64)), script.createCachedData()]));
    assert.equal(runBundle(files).script.cachedDataRejected, undefined);
  });

  it("names sources in stack traces", (context) => {
    const directory = temporaryDirectory(context);
    runBundle(plant(directory, "globalThis.planted =\nnew Error('of the bundle');"));
    const { stack } = answer() as Error;
    assert.match(stack ?? "", /^Error: of the bundle\n {4}at .*original\.ts:70:1\)?\n {4}at /);
    assert.equal(stack?.includes(join(directory, "src", "original.ts")), true);
  });

  it("is not used when something was compiled later", (context) => {
    const files = plant(temporaryDirectory(context), "");
    assert.equal(isBundleCurrent(files), true);
    utimesSync(files.source, 1, 1);
    assert.equal(isBundleCurrent(files), false);
    assert.equal(isBundleCurrent({ ...files, source: `${files.source}.missing` }), false);
  });
});
