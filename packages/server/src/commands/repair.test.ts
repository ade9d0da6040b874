import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import { acquireDataDirLock, EmbeddedLogStore, FileStorage } from "@polylog/log/embedded";
import { MemoryStateStore } from "@polylog/log/memory";
import { verifyPartition } from "@polylog/log/offline";
import { temporaryDirectory } from "@polylog/testkit";
import { repair } from "./repair.ts";

/** A data directory with 30 records of one log in several segments; one bit of the oldest is wrong if `damaged`. */
async function dataDirectory(context: TestContext, damaged: boolean): Promise<string> {
  const directory = temporaryDirectory(context);
  const storage = new FileStorage(join(directory, "logs"));
  const state = new MemoryStateStore();
  await state.open();
  const store = new EmbeddedLogStore({ storage, state, clock: systemClock });
  await store.open();
  const partition = store.create("orders", { segmentSizeMax: 4096 }).partitions[0]!;
  for (let i = 0; i < 30; i++) {
    partition.append({ value: Buffer.from(`${i} ${"x".repeat(500)}`) });
    await partition.sync();
  }
  await store.close();
  if (!damaged) return directory;
  const path = join(directory, "logs/orders/0/00000000000000000000.log");
  const bytes = await readFile(path);
  bytes[1000]! ^= 1;
  await writeFile(path, bytes);
  return directory;
}

async function run(...argv: string[]): Promise<{ code: number; text: string }> {
  let text = "";
  const stdin = (async function* () {})();
  const stdout = { write: (part: string) => (text += part) };
  const environment = { env: {}, stdin, stdout, stderr: { write: () => true } };
  return { code: await repair(argv, environment), text };
}

const hasCode = (code: string) => (error: unknown) => isCodedError(error, code);

test("says that nothing is damaged", async (context) => {
  const directory = await dataDirectory(context, false);
  const answer = { code: 0, text: "1 partitions: nothing is damaged.\n" };
  assert.deepEqual(await run("--data-dir", directory), answer);
  assert.deepEqual(await run("--data-dir", directory, "--apply", "--log", "orders"), answer);
});

test("says what it would do, does it, and is done", async (context) => {
  const directory = await dataDirectory(context, true);
  const storage = new FileStorage(join(directory, "logs"));
  const identity = { log: "orders", partition: 0 };
  const faults = async () => (await verifyPartition(storage, "orders/0", identity)).faults.length;
  const dry = await run("--data-dir", directory);
  assert.equal(dry.code, 4);
  assert.match(dry.text, /would be rewritten: byte \d+ is damaged \(crc\)\n {2}lost: offsets 1 to before 2, 1 records/);
  assert.ok((await faults()) > 0);
  const done = await run("--data-dir", directory, "--apply");
  assert.equal(done.code, 0, done.text);
  assert.match(done.text, /kept: \d+ bytes in 0{20}\.log\.damaged\n/);
  assert.equal(await faults(), 0);
  assert.equal((await run("--data-dir", directory)).code, 0);
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.startsWith("LOCK")),
    [],
  );
});

test("refuses a directory that is in use or is none", async (context) => {
  const directory = await dataDirectory(context, true);
  const lock = await acquireDataDirLock(directory);
  await assert.rejects(run("--data-dir", directory, "--apply"), hasCode("log.DATA_DIR_LOCKED"));
  await lock.release();
  await assert.rejects(run("--data-dir", join(directory, "none")), hasCode("config.NOT_A_DATA_DIRECTORY"));
  await assert.rejects(run("--data-dir", directory, "--log", "others"), hasCode("config.NO_SUCH_LOG"));
  await assert.rejects(run("--nonsense"), hasCode("options.USAGE"));
});

test("tells its options", async () => {
  const { code, text } = await run("--help");
  assert.equal(code, 0);
  assert.match(text, /--apply/);
});
