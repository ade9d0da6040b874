import assert from "node:assert/strict";
import { test } from "node:test";
import { anonymous } from "@polylog/broker";
import type { AuthenticationResult } from "@polylog/broker/access";
import { connectBytes, publishBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

/** A server that takes as long over a password as the test wants. */
async function startSlow() {
  let decide: (result: AuthenticationResult) => void = () => undefined;
  const answer = new Promise<AuthenticationResult>((resolve) => {
    decide = resolve;
  });
  const server = await MemoryServer.start({ authenticator: { authenticate: () => answer } });
  return { server, decide };
}

test("answers a CONNECT after its client stopped sending", async () => {
  const { server, decide } = await startSlow();
  const client = server.open();
  await client.send(connectBytes("a"));
  client.stream.endInput();
  await server.run();
  assert.equal(client.closed, false);
  decide(anonymous);
  await server.run();
  assert.deepEqual(client.packets(), [{ type: "CONNACK", sessionPresent: false, returnCode: 0 }]);
  assert.equal(client.closed, true);
});

test("tells who stopped sending of a wrong password", async () => {
  const { server, decide } = await startSlow();
  const client = server.open();
  await client.send(connectBytes("a"));
  client.stream.endInput();
  decide({ refused: "credentials" });
  await server.run();
  assert.deepEqual(client.packets(), [{ type: "CONNACK", sessionPresent: false, returnCode: 4 }]);
});

test("handles what followed a CONNECT before the end", async () => {
  const { server, decide } = await startSlow();
  const client = server.open();
  const publish = publishBytes("t", "last words", { qos: 1, packetIdentifier: 7 });
  await client.send(Buffer.concat([connectBytes("a"), publish]));
  client.stream.endInput();
  decide(anonymous);
  await server.run();
  assert.deepEqual(
    client.packets().map(({ type }) => type),
    ["CONNACK", "PUBACK"],
  );
  assert.equal(client.closed, true);
});

test("sends a PUBACK that waits for the log before it closes", async () => {
  const server = await MemoryServer.start({ captures: [{ log: "l", filter: "t" }] });
  const client = await server.connect("a");
  client.stream.send(publishBytes("t", "1", { qos: 1, packetIdentifier: 7 }));
  client.stream.endInput();
  assert.equal(client.closed, false);
  await server.run();
  assert.deepEqual(client.packets(), [{ type: "PUBACK", packetIdentifier: 7 }]);
  assert.equal(client.closed, true);
});

test("gives up on an authenticator after the client left", async () => {
  const { server } = await startSlow();
  const client = server.open();
  await client.send(connectBytes("a"));
  client.stream.endInput();
  await server.advance(12_000);
  assert.equal(client.closed, true);
});

test("closes at once when nothing is due", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  client.stream.endInput();
  assert.equal(client.closed, true);
});
