/** A server inside of this process: hooks decide, failures of theirs refuse, and it starts and stops like any service. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { temporaryDirectory } from "@polylog/testkit";
import { type CreateServerOptions, createServer, type EmbeddedServer } from "polylog";

const timeout = 60_000;

async function start(t: TestContext, options: CreateServerOptions): Promise<EmbeddedServer> {
  const nsqOff = {
    nsqTcpListen: "off",
    nsqHttpListen: "off",
    lookupdTcpListen: "off",
    lookupdHttpListen: "off",
  } as const;
  const off = { mqttListen: "off", ...nsqOff, httpListen: "127.0.0.1:0" } as const;
  const server = createServer({ ...off, dataDir: temporaryDirectory(t), diskReserveSize: 0, ...options });
  t.after(() => server.stop());
  await server.start();
  return server;
}

async function createLog({ listeners }: EmbeddedServer, userName: string): Promise<unknown> {
  const authorization = `Basic ${Buffer.from(`${userName}:x`).toString("base64")}`;
  const response = await fetch(`http://127.0.0.1:${listeners["http"]!.port}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization },
    body: '{"jsonrpc":"2.0","id":1,"method":"log.create","params":{"log":"orders"}}',
  });
  const body = (await response.json()) as { error?: { data: { code: string } } };
  return response.status === 200 ? (body.error?.data.code ?? "done") : response.status;
}

test("hooks say who somebody is and what it may do", { timeout }, async (t) => {
  const asked: string[] = [];
  const server = await start(t, {
    authenticate: async ({ userName }) => (userName === "eve" ? { refused: "credentials" } : { name: userName }),
    authorize: ({ name }, action, resource) => {
      asked.push(`${name} ${action} ${resource}`);
      return name === "ada" || action === "connect";
    },
  });
  assert.equal(await createLog(server, "eve"), 401);
  assert.equal(await createLog(server, "bob"), "broker.NOT_AUTHORIZED");
  assert.equal(await createLog(server, "ada"), "done");
  assert.ok(asked.includes("ada manage orders"));
});

test("a hook that throws or rejects lets nobody in", { timeout }, async (t) => {
  const throwing = await start(t, {
    authenticate: () => {
      throw new Error("down");
    },
  });
  assert.equal(await createLog(throwing, "ada"), 401);
  const rejecting = await start(t, { authenticate: () => Promise.reject(new Error("down")) });
  assert.equal(await createLog(rejecting, "ada"), 401);
  const unsure = await start(t, {
    authorize: (_principal, action) => {
      if (action === "manage") throw new Error("down");
      return true;
    },
  });
  assert.equal(await createLog(unsure, "ada"), "broker.NOT_AUTHORIZED");
});

test("it stops twice and frees its data directory", { timeout }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await start(t, { dataDir });
  await assert.rejects(start(t, { dataDir }), { code: /^log\./ });
  await Promise.all([first.stop(), first.stop()]);
  const second = await start(t, { dataDir });
  assert.equal(await createLog(second, "ada"), "done");
});
