export type { ByteStream } from "./byte-stream.ts";
export { Connection, type ConnectionHandler, type ConnectionStatus } from "./connection.ts";
export { transportErrors } from "./errors.ts";
export { OutputQueue, TurnFlusher } from "./output-queue.ts";
export {
  boundAddress,
  isSocketPath,
  type ListenAddress,
  listen,
  TcpListener,
  type TcpListenerOptions,
} from "./tcp-listener.ts";
export {
  certificateNameOf,
  clientAuthOptions,
  handshakeTimeoutMs,
  secureContextOptions,
  type TlsCertificates,
  type TlsClientAuth,
  TlsListener,
  type TlsListenerOptions,
  type TlsSettings,
  tlsClientAuths,
} from "./tls-listener.ts";
