/** A Polylog that speaks whatever NSQ's protocol can be wrapped in, and what a client has to know to come in. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  authorityCert,
  type ServerProcess,
  serverCertificate,
  startServer,
  temporaryDirectory,
} from "@polylog/testkit";
import { serveHttp } from "./nsq-programs.ts";

export const secret = "opensesame";

export interface NsqServer {
  readonly server: ServerProcess;
  /** host:port */
  readonly tcp: string;
  readonly http: string;
  readonly lookupd: string;
  /** PEM file. */
  readonly authority: string;
}

/** With TLS, snappy and deflate offered; with `auth`, only those who know `secret` may do anything. Ends with the test. */
export async function startNsqServer(t: TestContext, { auth = false } = {}): Promise<NsqServer> {
  const directory = temporaryDirectory(t);
  const [authority, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(authority, authorityCert);
  writeFileSync(cert, serverCertificate.cert);
  writeFileSync(key, serverCertificate.key);
  const flags = [`--nsq-tls-cert=${cert}`, `--nsq-tls-key=${key}`, "--broadcast-address=127.0.0.1"];
  if (auth) flags.push(`--nsq-auth-http-address=${(await serveAuth(t)).slice("http://".length)}`);
  const server = await startServer({ dataDir: temporaryDirectory(t), flags });
  t.after(() => server.kill());
  const { nsqTcp, nsqHttp, lookupdHttp } = server.listeners;
  return {
    server,
    tcp: `${nsqTcp.host}:${nsqTcp.port}`,
    http: `${nsqHttp.host}:${nsqHttp.port}`,
    lookupd: `http://${lookupdHttp.host}:${lookupdHttp.port}`,
    authority,
  };
}

/** Its base URL. */
export function serveAuth(t: TestContext): Promise<string> {
  const everything = { topic: ".*", channels: [".*"], permissions: ["subscribe", "publish"] };
  return serveHttp(t, (request, response) => {
    const known = new URL(request.url ?? "", "http://host").searchParams.get("secret") === secret;
    const authorizations = known ? [everything] : [];
    response.end(JSON.stringify({ ttl: 60, identity: "tester", identity_url: "", authorizations }));
  });
}

export interface Combination {
  readonly name: string;
  readonly tls: boolean;
  readonly compression: "none" | "snappy" | "deflate";
  readonly lookupd: boolean;
}

/** Every way to come in, each to be tried with and without AUTH. */
export const combinations: readonly Combination[] = [false, true].flatMap((tls) =>
  (["none", "snappy", "deflate"] as const).flatMap((compression) =>
    [false, true].map((lookupd) => {
      const name = `${tls ? "TLS" : "no TLS"}, ${compression}, ${lookupd ? "nsqlookupd" : "nsqd"}`;
      return { name, tls, compression, lookupd };
    }),
  ),
);
