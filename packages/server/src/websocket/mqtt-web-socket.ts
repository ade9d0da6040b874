/**
 * MQTT at one path of the HTTP listeners: checks the upgrade request and hands the WebSocket to the MQTT server as a
 * stream. Who the client is, its CONNECT says; the request's own credentials are not looked at.
 */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Clock } from "@polylog/base/clock";
import { type ByteStream, certificateNameOf } from "@polylog/base/transport";
import { isOriginAllowed } from "@polylog/rpc";
import { WebSocketServer } from "ws";
import { refuseUpgrade } from "../http/refuse-upgrade.ts";
import { webSocketMessageSlack } from "../limits.ts";
import { WebSocketStream } from "./web-socket-stream.ts";

export interface MqttWebSocketOptions {
  readonly clock: Clock;
  /** Bytes. */
  readonly packetSizeMax: number;
  /** Origins of web pages that may connect, besides the server's own. */
  readonly origins: readonly string[];
  readonly accept: (stream: ByteStream) => void;
}

/** The specification's, and the one of older clients; in order of preference. */
const subprotocols = ["mqtt", "mqttv3.1"];

export class MqttWebSocket {
  readonly #options: MqttWebSocketOptions;
  readonly #server: WebSocketServer;

  constructor(options: MqttWebSocketOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false, // It would cost memory per client, and payloads are small or compressed already.
      autoPong: false,
      maxPayload: options.packetSizeMax + webSocketMessageSlack,
      handleProtocols: (offered) => subprotocols.find((each) => offered.has(each)) ?? false, // [MQTT-6.0.0-4]
    });
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isOriginAllowed(request, this.#options.origins)) {
      refuseUpgrade(socket, 403, `pages of ${request.headers.origin} may not use this server; see --web-origin`);
      return;
    }
    if (!offersMqtt(request)) {
      refuseUpgrade(socket, 400, "the WebSocket subprotocol must be mqtt"); // [MQTT-6.0.0-3]
      return;
    }
    const { remoteAddress, remotePort } = request.socket;
    const certificateName = request.socket instanceof TLSSocket ? certificateNameOf(request.socket) : undefined;
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const peer = { remoteAddress, remotePort, certificateName };
      this.#options.accept(new WebSocketStream(webSocket, socket, peer, this.#options.clock));
    });
  }
}

function offersMqtt({ headers }: IncomingMessage): boolean {
  const offered = headers["sec-websocket-protocol"]?.split(",").map((each) => each.trim()) ?? [];
  return subprotocols.some((each) => offered.includes(each));
}
