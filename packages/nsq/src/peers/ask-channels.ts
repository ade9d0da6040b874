/** Asks an nsqlookupd over HTTP which channels it knows of a topic. */

import { Agent, type IncomingMessage, request } from "node:http";
import type { Clock, Timer } from "@polylog/base/clock";
import type { ListenAddress } from "@polylog/base/transport";
import { nsqErrors } from "../errors.ts";
import { questionAnswerSizeMax, questionsMax, questionTimeoutMs } from "./limits.ts";

/** Rejects with LOOKUPD_ANSWER, LOOKUPD_TIMEOUT or what the network says. */
export type AskChannels = (lookupd: ListenAddress, topic: string) => Promise<readonly string[]>;

export function askChannelsOverHttp(clock: Clock): AskChannels {
  const agent = new Agent({ maxSockets: questionsMax });
  return async ({ host, port }, topic) => {
    const address = `${host}:${port}`;
    const path = `/channels?topic=${encodeURIComponent(topic)}`;
    const body = await get(clock, { agent, host, port, path }, address);
    const channels = channelsIn(body);
    if (channels === undefined) throw nsqErrors.LOOKUPD_ANSWER({ address });
    return channels;
  };
}

interface Target {
  readonly agent: Agent;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

function get(clock: Clock, target: Target, address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { Accept: "application/vnd.nsq; version=1.0" };
    const asked = request({ ...target, headers }, (response) => {
      readAnswer(response, address).then(resolve, (error: Error) => {
        reject(error);
        asked.destroy();
      });
    });
    const timeout = nsqErrors.LOOKUPD_TIMEOUT({ address, timeoutMs: questionTimeoutMs });
    let deadline: Timer | undefined;
    asked.on("socket", () => {
      deadline = clock.setTimer(() => asked.destroy(timeout), questionTimeoutMs); // Its turn has come.
    });
    asked.on("error", reject); // Always, when there is no answer.
    asked.on("close", () => clock.clearTimer(deadline));
    asked.end();
  });
}

async function readAnswer(response: IncomingMessage, address: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length;
    if (size > questionAnswerSizeMax) throw nsqErrors.LOOKUPD_ANSWER({ address });
    chunks.push(chunk as Buffer);
  }
  if (response.statusCode !== 200) throw nsqErrors.LOOKUPD_ANSWER({ address });
  return Buffer.concat(chunks).toString("utf8");
}

/** Also in the form of nsqlookupds before 1.0, `{"data": {"channels": […]}}`. */
function channelsIn(body: string): string[] | undefined {
  try {
    const answer = JSON.parse(body) as { channels?: unknown; data?: { channels?: unknown } } | null;
    const channels = answer?.channels ?? answer?.data?.channels;
    return Array.isArray(channels) ? channels.filter((each) => typeof each === "string") : undefined;
  } catch {
    return undefined;
  }
}
