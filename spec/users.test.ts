/** A server with a users file: who gets in by each protocol, what they may do, and what a new file changes. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ByteWriter } from "@polylog/base/bytes";
import { encodeConnect } from "@polylog/mqtt-wire";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";
import { WebSocket } from "ws";
import { MqttClient } from "./mqtt-client.ts";

const timeout = 60_000;
const command = fileURLToPath(new URL("../../packages/server/bin/polylog.js", import.meta.url));

function hash(password: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, [command, "users", "hash"], {
    input: `${password}\n`,
    encoding: "utf8",
  });
  assert.match(stdout, /^scrypt\$15\$8\$1\$\S+\n$/, stderr);
  return stdout.trim();
}

const secret = hash("secret");

const usersToml = (permissions: string) => `[[users]]\nname = "ada"\npassword = "${secret}"\n${permissions}\n`;

async function serve(t: TestContext, toml: string): Promise<{ server: ServerProcess; usersFile: string }> {
  const directory = temporaryDirectory(t);
  const usersFile = join(directory, "users.toml");
  writeFileSync(usersFile, toml);
  const server = await startServer({ dataDir: join(directory, "data"), flags: [`--users-file=${usersFile}`] });
  t.after(() => server.kill());
  return { server, usersFile };
}

const basic = (credentials: string) => ({ authorization: `Basic ${Buffer.from(credentials).toString("base64")}` });
const ada = basic("ada:secret");

async function call(server: ServerProcess, method: string, params: object, headers: Record<string, string>) {
  const response = await fetch(`http://127.0.0.1:${server.listeners.http.port}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { status } = response;
  const body = (await response.json()) as { error?: { data: { code: string } } };
  return status === 200 ? (body.error?.data.code ?? "done") : status;
}

test("JSON-RPC asks for credentials and permissions", { timeout }, async (t) => {
  const { server } = await serve(t, usersToml('manage = ["orders*"]'));
  assert.equal(await call(server, "log.list", {}, {}), 401);
  assert.equal(await call(server, "log.list", {}, basic("ada:Secret")), 401);
  assert.equal(await call(server, "log.list", {}, basic("eve:secret")), 401);
  assert.equal(await call(server, "log.create", { log: "orders" }, ada), "done");
  assert.equal(await call(server, "log.create", { log: "other" }, ada), "broker.NOT_AUTHORIZED");
  assert.equal(await call(server, "consume", { log: "orders", from: "earliest" }, ada), "broker.NOT_AUTHORIZED");
});

test("SIGHUP reads the users again", { timeout }, async (t) => {
  const { server, usersFile } = await serve(t, usersToml(""));
  assert.equal(await call(server, "log.create", { log: "orders" }, ada), "broker.NOT_AUTHORIZED");
  writeFileSync(usersFile, usersToml('manage = ["*"]'));
  process.kill(server.pid, "SIGHUP");
  while ((await call(server, "log.create", { log: "orders" }, ada)) !== "done") await sleep(20);
  writeFileSync(usersFile, "[[nobody");
  process.kill(server.pid, "SIGHUP");
  while (!server.output().includes("reloading failed")) await sleep(20);
  assert.equal(await call(server, "log.create", { log: "more" }, ada), "done");
});

test("a WebSocket is opened by those who may", { timeout }, async (t) => {
  const { server } = await serve(t, usersToml(""));
  const url = `ws://127.0.0.1:${server.listeners.http.port}/rpc`;
  const outcome = (headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(url, { headers });
      socket.on("open", () => resolve("open"));
      socket.on("error", (error) => resolve(error.message));
      t.after(() => socket.terminate());
    });
  assert.equal(await outcome(ada), "open");
  assert.match(await outcome({}), /401/);
});

test("nsqd's HTTP API asks too, except for /ping", { timeout }, async (t) => {
  const { server } = await serve(t, usersToml('produce = ["orders"]'));
  const at = `http://127.0.0.1:${server.listeners.nsqHttp.port}`;
  const publish = async (topic: string, headers: Record<string, string>) =>
    (await fetch(`${at}/pub?topic=${topic}`, { method: "POST", body: "x", headers })).status;
  assert.equal((await fetch(`${at}/ping`)).status, 200);
  assert.equal((await fetch(`${at}/stats`)).status, 401);
  assert.equal((await fetch(`${at}/stats`, { headers: ada })).status, 200);
  assert.deepEqual(
    [await publish("orders", ada), await publish("orders", {}), await publish("x", ada)],
    [200, 401, 403],
  );
});

test("health is for everybody and metrics are not", { timeout }, async (t) => {
  const { server } = await serve(t, usersToml(""));
  const status = async (path: string, headers: Record<string, string>) =>
    (await fetch(`http://127.0.0.1:${server.listeners.http.port}${path}`, { headers })).status;
  assert.deepEqual(
    [await status("/health", {}), await status("/metrics", {}), await status("/metrics", ada)],
    [200, 401, 200],
  );
});

test("a row for anonymous peers lets them in", { timeout }, async (t) => {
  const { server } = await serve(t, '[[users]]\nanonymous = true\nmanage = ["a"]\n');
  assert.equal(await call(server, "log.create", { log: "a" }, {}), "done");
  assert.equal(await call(server, "log.create", { log: "b" }, {}), "broker.NOT_AUTHORIZED");
});

/** The return code of the CONNACK that MQTT 3.1.1 gets. */
async function returnCode({ listeners }: ServerProcess, userName?: string, password?: string): Promise<number> {
  const writer = new ByteWriter();
  encodeConnect(writer, {
    protocolLevel: 4,
    cleanSession: true,
    keepAliveSeconds: 60,
    clientIdentifier: "a",
    will: undefined,
    userName,
    password: password === undefined ? undefined : Buffer.from(password),
  });
  const socket = connect(listeners.mqtt.port, "127.0.0.1");
  socket.write(writer.take());
  const [connack] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  assert.deepEqual([...connack.subarray(0, 3)], [0x20, 2, 0]);
  return connack[3]!;
}

