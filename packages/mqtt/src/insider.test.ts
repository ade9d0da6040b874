import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient5 } from "./testing/memory-client5.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const refuseAll = { authenticate: () => ({ refused: "credentials" }) as const };
const insider = { name: "insider" };

test("lets a client of the program's own in without credentials", async () => {
  const access = { allows: (principal: object) => principal === insider };
  const server = await MemoryServer.start({ authenticator: refuseAll, access });
  const client = new MemoryClient5(server.clock);
  server.server.accept(client.stream, insider);
  await client.connect("$bridge/a");
  const [connack] = client.packets();
  assert.equal(connack?.name === "CONNACK" && connack.value.reasonCode, 0);
  assert.equal(server.server.client("$bridge/a")?.clientId, "$bridge/a");
});

test("refuses its identifiers to everybody else", async () => {
  const client = (await MemoryServer.start()).open5();
  await client.connect("$bridge/a");
  const [connack] = client.packets();
  assert.equal(connack?.name === "CONNACK" && connack.value.reasonCode, 0x85);
});
