/** `polylog mqtt delayed` asks a real server for delayed messages, and takes them back. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { MqttClient } from "./mqtt-client.ts";

const command = fileURLToPath(new URL("../../packages/server/bin/polylog.js", import.meta.url));

test("delayed messages are listed and taken back", { timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const client = new MqttClient(server.listeners.mqtt.port);
  t.after(() => client.destroy());
  await client.connect("device");
  for (const lamp of ["garden", "kitchen"]) await client.publish(`$delayed/3600/lamps/${lamp}`, "off");
  const ask = (...flags: string[]) =>
    new Promise<[number, string, string]>((resolve) => {
      const url = `--url=http://127.0.0.1:${server.listeners.http.port}`;
      const child = execFile(process.execPath, [command, "mqtt", "delayed", url, ...flags], (_error, out, told) =>
        resolve([child.exitCode ?? -1, out, told]),
      );
    });
  const [, table] = await ask();
  assert.match(
    table,
    /^id +topic +due +clientId +qos +retain +size\n +0 +lamps\/garden +20\d\d-.*Z +device +1 +no +3$/m,
  );
  const [, first, told] = await ask("--limit=1", "--json");
  assert.deepEqual([JSON.parse(first).delayed[0].id, JSON.parse(first).more, told], [0, true, ""]);
  assert.match((await ask("--after=0"))[1], /^ +1 +lamps\/kitchen/m);
  assert.match((await ask("--filter=lamps/+/#"))[1], /kitchen/);
  assert.deepEqual(await ask("--cancel=0"), [0, "0 is taken back\n", ""]);
  const [code, taken, missed] = await ask("--cancel=0", "--cancel=1");
  assert.deepEqual([code, taken], [1, "1 is taken back\n"]);
  assert.match(missed, /^0 does not wait: /);
  assert.equal((await ask())[1], "none\n");
});
