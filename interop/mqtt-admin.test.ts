/** `polylog mqtt` against a server with clients of mqtt.js. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import mqtt from "mqtt";

const command = fileURLToPath(new URL("../../packages/server/bin/polylog.js", import.meta.url));
const run = promisify(execFile);

test("polylog mqtt lists what there is and kicks clients", { timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const url = `http://127.0.0.1:${server.listeners.http.port}`;
  const list = async (...words: readonly string[]) =>
    (await run(process.execPath, [command, "mqtt", ...words, `--url=${url}`])).stdout;
  const connect = (clientId: string, clean: boolean) =>
    mqtt.connectAsync(`mqtt://127.0.0.1:${server.listeners.mqtt.port}`, { clientId, clean, reconnectPeriod: 0 });

  const stays = await connect("stays", true);
  await stays.publishAsync("house/door", "closed", { qos: 1, retain: true });
  const leaves = await connect("leaves", false);
  await leaves.subscribeAsync("a/#", { qos: 1 });
  await leaves.endAsync();
  await stays.publishAsync("a/b", "for later", { qos: 1 });

  assert.match(await list("clients"), /^clientId .*\nstays +127\.0\.0\.1:\d+ +no +0 +0 +0 +2 +0 +\d+ +\d+ .*\n$/);
  assert.match(await list("sessions"), /\nleaves +- +yes +1 +0 +1\n/);
  assert.match(await list("subscriptions"), /^clientId +filter +qos\nleaves +a\/# +1\n$/);
  assert.equal(await list("subscriptions", "stays"), "none\n");
  assert.match(await list("retained"), /\nhouse\/door +1 +6 +20/);
  assert.equal(await list("retained", "--filter=garden/#"), "none\n");
  const { clients } = JSON.parse(await list("clients", "--json")) as { clients: { clientId: string }[] };
  assert.deepEqual(
    clients.map(({ clientId }) => clientId),
    ["stays"],
  );
  const closed = new Promise<void>((resolve) => stays.once("close", () => resolve()));
  assert.equal(await list("kick", "stays"), "stays is disconnected; it may connect again\n");
  await closed;
  await assert.rejects(list("kick", "stays"), { code: 1, stderr: "stays is not connected\n" });
  assert.equal(await list("clients"), "none\n");
  await stays.endAsync(true);
});
