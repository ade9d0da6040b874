import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  authorityCert,
  renewedCertificate,
  serverCertificate,
  strangerCertificate,
  temporaryDirectory,
  writeTlsFiles,
} from "@polylog/testkit";
import { TlsFiles } from "./tls-files.ts";

const cut = (text: string) => text.slice(0, text.length / 2);

const broken: readonly (readonly [name: string, file: string, text: string | undefined])[] = [
  ["a certificate of another key", "server.pem", strangerCertificate.cert],
  ["half a certificate", "server.pem", cut(serverCertificate.cert)],
  ["a chain that is cut short", "server.pem", `${serverCertificate.cert}\n${cut(authorityCert)}`],
  ["an empty certificate", "server.pem", ""],
  ["half a key", "server.key", cut(serverCertificate.key)],
  ["no key", "server.key", undefined],
  ["an empty file of authorities", "ca.pem", ""],
  ["half an authority", "ca.pem", cut(authorityCert)],
  ["authorities whose last is cut short", "ca.pem", `${authorityCert}\n${cut(authorityCert)}`],
  ["an authority that is none", "ca.pem", authorityCert.replace(/[A-Z]/g, "A")],
];

for (const [name, file, text] of broken)
  test(`keeps what it had instead of ${name}`, async (t) => {
    const directory = temporaryDirectory(t);
    writeTlsFiles(directory, serverCertificate);
    const path = (each: string) => join(directory, each);
    const files = new TlsFiles({ cert: path("server.pem"), key: path("server.key"), ca: path("ca.pem") });
    await files.start();
    const { certificates, context } = files;
    if (text === undefined) rmSync(path(file));
    else writeFileSync(path(file), text);
    await assert.rejects(files.load(), /config.TLS_FILE|TLS|PEM|cert|key/i);
    assert.equal(files.certificates, certificates);
    assert.equal(files.context, context);
    writeTlsFiles(directory, renewedCertificate);
    const takeOver = await files.load();
    assert.equal(files.certificates, certificates);
    takeOver();
    assert.equal(files.certificates.cert.toString(), renewedCertificate.cert);
  });
