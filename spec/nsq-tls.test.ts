/** TLS of NSQ as the server is started with it: where the certificate comes from, HTTPS, and what SIGHUP renews. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { hashPassword } from "@polylog/broker/access";
import {
  authorityCert,
  clientCertificate,
  renewedCertificate,
  serverCertificate,
  startServer,
  strangerCertificate,
  temporaryDirectory,
  writeTlsFiles,
} from "@polylog/testkit";

const trust: ConnectionOptions = { host: "127.0.0.1", servername: "localhost", ca: authorityCert };

async function serve(t: TestContext, ...flags: string[]) {
  const directory = temporaryDirectory(t);
  const tls = writeTlsFiles(directory, serverCertificate);
  const https = "--nsq-https-listen=127.0.0.1:0";
  const server = await startServer({ dataDir: join(directory, "data"), flags: [...tls, https, ...flags] });
  t.after(() => server.kill());
  return { server, directory };
}

/** IDENTIFY with `tls_v1`, and the handshake after it. */
async function upgrade(port: number): Promise<TLSSocket> {
  const socket = connect(port, "127.0.0.1");
  const body = Buffer.from('{"feature_negotiation":true,"tls_v1":true}');
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  socket.write(Buffer.concat([Buffer.from("  V2IDENTIFY\n"), size, body]));
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString("latin1"), /"tls_v1":true/);
  const secure = connectTls({ ...trust, socket });
  await once(secure, "secureConnect");
  return secure;
}

async function get(port: number, path: string, more: ConnectionOptions = {}): Promise<{ text: string; name: unknown }> {
  const asked = request({ ...trust, ...more, port, path, agent: false }).end();
  const [response] = await once(asked, "response");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { text, name: (response.socket as TLSSocket).getPeerCertificate().subject?.CN };
}

test("NSQ takes the server's certificate, and SIGHUP renews it", async (t) => {
  const { server, directory } = await serve(t);
  const { nsqTcp, nsqHttps } = server.listeners;
  const first = await upgrade(nsqTcp.port);
  assert.equal(first.getPeerCertificate().subject.CN, "localhost");
  assert.deepEqual(await get(nsqHttps.port, "/ping"), { text: "OK", name: "localhost" });

  writeTlsFiles(directory, renewedCertificate);
  process.kill(server.pid, "SIGHUP");
  while ((await get(nsqHttps.port, "/ping")).name !== "localhost renewed") await sleep(20);
  const second = await upgrade(nsqTcp.port);
  assert.equal(second.getPeerCertificate().subject.CN, "localhost renewed");
  for (const socket of [first, second]) socket.destroy();
});

test("NSQ may have a certificate of its own", async (t) => {
  const directory = temporaryDirectory(t);
  const [, cert, key] = writeTlsFiles(directory, renewedCertificate);
  const { server } = await serve(t, cert!.replace("--tls", "--nsq-tls"), key!.replace("--tls", "--nsq-tls"));
  const socket = await upgrade(server.listeners.nsqTcp.port);
  assert.equal(socket.getPeerCertificate().subject.CN, "localhost renewed");
  assert.equal((await get(server.listeners.nsqHttps.port, "/ping")).name, "localhost renewed");
  socket.destroy();
});

test("HTTP says where HTTPS is when TLS is required", async (t) => {
  const { server } = await serve(t, "--nsq-tls-required=true");
  const { nsqHttp, nsqHttps } = server.listeners;
  const plain = await fetch(`http://127.0.0.1:${nsqHttp.port}/ping`);
  assert.equal(plain.status, 403);
  assert.equal(await plain.text(), `{"message": "TLS_REQUIRED", "https_port": ${nsqHttps.port}}`);
  assert.equal((await get(nsqHttps.port, "/ping")).text, "OK");
});

test("HTTPS asks for client certificates as the policy says", async (t) => {
  const { server } = await serve(t, "--nsq-tls-client-auth=any");
  const { port } = server.listeners.nsqHttps;
  await assert.rejects(get(port, "/ping"));
  assert.equal((await get(port, "/ping", strangerCertificate)).text, "OK");
  assert.equal((await get(port, "/ping", clientCertificate)).text, "OK");
});

test("a client without the oldest version of TLS is refused", async (t) => {
  const { server, directory } = await serve(t, "--nsq-tls-min-version=tls1.3");
  await assert.rejects(get(server.listeners.nsqHttps.port, "/ping", { maxVersion: "TLSv1.2" }));
  assert.equal((await get(server.listeners.nsqHttps.port, "/ping")).text, "OK");
  writeFileSync(join(directory, "server.pem"), "not a certificate");
  process.kill(server.pid, "SIGHUP");
  while (!server.output().includes("reloading failed")) await sleep(20);
  assert.equal((await get(server.listeners.nsqHttps.port, "/ping")).text, "OK");
});

test("SIGHUP takes over all that was changed or nothing", async (t) => {
  const directory = temporaryDirectory(t);
  const usersFile = join(directory, "users.toml");
  const writeUser = async (name: string) =>
    writeFileSync(
      usersFile,
      `[[users]]\nname = "${name}"\npassword = "${await hashPassword("secret")}"\nmanage = ["*"]\n`,
    );
  await writeUser("ada");
  const { server, directory: tlsDirectory } = await serve(t, `--users-file=${usersFile}`);
  const { port } = server.listeners.nsqHttp;
  const status = async (name: string) => {
    const authorization = `Basic ${Buffer.from(`${name}:secret`).toString("base64")}`;
    return (await fetch(`http://127.0.0.1:${port}/stats`, { headers: { authorization } })).status;
  };
  assert.deepEqual([await status("ada"), await status("bob")], [200, 401]);
  await writeUser("bob");
  writeFileSync(join(tlsDirectory, "ca.pem"), "");
  process.kill(server.pid, "SIGHUP");
  while (!server.output().includes("reloading failed")) await sleep(20);
  assert.deepEqual([await status("ada"), await status("bob")], [200, 401]);
  writeTlsFiles(tlsDirectory, renewedCertificate);
  for (let i = 0; i < 5; i++) process.kill(server.pid, "SIGHUP");
  while ((await status("bob")) !== 200) await sleep(20);
  assert.equal(await status("ada"), 401);
  assert.equal((await get(server.listeners.nsqHttps.port, "/ping")).name, "localhost renewed");
});
