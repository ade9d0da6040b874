/** Opens a TCP connection, within a time. */

import { connect } from "node:net";
import type { Clock } from "@polylog/base/clock";
import type { ByteStream } from "@polylog/base/transport";
import { nsqErrors } from "../errors.ts";
import { parseAddress } from "./node-address.ts";

/** Rejects when there is no connection within `timeoutMs`. */
export type Dial = (address: string, timeoutMs: number) => Promise<ByteStream>;

export function dialTcp(clock: Clock): Dial {
  return (address, timeoutMs) =>
    new Promise((resolve, reject) => {
      const target = parseAddress(address);
      if (target === undefined) throw nsqErrors.LOOKUPD_ADDRESS_INVALID({ address });
      const socket = connect({ ...target, noDelay: true, keepAlive: true });
      const late = nsqErrors.LOOKUPD_TIMEOUT({ address, timeoutMs });
      const deadline = clock.setTimer(() => socket.destroy(late), timeoutMs);
      const fail = (error: Error) => {
        clock.clearTimer(deadline);
        reject(error);
      };
      socket.once("error", fail);
      socket.once("connect", () => {
        clock.clearTimer(deadline);
        socket.removeListener("error", fail);
        resolve(socket);
      });
    });
}
