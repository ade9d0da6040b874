import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { serverCertificate, temporaryDirectory } from "@polylog/testkit";
import type { BridgeConfig, BridgeTls } from "./bridge-config.ts";
import { dial, readPassword } from "./dial.ts";

const config: BridgeConfig = {
  name: "b",
  host: "127.0.0.1",
  port: 1,
  tls: undefined,
  clientId: "c",
  userName: "ada",
  password: undefined,
  passwordFile: undefined,
  version: "auto",
  keepAliveSeconds: 60,
  rules: [],
};

const noFiles: BridgeTls = { ca: undefined, cert: undefined, key: undefined };

test("names a certificate that cannot be read", async () => {
  const tls = { ...noFiles, ca: "/nowhere/ca.pem" };
  await assert.rejects(dial({ ...config, tls }, new ManualClock()), {
    code: "bridge.FILE_UNREADABLE",
    message: /^\/nowhere\/ca\.pem cannot be read: ENOENT/,
  });
});

test("says what is wrong with certificates", async (t) => {
  const file = join(temporaryDirectory(t), "key.pem");
  writeFileSync(file, "no key");
  const cert = join(temporaryDirectory(t), "cert.pem");
  writeFileSync(cert, serverCertificate.cert);
  await assert.rejects(dial({ ...config, tls: { ...noFiles, cert, key: file } }, new ManualClock()), {
    code: "bridge.TLS_FILES_INVALID",
    message: /^the certificates for 127\.0\.0\.1:1 cannot be used/,
  });
});

test("takes the first line of a file as the password", async (t) => {
  const passwordFile = join(temporaryDirectory(t), "password");
  writeFileSync(passwordFile, "s e c r e t\r\nmore");
  assert.equal((await readPassword({ ...config, passwordFile }))?.toString(), "s e c r e t");
  assert.equal((await readPassword({ ...config, password: "x" }))?.toString(), "x");
  assert.equal(await readPassword(config), undefined);
  await assert.rejects(readPassword({ ...config, passwordFile: "/nowhere/p" }), { code: "bridge.FILE_UNREADABLE" });
});
