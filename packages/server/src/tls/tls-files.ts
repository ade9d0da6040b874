/** The certificate files that TLS listeners share, read at start and again on SIGHUP. */

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext, type SecureVersion } from "node:tls";
import type { Service } from "@polylog/base/lifecycle";
import { secureContextOptions, type TlsCertificates } from "@polylog/base/transport";
import { configErrors } from "../config/errors.ts";

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  /** Default: Node's. */
  readonly minVersion?: SecureVersion;
}

export class TlsFiles implements Service {
  readonly name = "certificates";
  readonly #paths: TlsPaths;
  #certificates: TlsCertificates | undefined;
  #context: SecureContext | undefined;

  constructor(paths: TlsPaths) {
    this.#paths = paths;
  }

  /** Valid once started. */
  get certificates(): TlsCertificates {
    return this.#certificates!;
  }

  /** The same for a connection that becomes TLS later on. Valid once started. */
  get context(): SecureContext {
    return this.#context!;
  }

  async start(): Promise<void> {
    (await this.load())();
  }

  async stop(): Promise<void> {}

  /**
   * Reads the files; what was loaded before stays until what this resolves with is called. Rejects with
   * `config.TLS_FILE_UNREADABLE` or `config.TLS_FILES_INVALID`.
   */
  async load(): Promise<() => void> {
    const { cert, key, ca, minVersion } = this.#paths;
    const certificates: TlsCertificates = {
      cert: await read(cert),
      key: await read(key),
      ca: ca === undefined ? undefined : await read(ca),
      minVersion,
    };
    let context: SecureContext;
    try {
      context = createSecureContext(secureContextOptions(certificates));
      if (certificates.ca !== undefined) checkAuthorities(certificates.ca.toString("latin1"));
    } catch (error) {
      const files = [cert, key, ca].filter((path) => path !== undefined).join(", ");
      throw configErrors.TLS_FILES_INVALID({ files, reason: (error as Error).message }, error);
    }
    return () => {
      this.#context = context;
      this.#certificates = certificates;
    };
  }
}

/** OpenSSL passes over authorities that it cannot read; then nobody would be let in, or not everybody. Throws what is wrong. */
function checkAuthorities(text: string): void {
  const begin = /-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----/g;
  let count = 0;
  for (const { 1: label, index } of text.matchAll(begin)) {
    const end = `-----END ${label}-----`;
    const at = text.indexOf(end, index);
    if (at < 0) throw new Error("a certificate of an authority is cut short");
    if (label === "CERTIFICATE") new X509Certificate(text.slice(index, at + end.length));
    count++;
  }
  if (count === 0) throw new Error("there is no certificate of an authority");
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw configErrors.TLS_FILE_UNREADABLE({ file, reason: (error as Error).message }, error);
  }
}
