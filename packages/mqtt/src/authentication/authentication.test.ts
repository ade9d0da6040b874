import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import { type Authenticator, anonymous } from "@polylog/broker/access";
import type { MemoryClient5 } from "../testing/memory-client5.ts";
import { MemoryServer } from "../testing/memory-server.ts";
import type { AuthenticationMethods } from "./authentication.ts";
import { ScramAuthentication, type ScramUsers, scramKeysOf, scramMethod } from "./scram.ts";

const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const keys = scramKeysOf("pencil", salt, 4096);
const users: ScramUsers = { find: (name) => (name === "user" ? keys : undefined), secret: Buffer.from("secret") };

const authenticator: Authenticator = {
  authenticate: async ({ userName, password }) =>
    userName === undefined || Buffer.from(password ?? []).toString() === "right"
      ? anonymous
      : { refused: "credentials" },
};
const methods: AuthenticationMethods = {
  begin: (method) => (method === scramMethod ? new ScramAuthentication(users, "server") : undefined),
};

const begin = Buffer.from("n,,n=user,r=client");
const method = { authenticationMethod: scramMethod };

function proofOf(serverFirst: string, password = "pencil", header = "n,,"): Buffer {
  const [, nonce, saltText, iterations] = /^r=(.*),s=(.*),i=(.*)$/.exec(serverFirst)!;
  const withoutProof = `c=${Buffer.from(header).toString("base64")},r=${nonce}`;
  const message = `n=user,r=client,${serverFirst},${withoutProof}`;
  const salted = pbkdf2Sync(password, Buffer.from(saltText, "base64"), Number(iterations), 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest();
  const signature = createHmac("sha256", storedKey).update(message).digest();
  const proof = clientKey.map((byte, at) => byte ^ signature[at]);
  return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString("base64")}`);
}

async function challenge(client: MemoryClient5): Promise<string> {
  const [packet] = client.packets();
  assert.ok(packet.name === "AUTH" && packet.value.reasonCode === 0x18);
  return packet.value.properties.authenticationData!.toString();
}

test("answers as RFC 7677 shows", () => {
  const exchange = new ScramAuthentication(users, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  const first = exchange.step(Buffer.from("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
  const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  assert.deepEqual(first, { type: "continue", data: Buffer.from(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`) });
  const proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  const last = exchange.step(Buffer.from(`c=biws,r=${nonce},p=${proof}`));
  const data = Buffer.from("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  assert.deepEqual(last, { type: "done", principal: { name: "user" }, data });
});

test("refuses a last message that repeats another header than the first had", () => {
  for (const [first, last, type] of [
    ["n,,", "n,,", "done"],
    ["y,,", "y,,", "done"],
    ["y,,", "n,,", "refused"],
    ["n,,", "y,,", "refused"],
    ["n,,", "n,a=root,", "refused"],
    ["p=tls-exporter,,", "p=tls-exporter,,", "refused"],
  ] as const) {
    const exchange = new ScramAuthentication(users, "server");
    const answer = exchange.step(Buffer.from(`${first}n=user,r=client`));
    const end = answer.type === "continue" ? exchange.step(proofOf(`${answer.data}`, "pencil", last)) : answer;
    assert.equal(end.type, type, `${first} then ${last}`);
  }
});

test("MQTT-4.12.0-2 v5, MQTT-4.12.0-5 v5: connects after the steps of the method", async () => {
  const client = (await MemoryServer.start({ authenticator, methods })).open5();
  await client.connect("a", { properties: { ...method, authenticationData: begin } });
  const data = proofOf(await challenge(client));
  await client.packet("AUTH", { reasonCode: 0x18, properties: { ...method, authenticationData: data } });
  const [connack] = client.packets();
  assert.ok(connack.name === "CONNACK" && connack.value.reasonCode === 0);
  assert.equal(connack.value.properties.authenticationMethod, scramMethod);
  assert.match(String(connack.value.properties.authenticationData), /^v=/);
});

test("MQTT-4.12.0-4 v5: refuses a wrong password, and a user that is none, alike", async () => {
  const server = await MemoryServer.start({ authenticator, methods });
  for (const first of [begin, Buffer.from("n,,n=nobody,r=client")]) {
    const client = server.open5();
    await client.connect("a", { properties: { ...method, authenticationData: first } });
    const data = proofOf(await challenge(client), "wrong");
    await client.packet("AUTH", { reasonCode: 0x18, properties: { ...method, authenticationData: data } });
    assert.deepEqual([client.names(), client.closed], [["CONNACK 87"], true]);
  }
});

