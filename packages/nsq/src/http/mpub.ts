/**
 * POST /mpub: several messages, appended together and answered when the log has them.
 *
 *     text      a message per line; LF ends it and is not part of it, CR is; empty lines are left out
 *     binary    int32 count, count times: int32 size, bytes: the body of the command MPUB
 *
 * As in nsqd the topic is made before the body is looked at. What `readExtras` finds, `defer` for
 * example, which released nsqds ignore, is for all of them.
 */

import { CommandReader, type ProtocolLimits } from "@polylog/nsq-wire";
import { produceFramedFields } from "../publishing.ts";
import { type HttpExchange, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { logToPublishTo, publish, readExtras } from "./publish.ts";
import { declaredSize, readBody } from "./request-body.ts";
import { respondText } from "./responses.ts";

export const mpub: HttpRoute = { method: "POST", path: "/mpub", handle };

/** Messages as `[int32 size][bytes]*` in `bytes[start, end)`. */
interface FramedMessages {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

const LF = 0x0a;

async function handle(exchange: HttpExchange): Promise<void> {
  const { context, request, response } = exchange;
  const { broker, clock, limits, metrics } = context;
  if (declaredSize(request) > limits.bodySizeMax) throw new HttpRefusal(413, "BODY_TOO_BIG");
  const log = logToPublishTo(exchange);
  const binary = exchange.argument("binary") !== undefined && exchange.flag("binary", true);
  const body = await readBody(request, limits.bodySizeMax, clock);
  if (body === undefined) throw new HttpRefusal(413, "BODY_TOO_BIG");
  const framed = binary ? readBinary(body, limits) : frameLines(body, limits.msgSizeMax);
  const extras = readExtras(exchange);
  const { bytes, start, end, count } = framed;
  if (count > 0) {
    await publish(exchange, log, (waiter) =>
      extras === undefined
        ? broker.produceFramed(log, bytes, start, end, count, waiter, 0)
        : produceFramedFields(broker, log, framed, extras, waiter),
    );
    metrics.published.value += count;
  }
  respondText(response, "OK");
}

/** What stands before the body in an MPUB: so the command's own reader checks it. The topic is not looked at. */
const commandStart = Buffer.from("  V2MPUB topic\n", "latin1");

/** Refuses with the command's error code without its `E_`. */
function readBinary(body: Buffer, limits: ProtocolLimits): FramedMessages {
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  const reader = new CommandReader(limits);
  reader.push(Buffer.concat([commandStart, size, body]));
  if (!wholeCommand(reader)) throw new HttpRefusal(413, String(reader.endError()?.wireCode).slice(2));
  const { bytes, messagesStart, messagesEnd, messageCount } = reader;
  return { bytes, start: messagesStart, end: messagesEnd, count: messageCount };
}

function wholeCommand(reader: CommandReader): boolean {
  try {
    return reader.next();
  } catch (error) {
    throw new HttpRefusal(413, String((error as { wireCode?: unknown }).wireCode).slice(2));
  }
}

/** Refuses with MSG_TOO_BIG. */
function frameLines(body: Buffer, msgSizeMax: number): FramedMessages {
  let count = 0;
  let end = 0;
  for (let at = 0; at < body.length; ) {
    const lineEnd = endOfLine(body, at);
    const size = lineEnd - at;
    if (size > msgSizeMax) throw new HttpRefusal(413, "MSG_TOO_BIG");
    if (size > 0) {
      count++;
      end += 4 + size;
    }
    at = lineEnd + 1;
  }
  const bytes = Buffer.allocUnsafe(end);
  for (let at = 0, to = 0; at < body.length; ) {
    const lineEnd = endOfLine(body, at);
    if (lineEnd > at) {
      to = bytes.writeUInt32BE(lineEnd - at, to);
      to += body.copy(bytes, to, at, lineEnd);
    }
    at = lineEnd + 1;
  }
  return { bytes, start: 0, end, count };
}

function endOfLine(body: Buffer, start: number): number {
  const found = body.indexOf(LF, start);
  return found < 0 ? body.length : found;
}
