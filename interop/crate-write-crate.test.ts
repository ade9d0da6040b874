/** `crate-write` into a real CrateDB, where someone has one: `CRATE_URL=http://crate@localhost:4200 npm run test:crate`. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "@polylog/base/clock";
import { CrateClient, faultOfAnswer } from "@polylog/crate-writer";

const command = fileURLToPath(new URL("../../packages/loadgen/bin/crate-write.js", import.meta.url));
const url = process.env["CRATE_URL"];
const skip = url === undefined ? "no CRATE_URL: no CrateDB to test with" : false;

for (const insert of ["bulk", "unnest"])
  test(`fills CrateDB with ${insert}, and agrees with its count`, { skip, timeout: 120_000 }, async (t) => {
    const table = `crate_write_${randomBytes(4).toString("hex")}`;
    const client = new CrateClient({ addresses: [new URL(url!)], clock: systemClock });
    t.after(async () => {
      await client.sql(`DROP TABLE IF EXISTS ${table}`, [], ({ status, text }) => faultOfAnswer(status, text));
      client.close();
    });
    const flags = [
      `--connection-string=${url}`,
      `--table-name=${table}`,
      "--rows=20000",
      "--batch-size=1000",
      "--seed=3",
    ];
    const settings = ["--shards=4", "--replicas=0", "--refresh-interval=5000", "--translog-durability=ASYNC"];
    const more = [
      "--batch-interval=0",
      "--threads=2",
      "--concurrency=2",
      "--json",
      "--repeat-ids",
      `--insert=${insert}`,
    ];
    const run = async () => {
      const argv = [command, ...flags, ...settings, ...more];
      return JSON.parse((await promisify(execFile)(process.execPath, argv, { cwd: tmpdir() })).stdout) as {
        readonly rows: Readonly<Record<"written" | "ignored" | "failed", number>>;
        readonly verification: { readonly present: number; readonly agrees: boolean };
      };
    };
    const first = await run();
    assert.deepEqual([first.rows.written, first.rows.failed, first.verification.agrees], [20_000, 0, true]);
    const again = await run();
    assert.deepEqual([again.rows.ignored, again.verification.present], [20_000, 0]);
  });