test("users log in over MQTT 3.1.1", { timeout }, async (t) => {
  const { server } = await serve(t, usersToml(""));
  const badUserNameOrPassword = 4;
  // Twice: the second time the right password is known, and a wrong one is derived all the same.
  for (let round = 0; round < 2; round++) {
    assert.equal(await returnCode(server, "ada", "secret"), 0);
    assert.equal(await returnCode(server, "ada", "Secret"), badUserNameOrPassword);
  }
  assert.equal(await returnCode(server, "ada", ""), badUserNameOrPassword);
  assert.equal(await returnCode(server, "ada"), badUserNameOrPassword);
  assert.equal(await returnCode(server, "eve", "secret"), badUserNameOrPassword);
  assert.equal(await returnCode(server), badUserNameOrPassword);
});

test("users log in over MQTT 5 and do what they may", { timeout }, async (t) => {
  const { server } = await serve(
    t,
    usersToml('publish = ["sensors/%c/#"]\nsubscribe = ["commands/%c", "sensors/%c/#"]'),
  );
  const open = () => {
    const client = new MqttClient(server.listeners.mqtt.port);
    t.after(() => client.destroy());
    return client;
  };
  const [badUserNameOrPassword, notAuthorized, noMatchingSubscribers] = [0x86, 0x87, 0x10];
  const wrong = [
    { userName: "ada", password: Buffer.from("Secret") },
    { userName: "ada" },
    { userName: "eve", password: Buffer.from("secret") },
    { password: Buffer.from("secret") },
    {},
  ];
  for (const fields of wrong) {
    const client = open();
    assert.equal((await client.connect("s7", fields)).reasonCode, badUserNameOrPassword);
    await client.closed();
  }
  const client = open();
  assert.equal((await client.connect("s7", { userName: "ada", password: Buffer.from("secret") })).reasonCode, 0);
  assert.equal(await client.subscribe("commands/s7"), 1);
  assert.equal(await client.subscribe("commands/s8"), notAuthorized);
  assert.equal(await client.subscribe("#"), notAuthorized);
  assert.equal(await client.publish("sensors/s8/t", "1"), notAuthorized);
  assert.equal(await client.publish("sensors/s7/t", "1"), noMatchingSubscribers);
});

test("an anonymous MQTT client needs that row too", { timeout }, async (t) => {
  assert.notEqual(await returnCode((await serve(t, usersToml(""))).server), 0);
  assert.equal(await returnCode((await serve(t, "[[users]]\nanonymous = true\n")).server), 0);
});

test("a users file with a mistake stops the start", { timeout }, async (t) => {
  await assert.rejects(serve(t, '[[users]]\nname = "ada"\npassword = "secret"\n'), /exited with 2 .*users hash/s);
});
