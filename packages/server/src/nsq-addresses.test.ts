import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { broadcastHost, lookupdAddress, nsqdAddress } from "./nsq-addresses.ts";

const tcp = { host: "127.0.0.1", port: 1 };
const http = { host: "0.0.0.0", port: 2 };

test("tells where the listeners are bound", () => {
  assert.deepEqual(nsqdAddress({}, tcp, http), { broadcastAddress: "127.0.0.1", tcpPort: 1, httpPort: 2 });
});

test("tells what the options say instead", () => {
  const given = { broadcastAddress: "nsq1", broadcastTcpPort: 3, broadcastHttpPort: 4 };
  assert.deepEqual(nsqdAddress(given, tcp, http), { broadcastAddress: "nsq1", tcpPort: 3, httpPort: 4 });
});

test("has no nsqd to tell of without both listeners", () => {
  assert.equal(nsqdAddress({}, tcp, undefined), undefined);
  assert.equal(nsqdAddress({}, undefined, http), undefined);
});

test("tells the host's name where every address is bound", () => {
  assert.equal(broadcastHost({}, http), hostname());
  assert.equal(broadcastHost({}, { host: "::", port: 0 }), hostname());
});

test("tells of the nsqlookupd where its HTTP API is", () => {
  assert.deepEqual(lookupdAddress({}, undefined, tcp), { broadcastAddress: "127.0.0.1", tcpPort: 0, httpPort: 1 });
});
