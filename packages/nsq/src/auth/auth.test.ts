import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";
import { WireClient } from "../testing/wire-client.ts";
import type { AuthdMethod } from "./authd-client.ts";

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly accept: string;
  readonly body: string;
}

/** An authorisation server that says `document` with `status`, and remembers what it was asked. */
class PretendedAuthd {
  readonly asked: Asked[] = [];
  document: unknown;
  status = 200;
  address = "";

  constructor(document: unknown) {
    this.document = document;
  }

  async start(context: TestContext): Promise<void> {
    const server = createServer(async (request, response) => {
      const { method = "", url = "", headers } = request;
      this.asked.push({ method, url, accept: String(headers.accept), body: await bodyOf(request) });
      response.writeHead(this.status);
      response.end(typeof this.document === "string" ? this.document : JSON.stringify(this.document));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    context.after(() => server.close());
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const everything = { topic: ".*", channels: [".*"], permissions: ["subscribe", "publish"] };
const granted = { ttl: 60, identity: "a<b", identity_url: "http://x", authorizations: [everything] };

async function start(
  context: TestContext,
  document: unknown,
  method?: AuthdMethod,
): Promise<{ authd: PretendedAuthd; nsqd: TestNsqd; client: WireClient }> {
  const authd = new PretendedAuthd(document);
  await authd.start(context);
  const nsqd = await TestNsqd.start({ authd: { addresses: [authd.address], ...(method && { method }) } });
  return { authd, nsqd, client: await WireClient.connect(context, nsqd) };
}

test("NSQ-1.6-6: authorises a secret and says who it is", async (t) => {
  const { authd, nsqd, client } = await start(t, granted);
  client.send(sized("AUTH", Buffer.from("open sésame&\xff", "latin1")));
  const reply = '0 {"identity":"a\\u003cb","identity_url":"http://x","permission_count":1}';
  assert.equal(await client.text(), reply);
  assert.deepEqual(authd.asked, [
    {
      method: "GET",
      url: "/auth?common_name=&remote_ip=127.0.0.1&secret=open+s%E9same%26%FF&tls=false",
      accept: "application/vnd.nsq; version=1.0",
      body: "",
    },
  ]);
  const [shown] = nsqd.clientStats();
  assert.deepEqual([shown?.authed, shown?.auth_identity, shown?.auth_identity_url], [true, "a<b", "http://x"]);
  client.send(sized("PUB orders", "a"), "SUB orders billing\n");
  assert.equal(await client.text(), "0 OK");
  assert.equal(await client.text(), "0 OK");
});

test("NSQ-1.6-7: asks with POST when it is to", async (t) => {
  const { authd, client } = await start(t, granted, "post");
  client.send(sized("AUTH", "opensesame"));
  assert.match(await client.text(), /permission_count/);
  assert.equal(authd.asked[0]?.method, "POST");
  assert.deepEqual(JSON.parse(authd.asked[0]?.body ?? ""), {
    common_name: [""],
    remote_ip: ["127.0.0.1"],
    secret: ["opensesame"],
    tls: ["false"],
  });
});

test("NSQ-1.6-8: says in its negotiation that AUTH is needed", async (t) => {
  const { client } = await start(t, granted);
  client.send(sized("IDENTIFY", '{"feature_negotiation":true}'));
  assert.match(await client.text(), /"auth_required":true/);
});

const first: readonly (readonly [command: string, bytes: string | Buffer])[] = [
  ["SUB", "SUB orders billing\n"],
  ["PUB", sized("PUB orders", "a")],
  ["DPUB", sized("DPUB orders 0", "a")],
  ["MPUB", "MPUB orders\n"],
];

for (const [command, bytes] of first) {
  test(`refuses ${command} before AUTH`, async (t) => {
    const { nsqd, client } = await start(t, granted);
    client.send(bytes);
    assert.equal(await client.text(), `1 E_AUTH_FIRST AUTH required before ${command}`);
    assert.equal(nsqd.catalog.get("orders"), undefined);
  });
}

test("NSQ-1.6-9: refuses a second AUTH", async (t) => {
  const { client } = await start(t, granted);
  client.send(sized("AUTH", "a"), sized("AUTH", "a"));
  await client.text();
  assert.equal(await client.text(), "1 E_INVALID AUTH already set");
});

const refusals: readonly (readonly [name: string, document: unknown, status: number, error: string])[] = [
  ["no authorizations", { ttl: 60, authorizations: [] }, 200, "E_UNAUTHORIZED AUTH no authorizations found"],
  ["authorizations of null", { ttl: 60, authorizations: null }, 200, "E_UNAUTHORIZED AUTH no authorizations found"],
  ["a status other than 200", granted, 403, "E_AUTH_FAILED AUTH failed"],
  ["no TTL", { ...granted, ttl: 0 }, 200, "E_AUTH_FAILED AUTH failed"],
  ["a fraction of a TTL", { ...granted, ttl: 1.5 }, 200, "E_AUTH_FAILED AUTH failed"],
  ["no JSON", "nonsense", 200, "E_AUTH_FAILED AUTH failed"],
  [
    "an unknown permission",
    { ttl: 1, authorizations: [{ ...everything, permissions: ["own"] }] },
    200,
    "E_AUTH_FAILED AUTH failed",
  ],
  [
    "a broken expression",
    { ttl: 1, authorizations: [{ ...everything, topic: "(" }] },
    200,
    "E_AUTH_FAILED AUTH failed",
  ],
];

for (const [name, document, status, error] of refusals) {
  test(`refuses a secret for ${name}`, async (t) => {
    const { authd, client } = await start(t, document);
    authd.status = status;
    client.send(sized("AUTH", "a"));
    assert.equal(await client.text(), `1 ${error}`);
    await client.until(() => client.closed);
  });
}

const permitted: readonly (readonly [entry: object, bytes: string | Buffer, answer: string])[] = [
  [{ ...everything, topic: "rder" }, sized("PUB orders", "a"), "0 OK"],
  [{ ...everything, topic: "(?i)^ORDERS$" }, sized("PUB orders", "a"), "0 OK"],
  [
    { ...everything, topic: "^order$" },
    sized("PUB orders", "a"),
    '1 E_UNAUTHORIZED AUTH failed for PUB on "orders" ""',
  ],
  [{ ...everything, channels: [] }, sized("PUB orders", "a"), '1 E_UNAUTHORIZED AUTH failed for PUB on "orders" ""'],
  [{ ...everything, channels: ["b"] }, "SUB orders billing\n", "0 OK"],
  [
    { ...everything, channels: ["c"] },
    "SUB orders billing\n",
    '1 E_UNAUTHORIZED AUTH failed for SUB on "orders" "billing"',
  ],
  [{ ...everything, permissions: ["publish"] }, "SUB o b\n", '1 E_UNAUTHORIZED AUTH failed for SUB on "o" "b"'],
  [
    { ...everything, permissions: ["subscribe"] },
    "MPUB orders\n",
    '1 E_UNAUTHORIZED AUTH failed for MPUB on "orders" ""',
  ],
];

for (const [entry, bytes, answer] of permitted) {
  test(`answers ${answer} under ${JSON.stringify(entry)}`, async (t) => {
    const { client } = await start(t, { ...granted, authorizations: [entry] });
    client.send(sized("AUTH", "a"), bytes);
    await client.text();
    assert.equal(await client.text(), answer);
  });
}

test("NSQ-1.6-10: asks again after the TTL, and only when it matters", async (t) => {
  const { authd, nsqd, client } = await start(t, { ...granted, ttl: 5 });
  client.send(sized("AUTH", "a"), sized("PUB orders", "a"), sized("PUB orders", "b"));
  await client.text();
  assert.equal(await client.text(), "0 OK");
  assert.equal(await client.text(), "0 OK");
  await nsqd.advance(5000);
  assert.equal(authd.asked.length, 1);
  client.send(sized("MPUB orders", Buffer.from("00000001000000016d", "hex")));
  assert.equal(await client.text(), "0 OK");
  assert.equal(authd.asked.length, 2);
  await nsqd.advance(5000);
  authd.status = 500;
  client.send(sized("PUB orders", "c"));
  assert.equal(await client.text(), "1 E_AUTH_FAILED AUTH failed");
  assert.equal(nsqd.catalog.get("orders")?.messageCount, 3);
});

test("NSQ-1.6-11: asks the next server when one does not answer", async (t) => {
  const authd = new PretendedAuthd(granted);
  await authd.start(t);
  const nsqd = await TestNsqd.start({ authd: { addresses: ["127.0.0.1:1", `http://${authd.address}/auth`] } });
  for (let i = 0; i < 4; i++) {
    const client = await WireClient.connect(t, nsqd);
    client.send(sized("AUTH", "a"));
    assert.match(await client.text(), /permission_count/);
  }
});

test("NSQ-1.6-12: gives up on a server that does not answer in time", async (t) => {
  const server = createServer(() => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const nsqd = await TestNsqd.start({ authd: { addresses: [`127.0.0.1:${(server.address() as AddressInfo).port}`] } });
  const client = await WireClient.connect(t, nsqd);
  let received = false;
  server.on("request", () => {
    received = true;
  });
  client.send(sized("AUTH", "a"));
  await client.until(() => received);
  await nsqd.advance(5000);
  assert.equal(await client.text(), "1 E_AUTH_FAILED AUTH failed");
});