test("MQTT-4.12.0-1 v5: refuses a method it does not have with 0x8C", async () => {
  const client = (await MemoryServer.start({ authenticator, methods })).open5();
  await client.connect("a", { properties: { authenticationMethod: "GUESS" } });
  assert.deepEqual([client.names(), client.closed], [["CONNACK 8c"], true]);
});

test("MQTT-3.1.2-30 v5: takes nothing but AUTH and DISCONNECT meanwhile", async () => {
  const client = (await MemoryServer.start({ authenticator, methods })).open5();
  await client.connect("a", { properties: { ...method, authenticationData: begin } });
  await challenge(client);
  await client.packet("PINGREQ", {});
  assert.deepEqual([client.names(), client.closed], [["CONNACK 82"], true]);
});

test("MQTT-4.12.1-1 v5, MQTT-4.12.1-2 v5: authenticates again, and ends who fails", async () => {
  const client = (await MemoryServer.start({ authenticator, methods })).open5();
  await client.connect("a", { properties: { ...method, authenticationData: begin } });
  const first = proofOf(await challenge(client));
  await client.packet("AUTH", { reasonCode: 0x18, properties: { ...method, authenticationData: first } });
  assert.deepEqual(client.names(), ["CONNACK"]);
  for (const [password, expected] of [
    ["pencil", "AUTH"],
    ["wrong", "DISCONNECT 87"],
  ] as const) {
    await client.packet("AUTH", { reasonCode: 0x19, properties: { ...method, authenticationData: begin } });
    const data = proofOf(await challenge(client), password);
    await client.packet("AUTH", { reasonCode: 0x18, properties: { ...method, authenticationData: data } });
    assert.deepEqual(client.names(), [expected]);
  }
  assert.equal(client.closed, true);
});

test("MQTT-3.15.2-2 v5, MQTT-3.15.2-3 v5: AUTH has neither a reason string nor user properties", async () => {
  const client = (await MemoryServer.start({ authenticator, methods })).open5();
  const properties = { ...method, maximumPacketSize: 150 };
  await client.connect("a", { properties: { ...properties, authenticationData: begin } });
  const names: string[] = [];
  for (let round = 0; round < 2; round++) {
    const [asking] = client.packets();
    assert.ok(asking.name === "AUTH");
    const { authenticationData, ...others } = asking.value.properties;
    assert.deepEqual(others, method);
    const data = proofOf(`${authenticationData}`);
    await client.packet("AUTH", { reasonCode: 0x18, properties: { ...method, authenticationData: data } });
    const [{ name, value }] = client.packets();
    names.push(name);
    assert.ok(
      "properties" in value && !("reasonString" in value.properties) && !("userProperties" in value.properties),
    );
    await client.packet("AUTH", { reasonCode: 0x19, properties: { ...method, authenticationData: begin } });
  }
  assert.deepEqual(names, ["CONNACK", "AUTH"]);
});

test("MQTT-4.12.0-6 v5, MQTT-4.12.0-7 v5: AUTH without a method in CONNECT is a protocol error", async () => {
  const client = await (await MemoryServer.start({ authenticator, methods })).connect5("a");
  await client.packet("AUTH", { reasonCode: 0x19, properties: { ...method, authenticationData: begin } });
  assert.deepEqual([client.names(), client.closed], [["DISCONNECT 82"], true]);
});

test("asks for user name and password, and refuses with 0x86", async () => {
  const server = await MemoryServer.start({ authenticator, methods });
  for (const [password, expected] of [
    ["right", "CONNACK"],
    ["wrong", "CONNACK 86"],
  ] as const) {
    const client = server.open5();
    await client.connect("a", { userName: "u", password: Buffer.from(password) });
    assert.deepEqual(client.names(), [expected]);
  }
  const old = server.open();
  await old.connect("b", { userName: "u", password: Buffer.from("wrong") });
  assert.deepEqual(old.packets(), [{ type: "CONNACK", sessionPresent: false, returnCode: 4 }]);
});
