import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createSecureContext } from "node:tls";
import { authorityCert, clientCertificate, serverCertificate, strangerCertificate } from "@polylog/testkit";
import { sized } from "../testing/frames.ts";
import { TestNsqd, type TestNsqdOptions } from "../testing/test-nsqd.ts";
import { type Compression, WireClient } from "../testing/wire-client.ts";
import type { NsqTls } from "./tls-settings.ts";

const context = createSecureContext({ ...serverCertificate, ca: authorityCert });
const tls: NsqTls = { context: () => context, clientAuth: "none", required: "false" };

interface Upgrades {
  readonly tls_v1?: boolean;
  readonly snappy?: boolean;
  readonly deflate?: boolean;
  readonly deflate_level?: number;
}

async function start(
  testContext: TestContext,
  options: TestNsqdOptions,
): Promise<{ nsqd: TestNsqd; client: WireClient }> {
  const nsqd = await TestNsqd.start(options);
  return { nsqd, client: await WireClient.connect(testContext, nsqd) };
}

/** Sends IDENTIFY and returns what was granted. */
async function identify(client: WireClient, asked: Upgrades): Promise<Upgrades & { type: number }> {
  client.send(sized("IDENTIFY", JSON.stringify({ feature_negotiation: true, ...asked })));
  const { type, body } = (await client.frame())!;
  return { type, ...JSON.parse(body.toString()) };
}

for (const secure of [false, true]) {
  for (const compression of ["none", "snappy", "deflate"] as Compression[]) {
    if (!secure && compression === "none") continue;
    const name = [secure ? "TLS" : "", compression === "none" ? "" : compression].filter(Boolean).join(" and ");
    test(`carries messages both ways through ${name}`, async (t) => {
      const { client } = await start(t, { tls });
      const asked = { tls_v1: secure, snappy: compression === "snappy", deflate: compression === "deflate" };
      const granted = await identify(client, asked);
      assert.deepEqual({ tls_v1: granted.tls_v1, snappy: granted.snappy, deflate: granted.deflate }, asked);
      if (secure) {
        await client.startTls({ ca: authorityCert });
        assert.equal(await client.text(), "0 OK");
      }
      client.startCompression(compression);
      if (compression !== "none") assert.equal(await client.text(), "0 OK");
      const body = Buffer.concat([Buffer.alloc(128_000, "x"), Buffer.from("end")]);
      client.send("SUB orders billing\n", sized("PUB orders", body), "RDY 2\n");
      assert.equal(await client.text(), "0 OK");
      assert.equal(await client.text(), "0 OK");
      const message = (await client.frame())!;
      assert.equal(message.type, 2);
      assert.ok(message.body.subarray(26).equals(body));
      client.send("ASDF\n");
      assert.equal(await client.text(), "1 E_INVALID invalid command ASDF");
      await client.until(() => client.closed);
    });
  }
}

