/**
 * Byte scripts for one NSQ connection, every rule of a command line and its body kept and broken: the rules of
 * conformance/nsq.tsv by their ids. What each must come to stands in `recorded-answers.ts`, and was nsqd's to say: `interop/`
 * sends the same to one that is installed.
 */

export interface NsqScript {
  /** Begins with the rule's id. */
  readonly name: string;
  /** Sent one after another, each when the answers to the one before have come. */
  readonly steps: readonly Buffer[];
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function sized(line: string, body: string | Buffer, size?: number): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`${line}\n`, "latin1"), int32(size ?? bytes.length), bytes]);
}

function mpub(topic: string, bodies: readonly string[], count = bodies.length): Buffer {
  const parts = bodies.flatMap((body) => [int32(body.length), Buffer.from(body)]);
  return sized(`MPUB ${topic}`, Buffer.concat([int32(count), ...parts]));
}

function line(text: string): Buffer {
  return Buffer.from(`${text}\n`, "latin1");
}

const identify = (fields: object): Buffer => sized("IDENTIFY", JSON.stringify(fields));
const sub = line("SUB t_sub c");
const noId = "0123456789abcdef";

/** `{name, steps}` from one row; a Buffer that stands alone is one step. */
const rows: readonly (readonly [name: string, ...steps: Buffer[]])[] = [
  ["NSQ-1.1-1: unknown command", line("ASDF")],
  ["NSQ-1.1-2: empty line", line("")],
  ["NSQ-1.1-3: lower case command", line("pub t")],
  ["NSQ-1.1-4: unprintable command", line("P\xffB\x01")],
  ["NSQ-1.11-1: NOP with words", line("NOP a b c"), line("ASDF")],
  ["NSQ-1.1-5: carriage return", Buffer.from("NOP\r\nASDF\r\n")],
  ["NSQ-1.1-6: two spaces", line("SUB  t c")],
  ["NSQ-1.1-7: line without end", Buffer.alloc(16_384, "x")],
  ["NSQ-1.1-8: line of the longest length", Buffer.from(`NOP ${"x".repeat(16_379)}\nASDF\n`)],
  ["NSQ-1.5-1: IDENTIFY plain", identify({ client_id: "a" }), identify({}), line("ASDF")],
  ["NSQ-1.5-2: IDENTIFY negotiated", identify({ feature_negotiation: true }), line("ASDF")],
  [
    "NSQ-1.5-3: IDENTIFY settings",
    identify({ feature_negotiation: true, msg_timeout: 2000, sample_rate: 5, output_buffer_size: -1 }),
    line("ASDF"),
  ],
  ["NSQ-1.5-4: IDENTIFY keys of any case", identify({ FEATURE_negotiation: true, Msg_Timeout: 2500 }), line("ASDF")],
  ["NSQ-1.5-5: IDENTIFY null", sized("IDENTIFY", "null"), line("ASDF")],
  ["NSQ-1.5-6: IDENTIFY null values", sized("IDENTIFY", '{"client_id":null,"heartbeat_interval":null}'), line("ASDF")],
  ["NSQ-1.5-7: IDENTIFY array", sized("IDENTIFY", "[]")],
  ["NSQ-1.5-8: IDENTIFY string", sized("IDENTIFY", '"x"')],
  ["NSQ-1.5-9: IDENTIFY fraction", sized("IDENTIFY", '{"heartbeat_interval":1000.5}')],
  ["NSQ-1.5-10: IDENTIFY exponent", sized("IDENTIFY", '{"heartbeat_interval":1e4}')],
  ["NSQ-1.5-11: IDENTIFY wrong type", sized("IDENTIFY", '{"client_id":1}')],
  ["NSQ-1.5-12: IDENTIFY no JSON", sized("IDENTIFY", "{")],
  ["NSQ-1.5-13: IDENTIFY trailing bytes", sized("IDENTIFY", "{} x")],
  ["NSQ-1.5-14: IDENTIFY size 0", sized("IDENTIFY", "", 0)],
  ["NSQ-1.5-15: IDENTIFY size negative", sized("IDENTIFY", "", -1)],
  ["NSQ-1.5-16: IDENTIFY too big", sized("IDENTIFY", "", 5_242_881)],
  ["NSQ-1.5-17: IDENTIFY heartbeat short", identify({ heartbeat_interval: 999 })],
  ["NSQ-1.5-18: IDENTIFY heartbeat long", identify({ heartbeat_interval: 60_001 })],
  ["NSQ-1.5-19: IDENTIFY heartbeat longest", identify({ heartbeat_interval: 60_000 }), line("ASDF")],
  ["NSQ-1.5-20: IDENTIFY heartbeat negative", identify({ heartbeat_interval: -2 })],
  ["NSQ-1.5-21: IDENTIFY buffer small", identify({ output_buffer_size: 63 })],
  ["NSQ-1.5-22: IDENTIFY buffer large", identify({ output_buffer_size: 65_537 })],
  ["NSQ-1.5-23: IDENTIFY buffer timeout short", identify({ output_buffer_timeout: 24 })],
  ["NSQ-1.5-24: IDENTIFY buffer timeout long", identify({ output_buffer_timeout: 30_001 })],
  ["NSQ-1.5-25: IDENTIFY buffer and timeout wrong", identify({ output_buffer_size: 1, output_buffer_timeout: 1 })],
  ["NSQ-1.5-26: IDENTIFY sample rate", identify({ sample_rate: 100 })],
  ["NSQ-1.5-27: IDENTIFY sample rate negative", identify({ sample_rate: -1 })],
  ["NSQ-1.5-28: IDENTIFY msg timeout short", identify({ msg_timeout: 999 })],
  ["NSQ-1.5-29: IDENTIFY msg timeout long", identify({ msg_timeout: 900_001 })],
  [
    "NSQ-1.5-30: IDENTIFY several wrong",
    identify({ msg_timeout: 1, heartbeat_interval: 1, sample_rate: 200, output_buffer_size: 1 }),
  ],
  ["NSQ-1.5-31: IDENTIFY both compressions", identify({ feature_negotiation: true, snappy: true, deflate: true })],
  ["NSQ-1.5-32: IDENTIFY after SUB", sub, identify({})],
  ["NSQ-1.6-1: AUTH without servers", sized("AUTH", "secret")],
  ["NSQ-1.6-2: AUTH with a parameter", line("AUTH x")],
  ["NSQ-1.6-3: AUTH size 0", sized("AUTH", "", 0)],
  ["NSQ-1.6-4: AUTH too big", sized("AUTH", "", 5_242_881)],
  ["NSQ-1.6-5: AUTH after SUB", sub, sized("AUTH", "x")],
  ["NSQ-1.7-1: SUB without parameters", line("SUB")],
  ["NSQ-1.7-2: SUB with one parameter", line("SUB t")],
  ["NSQ-1.7-3: SUB topic wrong", line('SUB t"\\\x01\xff$ c')],
  ["NSQ-1.7-4: SUB channel wrong", line("SUB t c$\t")],
  ["NSQ-1.7-5: SUB name too long", line(`SUB ${"t".repeat(65)} c`)],
  ["NSQ-1.7-6: SUB longest name", line(`SUB ${"t".repeat(54)}#ephemeral c#ephemeral`), line("ASDF")],
  ["NSQ-1.7-7: SUB ephemeral alone", line("SUB #ephemeral c")],
  ["NSQ-1.7-8: SUB twice", sub, sub],
  ["NSQ-1.7-9: SUB without heartbeats", identify({ heartbeat_interval: -1 }), sub],
  ["NSQ-1.7-10: SUB with more words", line("SUB t_sub c d e"), line("ASDF")],
  ["NSQ-1.8-1: RDY before SUB", line("RDY 1")],
  ["NSQ-1.8-2: RDY without count", sub, line("RDY"), line("ASDF")],
  ["NSQ-1.8-3: RDY empty count", sub, line("RDY "), line("ASDF")],
  ["NSQ-1.8-4: RDY negative", sub, line("RDY -1")],
  ["NSQ-1.8-5: RDY word", sub, line("RDY 1x")],
  ["NSQ-1.8-6: RDY too high", sub, line("RDY 2501")],
  ["NSQ-1.8-7: RDY highest", sub, line("RDY 2500"), line("ASDF")],
  ["NSQ-1.8-8: RDY overlong", sub, line("RDY 18446744073709551617"), line("ASDF")],
  ["NSQ-1.9-1: FIN before SUB", line(`FIN ${noId}`)],
  ["NSQ-1.9-2: FIN without id", sub, line("FIN")],
  ["NSQ-1.9-3: FIN empty id", sub, line("FIN ")],
  ["NSQ-1.9-4: FIN short id", sub, line("FIN 123")],
  ["NSQ-1.9-5: FIN long id", sub, line(`FIN ${noId}0`)],
  ["NSQ-1.9-6: FIN unknown id", sub, line(`FIN ${noId}`), line("ASDF")],
  ["NSQ-1.9-7: FIN unprintable id", sub, line("FIN \x01\xff23456789abcdef"), line("ASDF")],
  ["NSQ-1.9-8: REQ before SUB", line(`REQ ${noId} 0`)],
  ["NSQ-1.9-9: REQ without timeout", sub, line(`REQ ${noId}`)],
  ["NSQ-1.9-10: REQ negative timeout", sub, line(`REQ ${noId} -1`)],
  ["NSQ-1.9-11: REQ word", sub, line(`REQ ${noId} x`)],
  ["NSQ-1.9-12: REQ short id and word", sub, line("REQ 1 x")],
  ["NSQ-1.9-13: REQ unknown id", sub, line(`REQ ${noId} 99999999`), line("ASDF")],
  ["NSQ-1.9-14: TOUCH before SUB", line(`TOUCH ${noId}`)],
  ["NSQ-1.9-15: TOUCH without id", sub, line("TOUCH")],
  ["NSQ-1.9-16: TOUCH unknown id", sub, line(`TOUCH ${noId}`), line("ASDF")],
  ["NSQ-1.11-2: CLS before SUB", line("CLS")],
  ["NSQ-1.11-3: CLS", sub, line("CLS"), line("RDY x"), line(`FIN ${noId}`), line("ASDF")],
  ["NSQ-1.11-4: CLS twice", sub, line("CLS"), line("CLS")],
  ["NSQ-1.7-11: SUB after CLS", sub, line("CLS"), sub],
  ["NSQ-1.10-1: PUB", sized("PUB t_pub", "a"), line("ASDF")],
  ["NSQ-1.10-2: PUB while subscribed", sub, sized("PUB t_pub", "a"), line("ASDF")],
  ["NSQ-1.10-3: PUB with more words", sized("PUB t_pub x y", "a"), line("ASDF")],
  ["NSQ-1.10-4: PUB without topic", line("PUB")],
  ["NSQ-1.10-5: PUB topic empty", line("PUB ")],
  ["NSQ-1.10-6: PUB topic wrong", line("PUB x$\x7f\xc3\xa4")],
  ["NSQ-1.10-7: PUB size 0", sized("PUB t_pub", "", 0)],
  ["NSQ-1.10-8: PUB size negative", sized("PUB t_pub", "", -5)],
  ["NSQ-1.10-9: PUB too big", sized("PUB t_pub", "", 1_048_577)],
  ["NSQ-1.10-10: PUB largest", sized("PUB t_pub", Buffer.alloc(1_048_576, "x")), line("ASDF")],
  ["NSQ-1.10-11: DPUB", sized("DPUB t_dpub 5", "a"), line("ASDF")],
  ["NSQ-1.10-12: DPUB without defer", line("DPUB t")],
  ["NSQ-1.10-13: DPUB topic and defer wrong", line("DPUB x$ y")],
  ["NSQ-1.10-14: DPUB word", line("DPUB t x")],
  ["NSQ-1.10-15: DPUB negative", line("DPUB t -1")],
  ["NSQ-1.10-16: DPUB empty defer", sized("DPUB t_dpub ", "a"), line("ASDF")],
  ["NSQ-1.10-17: DPUB too long", line("DPUB t 3600001")],
  ["NSQ-1.10-18: DPUB longest", sized("DPUB t_dpub 3600000", "a"), line("ASDF")],
  ["NSQ-1.10-19: DPUB overlong digits", sized("DPUB t_dpub 18446744073709551617", "a"), line("ASDF")],
  ["NSQ-1.10-20: DPUB size 0", sized("DPUB t 1", "", 0)],
  ["NSQ-1.10-21: DPUB too big", sized("DPUB t 1", "", 1_048_577)],
  ["NSQ-1.10-22: MPUB", mpub("t_mpub", ["a", "b", "c"]), line("ASDF")],
  ["NSQ-1.10-23: MPUB without topic", line("MPUB")],
  ["NSQ-1.10-24: MPUB topic wrong", line("MPUB x$")],
  ["NSQ-1.10-25: MPUB size 0", sized("MPUB t_mpub", "", 0)],
  ["NSQ-1.10-26: MPUB too big", sized("MPUB t_mpub", "", 5_242_881)],
  ["NSQ-1.10-27: MPUB count 0", mpub("t_mpub", [], 0)],
  ["NSQ-1.10-28: MPUB count negative", mpub("t_mpub", [], -1)],
  ["NSQ-1.10-29: MPUB count too high", mpub("t_mpub", [], 1_048_576)],
  ["NSQ-1.10-30: MPUB message 1 of size 0", mpub("t_mpub", ["a", ""])],
  ["NSQ-1.10-31: MPUB message too big", sized("MPUB t_mpub", Buffer.concat([int32(1), int32(1_048_577)]))],
  [
    "NSQ-1.10-32: MPUB outer size too small",
    Buffer.concat([line("MPUB t_mpub"), int32(1), int32(1), int32(1), Buffer.from("a")]),
    line("ASDF"),
  ],
  [
    "NSQ-1.10-33: MPUB outer size too large",
    Buffer.concat([line("MPUB t_mpub"), int32(100), int32(1), int32(1), Buffer.from("a")]),
    line("ASDF"),
  ],
  [
    "NSQ-1.1-9: pipelined",
    Buffer.concat([
      identify({ client_id: "p" }),
      sub,
      line("RDY 0"),
      sized("PUB t_pub", "a"),
      line("NOP"),
      line("ASDF"),
    ]),
  ],
];

export const nsqScripts: readonly NsqScript[] = rows.map(([name, ...steps]) => ({ name, steps }));

/** Other first four bytes than protocol V2's. */
export const wrongMagics: readonly string[] = ["  V1", "V2  ", "GET ", "\x00\x00\x00\x00"];
