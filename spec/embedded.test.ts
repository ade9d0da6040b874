/** A server inside of this process: hooks decide, failures of theirs refuse, and it starts and stops like any service. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Logger, silentLogger } from "@polylog/base/telemetry";
import { temporaryDirectory } from "@polylog/testkit";
import { type CreateServerOptions, createServer, type EmbeddedServer } from "polylog";
import { MqttClient } from "./mqtt-client.ts";

const timeout = 60_000;

async function start(t: TestContext, options: CreateServerOptions): Promise<EmbeddedServer> {
  const nsqOff = {
    nsqTcpListen: "off",
    nsqHttpListen: "off",
    lookupdTcpListen: "off",
    lookupdHttpListen: "off",
  } as const;
  const listeners = { ...nsqOff, mqttListen: "off", httpListen: "127.0.0.1:0" } as const;
  const server = createServer({ ...listeners, dataDir: temporaryDirectory(t), diskReserveSize: 0, ...options });
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

async function connectMqtt(t: TestContext, { listeners }: EmbeddedServer, clientId: string): Promise<MqttClient> {
  const client = new MqttClient(listeners["mqtt"]!.port);
  t.after(() => client.destroy());
  assert.equal((await client.connect(clientId)).reasonCode, 0);
  return client;
}

const notAuthorized = 0x87;

test("hooks see MQTT messages and subscriptions", { timeout }, async (t) => {
  const seen: string[] = [];
  const server = await start(t, {
    mqttListen: "127.0.0.1:0",
    authenticate: ({ userName: name, clientId }) => ({ name, clientId }),
    authorize: (_principal, _action, resource) => resource !== "secret",
    onPublish: ({ route, payload, payloadStart, payloadEnd }, { clientId }) => {
      const text = payload.toString("utf8", payloadStart, payloadEnd);
      seen.push(`${clientId} ${route.topic} ${text}`);
      return text !== "unwanted";
    },
    onSubscribe: (filter, { clientId }) => {
      seen.push(`${clientId} ${filter}`);
      return filter !== "#";
    },
  });
  const subscriber = await connectMqtt(t, server, "s");
  assert.equal(await subscriber.subscribe("#"), notAuthorized);
  assert.equal(await subscriber.subscribe("secret"), notAuthorized);
  assert.equal(await subscriber.subscribe("$share/group/a/+"), 1);
  const publisher = await connectMqtt(t, server, "p");
  assert.equal(await publisher.publish("secret", "x"), notAuthorized);
  await publisher.publish("a/b", "unwanted");
  await publisher.publish("a/b", "wanted");
  assert.equal((await subscriber.receive("PUBLISH")).payload.toString(), "wanted");
  assert.deepEqual(seen, ["s #", "s a/+", "p a/b unwanted", "p a/b wanted"]);
});

const broken = {
  throws: () => {
    throw new Error("down");
  },
  rejects: () => Promise.reject(new Error("down")),
  "says nothing": () => undefined,
};

for (const [how, hook] of Object.entries(broken)) {
  test(`a message hook that ${how} says no`, { timeout }, async (t) => {
    const logged: string[] = [];
    const logger: Logger = { ...silentLogger, error: (line) => logged.push(line), child: () => logger };
    const onPublish = hook as unknown as () => boolean;
    const server = await start(t, { mqttListen: "127.0.0.1:0", logger, onPublish, onSubscribe: onPublish });
    const client = await connectMqtt(t, server, "c");
    assert.equal(await client.subscribe("a"), notAuthorized);
    assert.equal(await client.publish("a", "x"), 0);
    assert.deepEqual(
      logged.filter((line) => line.includes("hook failed")),
      ["the onSubscribe hook failed; the answer is no", "the onPublish hook failed; the answer is no"],
    );
  });
}

test("an authorize hook that answers later says no", { timeout }, async (t) => {
  const authorize = (async () => true) as unknown as () => boolean;
  assert.equal(await createLog(await start(t, { authorize }), "ada"), 401);
});

test("it stops twice and frees its data directory", { timeout }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await start(t, { dataDir });
  await assert.rejects(start(t, { dataDir }), { code: /^log\./ });
  await Promise.all([first.stop(), first.stop()]);
  const second = await start(t, { dataDir });
  assert.equal(await createLog(second, "ada"), "done");
});