test("NSQ-2.3-6: shows upgrades in /stats", async (t) => {
  const { nsqd, client } = await start(t, { tls });
  await identify(client, { tls_v1: true, snappy: true });
  await client.startTls({ ca: authorityCert, maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" });
  assert.equal(await client.text(), "0 OK");
  client.startCompression("snappy");
  assert.equal(await client.text(), "0 OK");
  const [shown] = nsqd.clientStats();
  assert.equal(shown?.tls, true);
  assert.equal(shown?.tls_version, "TLS1.2");
  assert.equal(shown?.tls_cipher_suite, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
  assert.equal(shown?.snappy, true);
  assert.equal(shown?.deflate, false);
});

test("NSQ-1.5-33: upgrades nothing without feature negotiation", async (t) => {
  const { client } = await start(t, { tls });
  client.send(sized("IDENTIFY", JSON.stringify({ tls_v1: true, snappy: true })), "PUB\n");
  assert.equal(await client.text(), "0 OK");
  assert.equal(await client.text(), "1 E_INVALID PUB insufficient number of parameters");
});

test("NSQ-1.5-34: refuses both compressions instead of answering", async (t) => {
  const { client } = await start(t, {});
  client.send(sized("IDENTIFY", JSON.stringify({ feature_negotiation: true, snappy: true, deflate: true })));
  assert.equal(await client.text(), "1 E_IDENTIFY_FAILED cannot enable both deflate and snappy compression");
});

test("NSQ-1.5-35: grants the one compression that is on", async (t) => {
  const { client } = await start(t, { deflate: false });
  const granted = await identify(client, { snappy: true, deflate: true });
  assert.deepEqual([granted.snappy, granted.deflate], [true, false]);
});

test("NSQ-1.1-13: throws away what was sent behind an IDENTIFY that upgrades", async (t) => {
  const { client } = await start(t, {});
  client.send(sized("IDENTIFY", JSON.stringify({ feature_negotiation: true, snappy: true })), "NOP\nASDF\n");
  assert.match(await client.text(), /^0 \{/);
  client.startCompression("snappy");
  assert.equal(await client.text(), "0 OK");
  client.send(sized("PUB orders", "a"));
  assert.equal(await client.text(), "0 OK");
});

test("NSQ-1.5-40: answers everything before it upgrades", async (t) => {
  const { client } = await start(t, {});
  client.send(
    sized("PUB orders", "a"),
    sized("PUB orders", "b"),
    sized("IDENTIFY", JSON.stringify({ feature_negotiation: true, deflate: true, deflate_level: 9 })),
  );
  assert.equal(await client.text(), "0 OK");
  assert.equal(await client.text(), "0 OK");
  assert.match(await client.text(), /"deflate":true,"deflate_level":6/);
  client.startCompression("deflate");
  assert.equal(await client.text(), "0 OK");
});

test("answers what came before the client's end through deflate", async (t) => {
  const { nsqd, client } = await start(t, {});
  await identify(client, { deflate: true });
  client.startCompression("deflate");
  assert.equal(await client.text(), "0 OK");
  client.send(sized("PUB orders", "a"));
  client.endInput();
  assert.equal(await client.text(), "0 OK");
  await client.until(() => client.closed);
  assert.equal(nsqd.catalog.get("orders")?.messageCount, 1);
});

for (const compression of ["snappy", "deflate"] as const) {
  test(`closes a client that sends no ${compression} after it was granted`, async (t) => {
    const { client } = await start(t, {});
    await identify(client, { [compression]: true });
    client.send(Buffer.from("ffffffffffffffffffff", "hex"));
    await client.until(() => client.closed);
  });
}

test("closes a client that does not speak TLS after it was granted", async (t) => {
  const { nsqd, client } = await start(t, { tls });
  await identify(client, { tls_v1: true });
  client.send("NOP\nNOP\nNOP\n");
  await client.until(() => client.closed);
  assert.match(String(nsqd.logger.at("warn")[0]?.fields?.["reason"]), /^IDENTIFY failed /);
});

test("NSQ-1.5-39: closes a client that does not begin the handshake in time", async (t) => {
  const { nsqd, client } = await start(t, { tls });
  await identify(client, { tls_v1: true });
  await nsqd.advance(5000);
  await client.until(() => client.closed);
  assert.equal(nsqd.logger.at("warn")[0]?.fields?.["reason"], "IDENTIFY failed handshake timeout");
});

test("NSQ-1.14-1: lets only IDENTIFY through where TLS is required", async (t) => {
  const nsqd = await TestNsqd.start({ tls: { ...tls, required: "true" } });
  for (const [line, word] of [
    ["NOP\n", "NOP"],
    ["ASDF 1\n", "ASDF"],
    ["SUB orders billing\n", "SUB"],
  ]) {
    const client = await WireClient.connect(t, nsqd);
    client.send(line!);
    assert.equal(await client.text(), `1 E_INVALID cannot ${word} in current state (TLS required)`);
  }
  const client = await WireClient.connect(t, nsqd);
  await identify(client, { tls_v1: true });
  await client.startTls({ ca: authorityCert });
  assert.equal(await client.text(), "0 OK");
  client.send(sized("PUB orders", "a"));
  assert.equal(await client.text(), "0 OK");
});

const none = {};

const policies: readonly (readonly [
  policy: NsqTls["clientAuth"],
  shown: string,
  certificate: object,
  admitted: boolean,
])[] = [
  ["none", "a stranger's certificate", strangerCertificate, true],
  ["request", "no certificate", none, true],
  ["request", "a stranger's certificate", strangerCertificate, false],
  ["any", "no certificate", none, false],
  ["any", "a stranger's certificate", strangerCertificate, true],
  ["require", "no certificate", none, false],
  ["require", "a stranger's certificate", strangerCertificate, false],
  ["require", "a certificate in order", clientCertificate, true],
];

for (const [clientAuth, shown, certificate, admitted] of policies) {
  test(`${admitted ? "admits" : "refuses"} ${shown} under the policy ${clientAuth}`, async (t) => {
    const { client } = await start(t, { tls: { ...tls, clientAuth } });
    await identify(client, { tls_v1: true });
    await client.startTls({ ca: authorityCert, ...certificate });
    assert.equal(await client.text(), admitted ? "0 OK" : "closed");
  });
}
