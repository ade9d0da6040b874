/** nsqjs produces and consumes through every combination of TLS, compression and AUTH. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { serverCertificate, startServer, temporaryDirectory } from "@polylog/testkit";
import nsq, { type ConnectionConfigOptions, type Message } from "nsqjs";

const messageCount = 200;

/** Lets `opensesame` do everything; remembers the secrets and whether TLS was on. */
async function startAuthd(context: TestContext): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://x").searchParams;
    asked.push(`${query.get("secret")} ${query.get("tls")}`);
    const everything = { topic: ".*", channels: [".*"], permissions: ["subscribe", "publish"] };
    const authorizations = query.get("secret") === "opensesame" ? [everything] : [];
    response.end(JSON.stringify({ ttl: 60, identity: "tester", identity_url: "", authorizations }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test("nsqjs gets through every combination of upgrades", async (t) => {
  const authd = await startAuthd(t);
  const directory = temporaryDirectory(t);
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  writeFileSync(cert, serverCertificate.cert);
  writeFileSync(key, serverCertificate.key);
  for (const auth of [false, true]) {
    const flags = [`--nsq-tls-cert=${cert}`, `--nsq-tls-key=${key}`];
    if (auth) flags.push(`--nsq-auth-http-address=${authd.address}`);
    const server = await startServer({ dataDir: temporaryDirectory(t), flags });
    t.after(async () => void (await server.stop()));
    for (const tls of [false, true]) {
      for (const compression of ["none", "snappy", "deflate"]) {
        const name = `${auth ? "AUTH" : "no AUTH"}, ${tls ? "TLS" : "no TLS"}, ${compression}`;
        const config: ConnectionConfigOptions = {
          tls,
          tlsVerification: false,
          snappy: compression === "snappy",
          deflate: compression === "deflate",
          ...(auth ? { authSecret: "opensesame" } : {}),
        };
        const topic = `t-${auth}-${tls}-${compression}`;
        await t.test(name, () => exchange(server.listeners.nsqTcp.port, topic, config));
      }
    }
  }
  assert.ok(authd.asked.includes("opensesame false") && authd.asked.includes("opensesame true"));
});

async function exchange(port: number, topic: string, config: ConnectionConfigOptions): Promise<void> {
  const writer = new nsq.Writer("127.0.0.1", port, config);
  writer.connect();
  await once(writer, "ready");
  const bodies = Array.from({ length: messageCount }, (_, i) => `${i} ${"x".repeat((i * 97) % 5000)}`);
  for (let first = 0; first < messageCount; first += 50)
    await new Promise<void>((resolve, reject) => {
      writer.publish(topic, bodies.slice(first, first + 50), (error) => (error ? reject(error) : resolve()));
    });
  const reader = new nsq.Reader(topic, "c", { ...config, nsqdTCPAddresses: [`127.0.0.1:${port}`], maxInFlight: 20 });
  const received = new Set<string>();
  await new Promise<void>((resolve, reject) => {
    reader.on("error", reject);
    reader.on("message", (message: Message) => {
      received.add(message.body.toString());
      message.finish();
      if (received.size === messageCount) resolve();
    });
    reader.connect();
  });
  assert.deepEqual([...received].sort(), [...bodies].sort());
  writer.close();
  reader.close();
}
