import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { dialTcp } from "./dial.ts";

test("connects, and tells why it cannot", async () => {
  const clock = new ManualClock();
  const dial = dialTcp(clock);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stream = await dial(`127.0.0.1:${port}`, 1000);
  assert.equal(stream.remotePort, port);
  stream.destroy();
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(dial(`127.0.0.1:${port}`, 1000), { code: "ECONNREFUSED" });
  await assert.rejects(dial("nowhere", 1000), { code: "nsq.LOOKUPD_ADDRESS_INVALID" });
  assert.equal(clock.timersPending, 0);
});

test("waits no longer than it is told", async () => {
  const clock = new ManualClock();
  const refused = assert.rejects(dialTcp(clock)("127.0.0.1:1", 1000), { code: "nsq.LOOKUPD_TIMEOUT" });
  clock.advance(1000);
  await refused;
});
