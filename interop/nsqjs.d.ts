/** What the tests here use of nsqjs, which comes without types. */
declare module "nsqjs" {
  import type { EventEmitter } from "node:events";

  export interface ConnectionConfigOptions {
    readonly tls?: boolean;
    readonly tlsVerification?: boolean;
    readonly snappy?: boolean;
    readonly deflate?: boolean;
    readonly authSecret?: string;
    readonly nsqdTCPAddresses?: readonly string[];
    readonly maxInFlight?: number;
  }

  export interface Message {
    readonly body: Buffer;
    finish(): void;
  }

  export class Writer extends EventEmitter {
    constructor(host: string, port: number, options: ConnectionConfigOptions);
    connect(): void;
    publish(topic: string, bodies: readonly string[], done: (error?: Error) => void): void;
    close(): void;
  }

  export class Reader extends EventEmitter {
    constructor(topic: string, channel: string, options: ConnectionConfigOptions);
    connect(): void;
    close(): void;
  }

  const nsq: { readonly Writer: typeof Writer; readonly Reader: typeof Reader };
  export default nsq;
}
