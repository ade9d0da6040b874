/** The client that nsq-tools exports: TLS, compression, AUTH and discovery in every combination, against Polylog and nsqd. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import {
  type ClientOptions,
  Consumer,
  defaultClientOptions,
  httpClient,
  netDialer,
  Producer,
  setClientOption,
} from "@polylog/nsq-tools/client";
import { authorityCert, serverCertificate, temporaryDirectory } from "@polylog/testkit";
import { startNsqd, until } from "./nsq-programs.ts";
import { type Combination, combinations, secret, serveAuth, startNsqServer } from "./nsq-servers.ts";
import { missingTools } from "./outside-tools.ts";

const large = Buffer.alloc(300_000, "abcdefgh").fill("x", 1000, 90_000);

interface Served {
  readonly tcp: string;
  readonly http: string;
  /** Undefined: it registers with none. */
  readonly lookupd?: string;
  readonly authority: string;
}

const context = (options: ClientOptions) => ({
  clock: systemClock,
  dialer: netDialer(systemClock),
  http: httpClient(systemClock),
  chance: () => 0.5,
  logger: silentLogger,
  options,
});

function optionsOf(...pairs: readonly string[]): ClientOptions {
  const options = defaultClientOptions();
  for (const pair of pairs) setClientOption(options, pair);
  return options;
}

function pairsOf({ tls, compression }: Combination, authority: string, auth: boolean): string[] {
  const pairs = ["max_in_flight,10"];
  if (tls) pairs.push("tls_v1", `tls_root_ca_file,${authority}`);
  if (compression !== "none") pairs.push(compression);
  if (compression === "deflate") pairs.push("deflate_level,1");
  if (auth) pairs.push(`auth_secret,${secret}`);
  return pairs;
}

async function exchange(served: Served, topic: string, combination: Combination, auth: boolean): Promise<void> {
  const options = optionsOf(...pairsOf(combination, served.authority, auth));
  const got: Buffer[] = [];
  const handler = (message: { body: Buffer }) => void got.push(Buffer.from(message.body));
  const producer = new Producer(served.tcp, context(options));
  await producer.publishMany(topic, [Buffer.from("small"), large]);
  await producer.publishDeferred(topic, 1, Buffer.from("later"));
  const consumer = new Consumer({ topic, channel: "c", handler }, context(options));
  if (combination.lookupd) await consumer.discover([served.lookupd!]);
  else await consumer.connect([served.tcp]);
  await until("three messages", () => got.length >= 3);
  const sizes = got.map((each) => each.length).sort((a, b) => a - b);
  assert.deepEqual(sizes, [5, 5, 300_000]);
  assert.ok(got.some((each) => each.equals(large)));
  await consumer.stop();
  await producer.stop();
}

test("the client gets through every combination, to Polylog", { timeout: 120_000 }, async (t) => {
  for (const auth of [false, true]) {
    const served = await startNsqServer(t, { auth });
    for (const [index, each] of combinations.entries())
      await t.test(`${auth ? "AUTH" : "no AUTH"}, ${each.name}`, () => exchange(served, `t${index}`, each, auth));
  }
});

function writeCertificates(t: TestContext): { authority: string; flags: string[] } {
  const directory = temporaryDirectory(t);
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const [cert, key] = [write("cert.pem", serverCertificate.cert), write("key.pem", serverCertificate.key)];
  return { authority: write("ca.pem", authorityCert), flags: [`-tls-cert=${cert}`, `-tls-key=${key}`] };
}

const skip = missingTools("nsqd");

test("the client gets through every combination, to nsqd", { skip, timeout: 120_000 }, async (t) => {
  const { authority, flags } = writeCertificates(t);
  const auth = await serveAuth(t);
  const open = await startNsqd(t, flags);
  const guarded = await startNsqd(t, [...flags, `-auth-http-address=${auth.slice("http://".length)}`]);
  for (const [index, each] of combinations.filter(({ lookupd }) => !lookupd).entries()) {
    await t.test(`no AUTH, ${each.name}`, () => exchange({ ...open, authority }, `t${index}`, each, false));
    await t.test(`AUTH, ${each.name}`, () => exchange({ ...guarded, authority }, `t${index}`, each, true));
  }
});

test("the client says what keeps it from being served", { timeout: 60_000 }, async (t) => {
  const open = await startNsqServer(t);
  const guarded = await startNsqServer(t, { auth: true });
  const ping = (address: string, ...pairs: string[]) => new Producer(address, context(optionsOf(...pairs))).ping();
  await assert.rejects(ping(open.tcp, "tls_v1"), { code: "nsq-tools.CONNECT_FAILED" });
  await assert.rejects(ping(guarded.tcp), { code: "nsq-tools.AUTH_SECRET_MISSING" });
  await assert.rejects(ping(guarded.tcp, "auth_secret,x"), {
    code: "nsq-tools.REFUSED",
    message: /E_UNAUTHORIZED AUTH no authorizations found/,
  });
  await assert.rejects(ping(open.http), { code: "nsq-tools.IDENTIFY_FAILED" });
});
