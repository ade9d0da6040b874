import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ManualClock } from "@polylog/base/clock";
import { temporaryDirectory } from "@polylog/testkit";
import { RotatingFile, type RotatingFileOptions } from "./rotating-file.ts";

/** 2026-11-21 09:00:00 in whatever zone the tests run. */
const nine = new Date(2026, 10, 21, 9).getTime();

function rotatingFile(t: TestContext, options: Partial<RotatingFileOptions> = {}) {
  const outputDir = temporaryDirectory(t);
  const clock = new ManualClock(nine);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const all = {
    ...{ nameFormat: "orders<REV>.<DATETIME>.log", datetimeFormat: "%Y-%m-%d_%H", outputDir, workDir: outputDir },
    ...{ gzip: false, gzipLevel: 6, rotateSize: 0, rotateIntervalMs: 0 },
    ...options,
  };
  const file = new RotatingFile(all, clock, log);
  t.after(() => file.close());
  const put = async (text: string) => {
    if (file.needsRotation()) await file.rotate();
    file.write(Buffer.from(text));
    await file.sync();
  };
  const files = (folder = outputDir) =>
    Object.fromEntries(
      readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(join(folder, name))]),
    );
  const texts = () => Object.fromEntries(Object.entries(files()).map(([name, bytes]) => [name, bytes.toString()]));
  return { file, put, clock, outputDir, files, texts };
}

test("begins a file when its name changes", async (t) => {
  const { put, clock, texts, file } = rotatingFile(t, { nameFormat: "orders.<DATETIME>.log" });
  await put("a\n");
  clock.advance(3_599_999);
  await put("b\n");
  clock.advance(1);
  await put("c\n");
  await file.close();
  assert.deepEqual(texts(), { "orders.2026-11-21_09.log": "a\nb\n", "orders.2026-11-21_10.log": "c\n" });
});

test("goes on in a file that is there", async (t) => {
  const { put, texts, outputDir } = rotatingFile(t, { nameFormat: "orders.<DATETIME>.log" });
  writeFileSync(join(outputDir, "orders.2026-11-21_09.log"), "before\n");
  await put("a\n");
  assert.deepEqual(texts(), { "orders.2026-11-21_09.log": "before\na\n" });
});

test("rotates by size into the next revision", async (t) => {
  const { put, texts, outputDir } = rotatingFile(t, { rotateSize: 4 });
  writeFileSync(join(outputDir, "orders-000001.2026-11-21_09.log"), "full already\n");
  for (const text of ["aaa\n", "bbb\n", "ccc\n"]) await put(text);
  assert.deepEqual(texts(), {
    "orders-000000.2026-11-21_09.log": "aaa\nbbb\n",
    "orders-000001.2026-11-21_09.log": "full already\n",
    "orders-000002.2026-11-21_09.log": "ccc\n",
  });
});

test("rotates by time and never reuses a name", async (t) => {
  const { put, clock, texts, outputDir } = rotatingFile(t, { rotateIntervalMs: 1000 });
  writeFileSync(join(outputDir, "orders-000000.2026-11-21_09.log"), "");
  await put("a\n");
  clock.advance(1000);
  await put("b\n");
  clock.advance(1);
  await put("c\n");
  assert.deepEqual(texts(), {
    "orders-000000.2026-11-21_09.log": "",
    "orders-000001.2026-11-21_09.log": "a\nb\n",
    "orders-000002.2026-11-21_09.log": "c\n",
  });
});

test("writes a gzip member per sync", async (t) => {
  const { put, files, file } = rotatingFile(t, { gzip: true, nameFormat: "orders<REV>.log.gz" });
  await put("a\n");
  assert.equal(gunzipSync(files()["orders-000000.log.gz"]!).toString(), "a\n");
  await put("b\n");
  await file.close();
  assert.equal(gunzipSync(files()["orders-000000.log.gz"]!).toString(), "a\nb\n");
});

test("leaves an empty gzip file that can be read", async (t) => {
  const { file, files } = rotatingFile(t, { gzip: true, nameFormat: "orders<REV>.log.gz" });
  await file.rotate();
  await file.close();
  assert.equal(gunzipSync(files()["orders-000000.log.gz"]!).length, 0);
});

test("moves finished files and overwrites none", async (t) => {
  const workDir = temporaryDirectory(t);
  const { put, file, texts, files, outputDir } = rotatingFile(t, { workDir, nameFormat: "orders<REV>.log" });
  await put("a\n");
  writeFileSync(join(outputDir, "orders-000000.log"), "taken meanwhile\n");
  assert.deepEqual(Object.keys(files(workDir)), ["orders-000000.log"]);
  await file.close();
  await put("b\n");
  await file.close();
  assert.deepEqual(Object.keys(files(workDir)), []);
  assert.deepEqual(texts(), {
    "orders-000000.log": "taken meanwhile\n",
    "orders-000001.log": "a\n",
    "orders-000002.log": "b\n",
  });
});

test("makes the directories in a name", async (t) => {
  const { put, outputDir } = rotatingFile(t, { nameFormat: "a/b/<DATETIME>.log" });
  await put("a\n");
  assert.equal(readFileSync(join(outputDir, "a/b/2026-11-21_09.log"), "utf8"), "a\n");
});
