/** The certificate files that TLS listeners share, read at start and again on SIGHUP. */

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

  start(): Promise<void> {
    return this.load();
  }

  async stop(): Promise<void> {}

  /** Throws `config.TLS_FILE_UNREADABLE` or `config.TLS_FILES_INVALID`; what was loaded before stays. */
  async load(): Promise<void> {
    const { cert, key, ca, minVersion } = this.#paths;
    const certificates: TlsCertificates = {
      cert: await read(cert),
      key: await read(key),
      ca: ca === undefined ? undefined : await read(ca),
      minVersion,
    };
    try {
      this.#context = createSecureContext(secureContextOptions(certificates));
    } catch (error) {
      const files = [cert, key, ca].filter((path) => path !== undefined).join(", ");
      throw configErrors.TLS_FILES_INVALID({ files, reason: (error as Error).message }, error);
    }
    this.#certificates = certificates;
  }
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw configErrors.TLS_FILE_UNREADABLE({ file, reason: (error as Error).message }, error);
  }
}
